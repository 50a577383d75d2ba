package tlsrpt_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/tlsrpt"
	"github.com/danesmtp/danesmtp/dnssec"
)

// good is a session without a failure.
func good(domain string) dane.Report {
	return dane.Report{Domain: domain, Policy: dane.ReportPolicy{Type: "no-policy-found", Domain: domain}, Passed: true, Encrypted: true}
}

// A socket that is not there, or that nobody reads, loses reports, and costs nothing else.
func TestLostDatagrams(t *testing.T) {
	t.Parallel()
	v := reporting(t).Verifier()
	for name, tt := range map[string]struct {
		socket func(*testing.T) string
		want   error
	}{
		"no socket": {func(t *testing.T) string { return newCollector(t).path + "-not" }, fs.ErrNotExist},
		"a collector that has ended": {func(t *testing.T) string {
			c := newCollector(t)
			path := c.path + "2"
			if err := os.Link(c.path, path); err != nil { // closing removes the first name only
				t.Fatal(err)
			}
			c.conn.Close()
			return path
		}, syscall.ECONNREFUSED},
		"no socket, but a file": {func(t *testing.T) string {
			path := newCollector(t).path + "2"
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}, syscall.ECONNREFUSED},
		"a path that is too long": {func(*testing.T) string { return "/" + strings.Repeat("x", 200) }, syscall.EINVAL},
		"a socket that is full": {func(t *testing.T) string {
			c := newCollector(t)
			reporter := &tlsrpt.Reporter{Socket: c.path, Verifier: v}
			for range 1 << 16 { // the collector never reads
				if reporter.Send(t.Context(), good("good.example")) != nil {
					return c.path
				}
			}
			t.Fatal("the socket takes all there is")
			return ""
		}, syscall.EAGAIN},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reporter := &tlsrpt.Reporter{Socket: tt.socket(t), Verifier: v}
			if err := reporter.Send(t.Context(), good("good.example")); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if lost, sent := reporter.Counters.Lost.Load(), reporter.Counters.Sent.Load(); lost != 1 || sent != 0 {
				t.Errorf("counted %d lost, %d sent", lost, sent)
			}
		})
	}
}

// Without a record, or an answer, nothing is sent, and without TLS nothing is looked up.
func TestNothingToSend(t *testing.T) {
	t.Parallel()
	internet := reporting(t, zone("two.example", `_smtp._tls TXT "v=TLSRPTv1; rua=mailto:other@reports.example"`))
	c := newCollector(t)
	down := dane.Report{Domain: "good.example", Failure: dane.Failure{Code: "4.4.1"}}
	clear := dane.Report{Domain: "good.example", Passed: true}
	for name, tt := range map[string]struct {
		report   dane.Report
		unwanted int64
		failed   int64
	}{
		"no such domain":       {good("none.such"), 1, 0},
		"two records":          {good("two.example"), 1, 0},
		"an address":           {good("[192.0.2.1]"), 1, 0},
		"a zone that is bogus": {good("bogus.example"), 0, 1},
		"no domain":            {good(""), 0, 1},
		"no connection":        {down, 0, 0},
		"no TLS":               {clear, 0, 0},
	} {
		reporter := &tlsrpt.Reporter{Socket: c.path, Verifier: internet.Verifier()}
		err := reporter.Send(t.Context(), tt.report)
		if (err != nil) != (tt.failed > 0) || c.received(t) != nil {
			t.Errorf("%s: %v, or a datagram", name, err)
		}
		if n := &reporter.Counters; n.Unwanted.Load() != tt.unwanted || n.FailedLookups.Load() != tt.failed || n.Lost.Load()+n.Sent.Load() != 0 {
			t.Errorf("%s: counted %d and %d", name, n.Unwanted.Load(), n.FailedLookups.Load())
		}
	}
	var zero tlsrpt.Reporter
	ctx, delivery := zero.Begin(t.Context())
	delivery.Add(good("good.example"))
	if err := delivery.Send(ctx); err != nil {
		t.Error(err)
	}
}

// A hanging resolver.
type hanging struct{}

func (hanging) Lookup(ctx context.Context, _ string, _ uint16) (*dnssec.Answer, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A lookup that hangs ends after the timeout, or with a context that is cancelled. That the
// delivery's deadline has passed keeps no report of it back.
func TestContexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		reporter := &tlsrpt.Reporter{Socket: "unused", Verifier: &dane.Verifier{Resolver: hanging{}}}
		if err := reporter.Send(t.Context(), good("good.example")); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		start = time.Now()
		reporter.Timeout = time.Minute
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3*time.Second, cancel)
		if err := reporter.Send(ctx, good("good.example")); !errors.Is(err, context.Canceled) || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		start = time.Now()
		ctx, cancel = context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := reporter.Send(ctx, good("good.example")); time.Since(start) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
	c := newCollector(t)
	reporter := &tlsrpt.Reporter{Socket: c.path, Verifier: reporting(t).Verifier()}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if err := reporter.Send(ctx, good("good.example")); err != nil || len(c.received(t)) != 1 {
		t.Error(err)
	}
}

// Servers and zones say what they like: the collector gets JSON of bounded size in ASCII, of
// which each string is what it is meant to be.
func TestHostileText(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	v := reporting(t).Verifier()
	random := rand.New(rand.NewPCG(8460, 1))
	noise := func() string {
		b := make([]byte, random.IntN(5000))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return string(b) + `","dpv":"2"}` + "\r\n\u2028\x00\xff"
	}
	for range 5 {
		reporter := &tlsrpt.Reporter{Socket: c.path, Verifier: v}
		ctx, delivery := reporter.Begin(t.Context())
		const all = 200
		for range all {
			r := dane.Report{Domain: "good.example", MXHost: noise(), MXHello: noise(), Addr: netip.MustParseAddr("fe80::1%" + strings.Repeat("z", 100))}
			r.Policy = dane.ReportPolicy{Type: noise(), Domain: noise(), Strings: slices.Repeat([]string{noise()}, 40), MXHosts: make([]string, 1000)}
			r.Failure = dane.Failure{ResultType: dane.ResultType(noise()), Reason: noise(), Text: noise()}
			delivery.Add(r)
		}
		var payloads []string
		done := make(chan error)
		go func() { done <- delivery.Send(ctx) }()
		for finished := false; !finished; {
			select {
			case <-done:
				finished = true
			default:
			}
			payloads = append(payloads, c.received(t)...)
		}
		counters := &reporter.Counters
		if counters.Sent.Load() != int64(len(payloads)) || counters.Sent.Load()+counters.Lost.Load() != all {
			t.Errorf("%d datagrams, counted %d and %d lost", len(payloads), counters.Sent.Load(), counters.Lost.Load())
		}
		_, read := sessions(t, payloads)
		for _, s := range read {
			lengths := []int{len(s.Domain)}
			for _, f := range s.Failures {
				lengths = append(lengths, len(f.F), len(f.H), len(f.N), len(f.R))
			}
			if slices.Max(lengths) > 255 || len(s.Strings) != 32 || len(s.Strings[0]) > 998 || len(s.MXHosts) != 32 {
				t.Fatalf("without limits: %+v", s)
			}
		}
		for _, payload := range payloads {
			if len(payload) > 80_000 || strings.ContainsFunc(payload, func(r rune) bool { return r < ' ' || r > '~' }) || !json.Valid([]byte(payload)) {
				t.Fatalf("%d octets: %q", len(payload), payload)
			}
		}
	}
}

// Many sessions are spread over datagrams, none of which is longer than systems take, and the
// number of all is bounded.
func TestManySessions(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	reporter := &tlsrpt.Reporter{Socket: c.path, Verifier: reporting(t).Verifier()}
	many := make([]dane.Report, 100)
	for i := range many {
		many[i] = good("good.example")
		many[i].Policy.Strings = []string{strings.Repeat("x", 140), strings.Repeat("y", 140)}
	}
	ctx, delivery := reporter.Begin(t.Context())
	var group sync.WaitGroup
	for part := range 4 {
		group.Go(func() { delivery.Add(many[25*part : 25*part+25]...) })
	}
	group.Wait()
	if err := delivery.Send(ctx); err != nil {
		t.Fatal(err)
	}
	payloads := c.received(t)
	if _, all := sessions(t, payloads); len(all) != len(many) || len(payloads) < 4 {
		t.Errorf("%d sessions in %d datagrams", len(all), len(payloads))
	}
	for _, payload := range payloads {
		if len(payload) > 8192 {
			t.Errorf("%d octets", len(payload))
		}
	}
	if err := reporter.Send(ctx, append(many, many...)...); err == nil || reporter.Counters.Lost.Load() == 0 {
		t.Error("without a limit")
	}
}
