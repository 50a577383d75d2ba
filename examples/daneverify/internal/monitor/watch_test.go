package monitor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// A script is a Check of one domain that changes: a report for each round, the last one for
// all that follow.
func script(reports ...diagnosis.Report) Check {
	return func(_ context.Context, domain string) (*dane.Result, diagnosis.Report) {
		report := reports[0]
		if len(reports) > 1 {
			reports = reports[1:]
		}
		return &dane.Result{Name: domain}, report
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	broken, expired := standard["broken.example"], found(diagnosis.StateBroken, finding(diagnosis.CodeSignatureExpired, diagnosis.Broken, "", "Ended\n2027."))
	otherText := found(diagnosis.StateBroken, slices.Clone(broken.Findings)...)
	otherText.Findings[0].Text = "Another key, said in another way."
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(day))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour-time.Second)
		defer cancel()
		var out, errs strings.Builder
		rounds := 0
		w := Watch{Domains: []string{"a.example"}, Interval: 5 * time.Minute, Out: &out, Errors: &errs,
			Trust: func(time.Time) (trust Trust) {
				if rounds++; rounds == 3 || rounds == 4 {
					trust.Warnings = []string{"Not writable."}
				}
				return trust
			},
			Check: script(found(diagnosis.StateOK), found(diagnosis.StateOK), broken, otherText, expired, expired, found(diagnosis.StateOK))}
		w.Run(ctx)
		const want = `2027-03-01T12:00:00Z a.example OK: 0 of 0 hosts are authenticated by DANE, at 0 addresses
2027-03-01T12:10:00Z a.example BROKEN: tlsa-mismatch at 192.0.2.1, 2001:db8::1: Another key (also no-next-key) (it was OK)
2027-03-01T12:10:00Z trust anchors WARNING: Not writable.
2027-03-01T12:20:00Z a.example BROKEN: signature-expired: Ended; 2027
2027-03-01T12:20:00Z trust anchors OK
2027-03-01T12:30:00Z a.example OK: 0 of 0 hosts are authenticated by DANE, at 0 addresses (it was BROKEN)
`
		if diff := cmp.Diff(want, out.String()); diff != "" || errs.Len() > 0 {
			t.Errorf("%s%s", &errs, diff)
		}
		if rounds != 12 {
			t.Errorf("%d rounds in an hour", rounds)
		}
	})
}

// flaky is a writer that sometimes cannot.
type flaky struct {
	strings.Builder
	failures int
}

func (f *flaky) Write(b []byte) (int, error) {
	if f.failures > 0 {
		f.failures--
		return 0, errors.New("no space left on device")
	}
	return f.Builder.Write(b)
}

// TestWatchSurvives: checks that hang, and output that fails, for a while.
func TestWatchSurvives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		out := &flaky{failures: 2}
		var rounds atomic.Int64
		release := make(chan struct{})
		defer close(release)
		w := Watch{Domains: []string{"a.example"}, Timeout: time.Minute, Out: out, Errors: new(strings.Builder),
			Check: func(ctx context.Context, domain string) (*dane.Result, diagnosis.Report) {
				switch n := rounds.Add(1); {
				case n == 10:
					return deaf(release)(ctx, domain)
				case n == 20:
					time.Sleep(2 * DefaultInterval) // longer than it may
				}
				return &dane.Result{}, found(diagnosis.StateOK)
			}}
		w.Run(ctx)
		var states []string
		for line := range strings.Lines(out.String()) {
			states = append(states, strings.Trim(strings.Fields(line)[2], ":"))
		}
		if diff := cmp.Diff([]string{"OK", "UNKNOWN", "OK", "UNKNOWN", "OK"}, states); diff != "" || rounds.Load() < 90 {
			t.Errorf("%d rounds\n%s\n%s", rounds.Load(), diff, out.String())
		}
	})
}

// TestWatchEnds: at once, without a word about what was cut off.
func TestWatchEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		started := time.Now()
		var out strings.Builder
		w := Watch{Domains: []string{"a.example", "b.example"}, Check: hang, Out: &out, Concurrency: 1}
		w.Run(ctx)
		if out.Len() > 0 || time.Since(started) != time.Second {
			t.Errorf("after %s: %s", time.Since(started), &out)
		}
	})
}
