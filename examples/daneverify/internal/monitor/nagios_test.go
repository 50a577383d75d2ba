package monitor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

func TestNagios(t *testing.T) {
	t.Parallel()
	trouble := func(time.Time) Trust { return Trust{Warnings: []string{"The state cannot be written | no."}} }
	for _, tt := range []struct {
		why     string
		domains string
		require bool
		trust   TrustCheck
		want    Status
		text    string
	}{
		{"all is well", "good.example", false, nil, OK,
			"DANE OK - good.example OK: 0 of 0 hosts are authenticated by DANE, at 0 addresses | 'time'=0s;;;0;50 'hosts'=0;;;0 'addresses'=0;;;0 'authenticated'=0;;;0"},
		{"something ends soon", "soon.example", false, nil, Warning,
			"DANE WARNING - soon.example WARNING: no-next-key: There is one record for one key | "},
		{"an address is broken", "broken.example", false, nil, Critical,
			"DANE CRITICAL - broken.example BROKEN: tlsa-mismatch at 192.0.2.1, 2001:db8::1: Another key (also no-next-key) | "},
		{"nothing is known", "unknown.example", false, nil, Unknown,
			"DANE UNKNOWN - unknown.example UNKNOWN: no-capable-resolver: No DNS server | "},
		{"a domain without DANE is in order, and it is said", "plain.example", false, nil, OK,
			"DANE OK - plain.example NONE: mx-unsigned: The zone is not signed | "},
		{"unless DANE is a must", "plain.example", true, nil, Critical,
			"DANE CRITICAL - plain.example (DANE is required) NONE: mx-unsigned: The zone is not signed | "},
		{"a must does not change what is known", "good.example", true, nil, OK, "DANE OK - good.example OK: "},
		{"anchors that cannot be kept are a warning", "good.example", false, trouble, Warning,
			"DANE WARNING - The state cannot be written / no; good.example OK: "},
		{"and hide nothing that is worse", "unknown.example", false, trouble, Unknown,
			"DANE UNKNOWN - unknown.example UNKNOWN: no-capable-resolver: No DNS server; The state cannot be written / no | "},
		{"the worst of several is first", "good.example soon.example unknown.example broken.example plain.example", false, nil, Critical,
			"DANE CRITICAL - 5 domains, 1 BROKEN, 1 UNKNOWN, 1 WARNING, 1 NONE, 1 OK: broken.example BROKEN: tlsa-mismatch at 192.0.2.1, 2001:db8::1: Another key (also no-next-key); " +
				"unknown.example UNKNOWN: no-capable-resolver: No DNS server; soon.example WARNING: no-next-key: There is one record for one key | " +
				"'time'=0s;;;0;50 'domains'=5;;;0 'ok'=1;;;0 'none'=1;;;0 'warning'=1;0;;0 'unknown'=1;;;0 'broken'=1;;0;0 'good.example time'=0s;;;0 'good.example hosts'=0;;;0"},
		{"several that are in order", "good.example plain.example", false, nil, OK, "DANE OK - 2 domains, 1 NONE, 1 OK | "},
		{"a must, of several", "good.example plain.example", true, nil, Critical,
			"DANE CRITICAL - 2 domains, 1 NONE, 1 OK: plain.example (DANE is required) NONE: mx-unsigned: The zone is not signed | 'time'=0s;;;0;50 'domains'=2;;;0 'ok'=1;;;0 'none'=1;;0;0"},
		{"what is not known is worse than what ends soon", "soon.example unknown.example", false, nil, Unknown, "DANE UNKNOWN - 2 domains, 1 UNKNOWN, 1 WARNING: unknown"},
	} {
		synctest.Test(t, func(t *testing.T) { // so that nothing takes time
			n := Nagios{Check: standard.check, Domains: strings.Fields(tt.domains), Require: tt.require, Trust: tt.trust, Concurrency: 4}
			var out strings.Builder
			if got := n.Run(t.Context(), &out); got != tt.want || !strings.HasPrefix(out.String(), tt.text) {
				t.Errorf("%s: %s\n%swant:\n%s", tt.why, got, out.String(), tt.text)
			}
			if problem := badLine(out.String()); problem != "" {
				t.Errorf("%s: %s: %s", tt.why, problem, out.String())
			}
		})
	}
}

// TestMeasures: thresholds are those by which the state is judged, and only for what matters.
func TestMeasures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(day))
		n := Nagios{Within: 72 * time.Hour, Domains: []string{"good.example"}, Check: func(_ context.Context, domain string) (*dane.Result, diagnosis.Report) {
			time.Sleep(1234 * time.Millisecond)
			return detailed(domain), found(diagnosis.StateOK)
		}}
		var out strings.Builder
		n.Run(t.Context(), &out)
		const want = "DANE OK - good.example OK: 1 of 2 hosts are authenticated by DANE, at 2 addresses | 'time'=1.234s;;;0;50 'hosts'=2;;;0 'addresses'=2;;;0 'authenticated'=2;;;0 " +
			"'certificate_days'=20;3:;0: 'signature_days'=2;3:;0:\n"
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Error(diff)
		}
		r := detailed("good.example")
		r.Hosts[0].Attempts = r.Hosts[0].Attempts[:1]
		r.Hosts[0].Lookups[0].Chain[0].Inception = day.AddDate(0, 0, -2) // for two days, on purpose
		n.Check = func(context.Context, string) (*dane.Result, diagnosis.Report) { return r, found(diagnosis.StateOK) }
		out.Reset()
		n.Run(t.Context(), &out)
		if want := "'certificate_days'=10 'signature_days'=2;1:;0:\n"; !strings.HasSuffix(out.String(), want) {
			t.Errorf("%swant at its end %s", out.String(), want)
		}
	})
}

// TestDeadline: there is a line in time, whatever the checks do, and nothing that is known is lost.
func TestDeadline(t *testing.T) {
	t.Parallel()
	mixed := func(ctx context.Context, domain string) (*dane.Result, diagnosis.Report) {
		if domain == "hang.example" {
			return hang(ctx, domain)
		}
		return standard.check(ctx, domain)
	}
	stuck := func(release <-chan struct{}) TrustCheck {
		return func(time.Time) Trust { <-release; return Trust{} }
	}
	for _, tt := range []struct {
		why     string
		check   Check // nil is a deaf one
		stuck   bool  // the file system is, too
		domains string
		atATime int
		want    Status
		text    string
	}{
		{"a check that hangs until its context ends", hang, false, "a.example", 1, Unknown, "DANE UNKNOWN - a.example UNKNOWN: dns-no-answer: No answer (also not-in-time) | "},
		{"one that does not even heed that", nil, false, "a.example", 1, Unknown, "DANE UNKNOWN - a.example UNKNOWN: not-in-time: The check of a.example has not ended within 9.5 s | "},
		{"domains whose turn does not come", nil, false, "a.example b.example c.example", 1, Unknown, "DANE UNKNOWN - 3 domains, 3 UNKNOWN: a.example"},
		{"one that is broken is known to be", mixed, false, "hang.example broken.example", 2, Critical, "DANE CRITICAL - 2 domains, 1 BROKEN, 1 UNKNOWN: broken.example BROKEN: "},
		{"a file system that hangs", standard.check, true, "good.example", 1, Warning, "DANE WARNING - It could not be found out"},
		{"all of it", nil, true, "a.example", 1, Unknown, "DANE UNKNOWN - a.example"},
	} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			defer close(release)
			started := time.Now()
			n := Nagios{Check: tt.check, Domains: strings.Fields(tt.domains), Timeout: 10 * time.Second, Concurrency: tt.atATime}
			if n.Check == nil {
				n.Check = deaf(release)
			}
			if tt.stuck {
				n.Trust = stuck(release)
			}
			var out strings.Builder
			if got := n.Run(t.Context(), &out); got != tt.want || !strings.HasPrefix(out.String(), tt.text) {
				t.Errorf("%s: %s\n%swant:\n%s", tt.why, got, out.String(), tt.text)
			}
			if took := time.Since(started); took > n.Timeout {
				t.Errorf("%s: it took %s", tt.why, took)
			}
		})
	}
}

// TestInterrupted: a plugin that is told to end says so at once.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		started := time.Now()
		var out strings.Builder
		n := Nagios{Check: hang, Domains: []string{"a.example"}}
		if got := n.Run(ctx, &out); got != Unknown || !strings.Contains(out.String(), "interrupted") || time.Since(started) > 2*time.Second {
			t.Errorf("%s after %s: %s", got, time.Since(started), &out)
		}
	})
}

// TestLateness: what the end of the whole check has cut off is not known, and not broken; what
// a connection's own time has ended is broken.
func TestLateness(t *testing.T) {
	t.Parallel()
	late := fmt.Errorf("dial: %w", context.DeadlineExceeded)
	own := fmt.Errorf("dial: %w", os.ErrDeadlineExceeded)
	unreachable := finding(diagnosis.CodeUnreachable, diagnosis.Broken, "mx.example", "No connection.")
	unreachable.Addresses = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	both := unreachable
	both.Addresses = append(both.Addresses[:1:1], netip.MustParseAddr("192.0.2.2"))
	unanswered := finding(diagnosis.CodeDNSFailed, diagnosis.Broken, "mx.example", "No answer.")
	domainUnanswered := finding(diagnosis.CodeDNSFailed, diagnosis.Broken, "", "No answer.")
	other := finding(diagnosis.CodeTLSAMismatch, diagnosis.Broken, "mx2.example", "Another key.")
	for _, tt := range []struct {
		why      string
		domain   error // of the lookup for it
		host     error // of a lookup for mx.example
		attempts []error
		takes    time.Duration
		finding  diagnosis.Finding
		also     []diagnosis.Finding
		want     diagnosis.State
	}{
		{"the end of all", nil, nil, []error{late}, 10 * time.Second, unreachable, nil, diagnosis.StateUnknown},
		{"its own end", nil, nil, []error{own}, 10 * time.Second, unreachable, nil, diagnosis.StateBroken},
		{"a refusal just before the end", nil, nil, []error{errors.New("refused")}, 10 * time.Second, unreachable, nil, diagnosis.StateBroken},
		{"two addresses, both late", nil, nil, []error{late, late}, 10 * time.Second, both, nil, diagnosis.StateUnknown},
		{"two addresses, one of which refuses", nil, nil, []error{late, own}, 10 * time.Second, both, nil, diagnosis.StateBroken},
		{"a lookup for the host", nil, late, nil, 8 * time.Second, unanswered, nil, diagnosis.StateUnknown},
		{"a lookup for the host that was answered", nil, own, nil, 8 * time.Second, unanswered, nil, diagnosis.StateBroken},
		{"a lookup for the domain", late, nil, nil, 8 * time.Second, domainUnanswered, nil, diagnosis.StateUnknown},
		{"a lookup that ended long before the end of all", late, nil, nil, time.Second, domainUnanswered, nil, diagnosis.StateBroken},
		{"what is broken all the same", nil, nil, []error{late}, 10 * time.Second, unreachable, []diagnosis.Finding{other}, diagnosis.StateBroken},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			o := observe(ctx, func(context.Context, string) (*dane.Result, diagnosis.Report) {
				time.Sleep(tt.takes)
				host := dane.HostResult{Host: &dane.Host{Name: "mx.example", Lookups: []dane.Lookup{{Err: tt.host}}}}
				for i, err := range tt.attempts {
					host.Attempts = append(host.Attempts, dane.Attempt{Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 25), Err: err})
				}
				return &dane.Result{Domain: &dane.Domain{Lookup: dane.Lookup{Err: tt.domain}}, Hosts: []dane.HostResult{host}},
					found(diagnosis.StateBroken, append(tt.also, tt.finding)...)
			}, "example")
			if o.State() != tt.want {
				t.Errorf("%s: %s, want %s", tt.why, o.State(), tt.want)
			}
			if mine := o.Report.Findings[len(o.Report.Findings)-1].Code == CodeNotInTime; mine != o.Cut {
				t.Errorf("%s: cut %t, and the findings are %v", tt.why, o.Cut, o.Report.Findings)
			}
		})
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestNagiosCannotPrint(t *testing.T) {
	t.Parallel()
	n := Nagios{Check: standard.check, Domains: []string{"good.example"}}
	if got := n.Run(t.Context(), full{}); got != Unknown {
		t.Errorf("%s for a line that nobody has seen", got)
	}
}

func TestNagiosUnknown(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if got := NagiosUnknown(&out, "-port 0: want 1 to 65535\n|x"); got != Unknown || out.String() != "DANE UNKNOWN - -port 0: want 1 to 65535; /x\n" {
		t.Errorf("%s: %q", got, &out)
	}
}

// TestManyDomains: a line has room for what is bad, not for all that there is.
func TestManyDomains(t *testing.T) {
	t.Parallel()
	w := make(world)
	var domains []string
	for i := range 500 {
		domain := fmt.Sprintf("domain-%d.example", i)
		domains = append(domains, domain)
		w[domain] = standard["good.example"]
	}
	w["domain-499.example"] = standard["broken.example"]
	n := Nagios{Check: w.check, Domains: domains, Concurrency: 50}
	var out strings.Builder
	if got := n.Run(t.Context(), &out); got != Critical || !strings.HasPrefix(out.String(), "DANE CRITICAL - 500 domains, 1 BROKEN, 499 OK: domain-499.example BROKEN") {
		t.Errorf("%s: %s", got, &out)
	}
	if problem := badLine(out.String()); problem != "" {
		t.Errorf("%s: %s", problem, &out)
	}
}

// perfdatum is what the guidelines allow.
var perfdatum = regexp.MustCompile(`^ ?'(?:[^'=]|'')+'=-?[0-9]+(?:\.[0-9]+)?(?:s)?(?:;[0-9.:@~-]*){0,4}`)

// badLine returns what is wrong with the line of a plugin.
func badLine(line string) string {
	text, perfdata, _ := strings.Cut(line, "|")
	switch {
	case len(line) > maxOutput:
		return fmt.Sprintf("it has %d octets", len(line))
	case !strings.HasSuffix(line, "\n") || strings.Count(line, "\n") != 1:
		return "it is not one line"
	case !regexp.MustCompile(`^DANE (OK|WARNING|CRITICAL|UNKNOWN) - `).MatchString(text):
		return "it does not begin with the status"
	case strings.Trim(line[:len(line)-1], printables()) != "":
		return "it has what is not printable"
	}
	rest := strings.TrimSuffix(perfdata, "\n")
	for rest != "" {
		one := perfdatum.FindString(rest)
		if one == "" {
			return "no perfdata: " + rest
		}
		rest = rest[len(one):]
	}
	return ""
}

func printables() string {
	var b strings.Builder
	for c := ' '; c <= '~'; c++ {
		b.WriteRune(c)
	}
	return b.String()
}

func FuzzNagiosLine(f *testing.F) {
	f.Add("text", "label", 1.5)
	f.Add("a|b\nDANE OK - x | 'y'=1", "it's=a|b", -0.25)
	f.Add(strings.Repeat("\u202e", 3000), strings.Repeat("'", 5000), 1e9)
	f.Add(strings.Repeat("x", 5000), "", 0.0)
	f.Fuzz(func(t *testing.T, text, label string, value float64) {
		if !(value > -1e15 && value < 1e15) || label == "" {
			return // no duration, and no number of things
		}
		line := nagiosLine(Critical, text, []perf{{label: label, value: value, unit: "s", warn: "3:", maximum: "50"}, count(label, 7)})
		if problem := badLine(line); problem != "" {
			t.Errorf("%s: %q", problem, line)
		}
		if strings.Count(line, "|") > 1 {
			t.Errorf("more than one bar: %q", line)
		}
	})
}

// TestWorstFirst: what is shown of a domain is what is most urgent, and by code what there is besides.
func TestWorstFirst(t *testing.T) {
	t.Parallel()
	nextKey, soon := finding(diagnosis.CodeNoNextKey, diagnosis.Warning, "mx", "One record."), finding(diagnosis.CodeSignatureEnds, diagnosis.Warning, "", "Tomorrow.")
	note := finding(diagnosis.CodeTLSAWasteful, diagnosis.Note, "mx", "Long.")
	mismatch := finding(diagnosis.CodeTLSAMismatch, diagnosis.Broken, "mx", "Another key.")
	many := []diagnosis.Finding{mismatch, mismatch}
	for _, code := range []diagnosis.Code{"a", "b", "c", "d", "e", "f", "g"} {
		many = append(many, finding(code, diagnosis.Warning, "mx", "X."))
	}
	for _, tt := range []struct {
		report diagnosis.Report
		want   string
	}{
		{found(diagnosis.StateWarning, nextKey, soon, note), "WARNING: signature-ends-soon: Tomorrow (also no-next-key)"},
		{found(diagnosis.StateWarning, nextKey, nextKey), "WARNING: no-next-key: One record"},
		{found(diagnosis.StateBroken, nextKey, mismatch), "BROKEN: tlsa-mismatch: Another key (also no-next-key)"},
		{found(diagnosis.StateBroken, many...), "BROKEN: tlsa-mismatch: Another key (also a, b, c, d, e and 2 more)"},
		{found(diagnosis.StateNone, note, note), "NONE: tlsa-wasteful: Long"},
		{found(diagnosis.StateNone), "NONE: there is no DANE, and nothing is broken"},
		{found(diagnosis.StateUnknown), "UNKNOWN"},
	} {
		o := Observation{Report: tt.report}
		if got := o.summary(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
