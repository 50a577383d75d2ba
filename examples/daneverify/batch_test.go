package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// feed runs the program with a list on standard input.
func feed(ctx context.Context, list io.Reader, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(ctx, args, list, &out, &errs)
	return status, out.String(), errs.String()
}

const list = "# a survey\ngood.example\n\nunsigned.example\nmismatch.example\nexa mple\nbackup.example\n"

func TestSurvey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	domains := []string{"good.example", "unsigned.example", "mismatch.example", "exa mple", "backup.example"}
	for _, tt := range []struct {
		name    string
		args    []string
		summary string
	}{
		{"transcripts in order", []string{"-input", "-"}, "2 with DANE, 1 without, 1 failures, 0 without a DNS server, 1 no domain names"},
		{"one after another", []string{"-input", "-", "-concurrency", "1"}, "2 with DANE, 1 without, 1 failures"},
		{"plans from a file", []string{"-input", file, "-dns-only", "-concurrency", "2"}, "3 with DANE, 1 without, 0 failures, 0 without a DNS server, 1 no domain names"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := feed(t.Context(), strings.NewReader(list), append([]string{"-demo"}, tt.args...)...)
			if status != exitUsage || !strings.Contains(stderr, "daneverify: 5 domains in ") || !strings.Contains(stderr, tt.summary) || !strings.Contains(stderr, "exa mple: not a host name") {
				t.Errorf("exit status %d, %s; want %q", status, stderr, tt.summary)
			}
			var got []string
			for line := range strings.Lines(stdout) {
				if strings.HasPrefix(line, "DANE ") && strings.Contains(line, " for ") {
					_, line, _ = strings.Cut(strings.TrimSpace(line), " for ")
					line, _, _ = strings.Cut(line, ":")
					got = append(got, line)
				}
			}
			if diff := cmp.Diff(domains, got); diff != "" {
				t.Errorf("%s\n%s", diff, stdout)
			}
			_, stdout, _ = feed(t.Context(), strings.NewReader(list), append([]string{"-demo", "-json"}, tt.args...)...)
			for _, domain := range domains {
				if strings.Count(stdout, `"domain":"`+domain+`"`) != 1 {
					t.Errorf("JSON has %s not once:\n%s", domain, stdout)
				}
			}
		})
	}
}

// A line without a domain holds its place among those that are slow.
func TestOrderAcrossBadLines(t *testing.T) {
	t.Parallel()
	resolver, anchors := private(t,
		danetest.Domain{Name: "good.example", Hosts: []danetest.Host{{Name: "mail"}}},
		danetest.Domain{Name: "silent.example", Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.Silent}}})
	list := "silent.example\n" + strings.Repeat("a", survey.MaxLine+1) + "\ngood.example\n"
	_, stdout, stderr := feed(t.Context(), strings.NewReader(list), "-dns-only", "-timeout", "1s", "-resolver", resolver, "-anchors", anchors, "-input", "-")
	first, second := strings.Index(stdout, "for silent.example"), strings.Index(stdout, "for good.example")
	if first < 0 || second < first || !strings.Contains(stderr, "line 2 is longer") {
		t.Errorf("out of order:\n%s%s", stdout, stderr)
	}
}

func TestSurveyExitStatus(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		list string
		want int
	}{
		{"", exitSuccess},
		{"good.example\n", exitSuccess},
		{"good.example\nunsigned.example\n", exitNoDANE},
		{"mismatch.example\nunsigned.example\n", exitFailure},
		{"good.example\n" + strings.Repeat("a", survey.MaxLine+1), exitUsage},
	} {
		if status, stdout, stderr := feed(t.Context(), strings.NewReader(tt.list), "-demo", "-input", "-"); status != tt.want {
			t.Errorf("%.40q: exit status %d, want %d\n%s%s", tt.list, status, tt.want, stdout, stderr)
		}
	}
}

// All domains share a cache: what was asked for one is not asked again.
func TestSurveySharesTheCache(t *testing.T) {
	t.Parallel()
	_, stdout, _ := feed(t.Context(), strings.NewReader("good.example\ngood.example\n"), "-demo", "-dns-only", "-json", "-input", "-", "-concurrency", "1")
	rows := slices.Sorted(strings.Lines(stdout)) // by line: JSON comes as it is ready
	if len(rows) != 2 || !strings.Contains(rows[1], `"queries":0,`) {
		t.Errorf("the second time took more than the cache:\n%s", stdout)
	}
}

// A domain that waits for a server that is left alone holds up no others, even where one is worked
// on at a time; as text all come in the order of the list. What an interrupt cuts short is counted.
func TestSurveyWhileAServerIsLeftAlone(t *testing.T) {
	t.Parallel()
	customer := dnssectest.Zone{Records: "@ MX 10 mail.busy.example."}
	for _, tt := range []struct {
		name      string
		json      bool
		interrupt time.Duration
		want      []string
		cut       int
	}{
		{"JSON as it is ready", true, 0, []string{"good.example", "a.example", "b.example"}, 0},
		{"text in order", false, 0, []string{"a.example", "b.example", "good.example"}, 0},
		{"JSON, interrupted", true, 30 * time.Second, []string{"good.example"}, 2},
		{"text, interrupted", false, 30 * time.Second, nil, 3},
	} {
		synctest.Test(t, func(t *testing.T) {
			internet := danetest.NewInternet(
				danetest.Domain{Name: "busy.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) {
					s.Replies = map[smtptest.Stage]string{smtptest.AtGreeting: "421 4.7.0 Too many"}
				}}}},
				danetest.Domain{Name: "a.example", Zone: customer},
				danetest.Domain{Name: "b.example", Zone: customer},
				danetest.Domain{Name: "good.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}},
			)
			defer internet.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tt.interrupt > 0 {
				time.AfterFunc(tt.interrupt, cancel)
			}
			o, err := parse([]string{"-input", "-", "-concurrency", "1"})
			if err != nil {
				t.Fatal(err)
			}
			o.json, o.stdin = tt.json, strings.NewReader("a.example\nb.example\ngood.example\n")
			entries, _, err := o.entries(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			p := newPrinter(o, internet.Verifier(), &stdout, &stderr)
			p.list = newListing()
			p.through(ctx, entries)
			if status := p.exit(ctx); status == exitSuccess {
				t.Errorf("%s: exit status %d", tt.name, status)
			}
			var got []string
			for line := range strings.Lines(stdout.String()) {
				for _, domain := range []string{"a.example", "b.example", "good.example"} {
					if strings.Contains(line, `"domain":"`+domain+`"`) || strings.HasPrefix(line, "DANE ") && strings.Contains(line, " for "+domain) {
						got = append(got, domain)
					}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || p.unfinished != tt.cut {
				t.Errorf("%s: %d cut short, want %d; rows (-want +got):\n%s", tt.name, p.unfinished, tt.cut, diff)
			}
		})
	}
}

// An interrupt while a domain waits for a silent server, and the reader for a list
// that goes on: no verdict on the former.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	resolver, anchors := private(t,
		danetest.Domain{Name: "good.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}},
		danetest.Domain{Name: "silent.example", Zone: dnssectest.Zone{Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.Silent}}})
	for _, format := range []string{"-json", "-v"} {
		ctx, interrupt := context.WithCancel(t.Context())
		list, feeder := io.Pipe()
		go func() {
			io.WriteString(feeder, "good.example\nsilent.example\ngood.example\n")
			time.Sleep(500 * time.Millisecond)
			interrupt()
		}()
		start := time.Now()
		status, stdout, stderr := feed(ctx, list, format, "-dns-only", "-resolver", resolver, "-anchors", anchors, "-input", "-")
		feeder.Close()
		if elapsed := time.Since(start); elapsed > 3*time.Second {
			t.Errorf("%s: ended after %s", format, elapsed)
		}
		if status != exitUsage || !strings.Contains(stdout, "good.example") || strings.Contains(stdout, "silent.example") {
			t.Errorf("%s: exit status %d\n%s", format, status, stdout)
		}
		for _, want := range []string{" with DANE, 0 without, 0 failures", "interrupted; "} {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s: no %q in %s", format, want, stderr)
			}
		}
	}
}

// What cannot be printed is not looked up either.
func TestSurveyStopsWithoutOutput(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	long := strings.NewReader(strings.Repeat("good.example\n", 100_000))
	if status := run(t.Context(), []string{"-demo", "-input", "-", "-dns-only"}, long, fullDisk{}, &errs); status != exitUsage || !strings.Contains(errs.String(), "no space left") {
		t.Errorf("exit status %d, %.400s", status, errs.String())
	}
}

func TestBatchUsageErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-input", "-", "example.org"}, "-input names the domains"},
		{[]string{"-input", "/no/such/list"}, "/no/such/list"},
		{[]string{"-check-resolver", "-input", "-"}, "-check-resolver takes no"},
		{[]string{"-check-resolver", "-dns-only"}, "-check-resolver takes no"},
		{[]string{"-dns-only", "-local", "127.0.0.1", "example.org"}, "takes no -local"},
		{[]string{"-concurrency", "0", "example.org"}, "-concurrency 0"},
		{[]string{"-per-address", "1", "example.org"}, "are for -input"},
		{[]string{"-share", "0", "example.org"}, "are for -input"},
		{[]string{"-pause", "-1s", "-input", "-"}, "-pause -1s"},
		{[]string{"-per-provider", "a", "-input", "-"}, "want N or N,RATE"},
		{[]string{"-concurrency", "100000", "example.org"}, "-concurrency 100000"},
	} {
		status, stdout, stderr := command(t, tt.args...)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%q: exit status %d, stdout %q, stderr %q; want %q", tt.args, status, stdout, stderr, tt.want)
		}
	}
}
