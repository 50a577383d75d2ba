package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
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
	if lines := strings.Split(stdout, "\n"); !strings.Contains(lines[1], `"queries":0,`) {
		t.Errorf("the second time took more than the cache:\n%s", stdout)
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
		{[]string{"-concurrency", "100000", "example.org"}, "-concurrency 100000"},
	} {
		status, stdout, stderr := command(t, tt.args...)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) {
			t.Errorf("%q: exit status %d, stdout %q, stderr %q; want %q", tt.args, status, stdout, stderr, tt.want)
		}
	}
}
