package monitor

import (
	"bytes"
	"context"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

const wantMetrics = `# HELP dane_monitor_last_run_success 1 if the last run got to its end, and 0 if it failed or was interrupted.
# TYPE dane_monitor_last_run_success gauge
dane_monitor_last_run_success 1
# HELP dane_monitor_last_run_timestamp_seconds When the last run ended. If it is long ago, nothing else here is true any more.
# TYPE dane_monitor_last_run_timestamp_seconds gauge
dane_monitor_last_run_timestamp_seconds 1803902402
# HELP dane_monitor_last_run_duration_seconds How long the last run took.
# TYPE dane_monitor_last_run_duration_seconds gauge
dane_monitor_last_run_duration_seconds 2
# HELP dane_monitor_domains Domains that are checked.
# TYPE dane_monitor_domains gauge
dane_monitor_domains 2
# HELP dane_trust_anchors_ok 1 if the trust anchors can be used and kept up to date, and do not end soon.
# TYPE dane_trust_anchors_ok gauge
dane_trust_anchors_ok 1
# HELP dane_trust_anchors_validated_timestamp_seconds When the keys of a zone with tracked trust anchors were last validated.
# TYPE dane_trust_anchors_validated_timestamp_seconds gauge
dane_trust_anchors_validated_timestamp_seconds{zone="."} 1803816000
# HELP dane_domain_state 1 for the state of the domain with all its hosts and addresses, 0 for the others.
# TYPE dane_domain_state gauge
dane_domain_state{domain="good.example",state="unknown"} 0
dane_domain_state{domain="good.example",state="none"} 0
dane_domain_state{domain="good.example",state="ok"} 1
dane_domain_state{domain="good.example",state="warning"} 0
dane_domain_state{domain="good.example",state="broken"} 0
dane_domain_state{domain="soon.example",state="unknown"} 0
dane_domain_state{domain="soon.example",state="none"} 0
dane_domain_state{domain="soon.example",state="ok"} 0
dane_domain_state{domain="soon.example",state="warning"} 1
dane_domain_state{domain="soon.example",state="broken"} 0
# HELP dane_domain_findings Findings about the domain, by severity.
# TYPE dane_domain_findings gauge
dane_domain_findings{domain="good.example",severity="note"} 0
dane_domain_findings{domain="good.example",severity="warning"} 0
dane_domain_findings{domain="good.example",severity="unknown"} 0
dane_domain_findings{domain="good.example",severity="broken"} 0
dane_domain_findings{domain="soon.example",severity="note"} 1
dane_domain_findings{domain="soon.example",severity="warning"} 1
dane_domain_findings{domain="soon.example",severity="unknown"} 0
dane_domain_findings{domain="soon.example",severity="broken"} 0
# HELP dane_domain_check_timestamp_seconds When the check began.
# TYPE dane_domain_check_timestamp_seconds gauge
dane_domain_check_timestamp_seconds{domain="good.example"} 1803902400
dane_domain_check_timestamp_seconds{domain="soon.example"} 1803902401
# HELP dane_domain_check_duration_seconds How long the check took.
# TYPE dane_domain_check_duration_seconds gauge
dane_domain_check_duration_seconds{domain="good.example"} 1
dane_domain_check_duration_seconds{domain="soon.example"} 1
# HELP dane_domain_outcome 1 for what a sender gets, 0 for the others. It may be a success although the state is broken.
# TYPE dane_domain_outcome gauge
dane_domain_outcome{domain="good.example",outcome="failure"} 0
dane_domain_outcome{domain="good.example",outcome="none"} 0
dane_domain_outcome{domain="good.example",outcome="success"} 1
dane_domain_outcome{domain="soon.example",outcome="failure"} 1
dane_domain_outcome{domain="soon.example",outcome="none"} 0
dane_domain_outcome{domain="soon.example",outcome="success"} 0
# HELP dane_domain_lookups Questions that were asked.
# TYPE dane_domain_lookups gauge
dane_domain_lookups{domain="good.example"} 2
dane_domain_lookups{domain="soon.example"} 1
# HELP dane_domain_hosts Mail servers that were looked up.
# TYPE dane_domain_hosts gauge
dane_domain_hosts{domain="good.example"} 2
dane_domain_hosts{domain="soon.example"} 0
# HELP dane_domain_skipped_hosts Mail servers that must not be delivered to.
# TYPE dane_domain_skipped_hosts gauge
dane_domain_skipped_hosts{domain="good.example"} 1
dane_domain_skipped_hosts{domain="soon.example"} 0
# HELP dane_domain_attempts Connections to addresses of mail servers.
# TYPE dane_domain_attempts gauge
dane_domain_attempts{domain="good.example"} 2
dane_domain_attempts{domain="soon.example"} 0
# HELP dane_domain_failed_attempts Connections that could not have a message.
# TYPE dane_domain_failed_attempts gauge
dane_domain_failed_attempts{domain="good.example"} 0
dane_domain_failed_attempts{domain="soon.example"} 0
# HELP dane_domain_authenticated_attempts Connections to mail servers that matched their TLSA records.
# TYPE dane_domain_authenticated_attempts gauge
dane_domain_authenticated_attempts{domain="good.example"} 2
dane_domain_authenticated_attempts{domain="soon.example"} 0
# HELP dane_domain_certificate_expiry_timestamp_seconds When the first certificate of a mail server ends. Senders heed it only by a record of usage DANE-TA.
# TYPE dane_domain_certificate_expiry_timestamp_seconds gauge
dane_domain_certificate_expiry_timestamp_seconds{domain="good.example",host="mx1.good.example",usage="DANE-EE"} 1804766400
dane_domain_certificate_expiry_timestamp_seconds{domain="good.example",host="mx1.good.example",usage="DANE-TA"} 1805630400
# HELP dane_domain_signature_expiry_timestamp_seconds When the first DNSSEC signature of a zone ends, of those that the verdict rests on.
# TYPE dane_domain_signature_expiry_timestamp_seconds gauge
dane_domain_signature_expiry_timestamp_seconds{domain="good.example",zone="good.example"} 1804075200
dane_domain_signature_expiry_timestamp_seconds{domain="good.example",zone="example"} 1804420800
dane_domain_signature_expiry_timestamp_seconds{domain="good.example",zone="."} 1804766400
# HELP dane_domain_finding_info A finding: what it is, and who must act.
# TYPE dane_domain_finding_info gauge
dane_domain_finding_info{domain="soon.example",code="no-next-key",severity="warning",actor="mail host",host="mx.soon.example"} 1
dane_domain_finding_info{domain="soon.example",code="tlsa-wasteful",severity="note",actor="mail host",host="mx.soon.example"} 1
`

func TestMetrics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(day))
		f := Textfile{Domains: []string{"good.example", "soon.example"}, Concurrency: 1,
			Trust: func(now time.Time) Trust {
				return Trust{Zones: []TrustedZone{{".", now.Add(-24*time.Hour - 2*time.Second)}, {"new.example", time.Time{}}}}
			},
			Check: func(ctx context.Context, domain string) (*dane.Result, diagnosis.Report) {
				time.Sleep(time.Second)
				if domain == "good.example" {
					return detailed(domain), found(diagnosis.StateOK)
				}
				return standard.check(ctx, domain)
			}}
		got := string(f.Metrics(t.Context()))
		if diff := cmp.Diff(wantMetrics, got); diff != "" {
			t.Error(diff)
		}
		checkExposition(t, got)
	})
	promtool(t, wantMetrics)
}

// TestRunsThatFail: none leaves a success behind.
func TestRunsThatFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		f := Textfile{Domains: []string{"a.example", "b.example"}, Check: hang, Concurrency: 1}
		for why, got := range map[string]string{
			"interrupted": string(f.Metrics(ctx)),
			"not begun":   string(FailedMetrics(f.Domains, "-resolver: no \"server\"")),
		} {
			for _, want := range []string{
				"\ndane_monitor_last_run_success 0\n", "\ndane_monitor_domains 2\n",
				"\n" + `dane_domain_state{domain="a.example",state="unknown"} 1` + "\n", "\n" + `dane_domain_state{domain="b.example",state="unknown"} 1` + "\n",
			} {
				if !strings.Contains(got, want) {
					t.Errorf("%s: no %q in\n%s", why, want, got)
				}
			}
			checkExposition(t, got)
		}
		f.Timeout = time.Second
		if got := string(f.Metrics(t.Context())); !strings.Contains(got, "\ndane_monitor_last_run_success 1\n") || !strings.Contains(got, `code="not-in-time"`) {
			t.Errorf("domains that take too long: got\n%s", got)
		}
	})
}

// TestFindingsAreBounded: a domain may have a thousand hosts, and the same finding more than once.
func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	report := found(diagnosis.StateBroken)
	for i := range 1000 {
		report.Findings = append(report.Findings, finding(diagnosis.CodeNoStartTLS, diagnosis.Broken, "mx"+strconv.Itoa(i/2)+".example", "text "+strconv.Itoa(i)))
	}
	var e exposition
	e.addDomain(&Observation{Domain: "a.example", Report: report})
	got := string(e.text())
	if n := strings.Count(got, "\ndane_domain_finding_info{"); n != maxFindings/2 {
		t.Errorf("%d findings, want %d", n, maxFindings/2)
	}
	checkExposition(t, got)
}

// sample is a line of the format: name, labels, value.
var (
	sample = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)$`)
	label  = regexp.MustCompile(`^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)",?`)
)

// checkExposition reads metrics as Prometheus does: what it would refuse is an error.
func checkExposition(t *testing.T, text string) {
	t.Helper()
	seen := make(map[string]bool)
	current := ""
	for line := range strings.Lines(text) {
		line, ended := strings.CutSuffix(line, "\n")
		if name, isType := strings.CutPrefix(line, "# TYPE "); isType {
			current, _, _ = strings.Cut(name, " ")
			if seen[current] {
				t.Errorf("%s comes twice", current)
			}
			seen[current] = true
			continue
		}
		if strings.HasPrefix(line, "# HELP ") {
			continue
		}
		parts := sample.FindStringSubmatch(line)
		if parts == nil || !ended || parts[1] != current || seen[parts[1]+parts[2]] && parts[2] != "" {
			t.Errorf("bad line in %q: %q", current, line)
			continue
		}
		seen[parts[1]+parts[2]] = true
		if _, err := strconv.ParseFloat(parts[3], 64); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		rest := strings.TrimSuffix(strings.TrimPrefix(parts[2], "{"), "}")
		for rest != "" {
			one := label.FindString(rest)
			if one == "" {
				t.Errorf("bad labels: %q", line)
				break
			}
			rest = rest[len(one):]
		}
	}
}

// promtool has Prometheus' own program look at metrics, where it is installed (Debian's package
// prometheus has it): syntax, and what it says about names.
func promtool(t *testing.T, text string) {
	t.Helper()
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Log("promtool is not installed, so that Prometheus itself was not asked")
		return
	}
	cmd := exec.Command(program, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil || out.Len() > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, &out)
	}
}

func unescape(value string) string {
	return strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\"`, `"`).Replace(value)
}

func FuzzLabels(f *testing.F) {
	f.Add("plain", "example.org")
	f.Add("quote \" backslash \\ line\nend", `\n`)
	f.Add("\x00\x1b[2J\x7f\xff", "a,b=\"c\"} 1\nprobe_success 1")
	f.Fuzz(func(t *testing.T, one, other string) {
		var e exposition
		e.add("metric", gauge, one, 1.5, "one", one, "other", other)
		e.add("metric", gauge, one, 2, "one", other+"x", "other", one)
		text := string(e.text())
		checkExposition(t, text)
		if n := strings.Count(text, "\n"); n != 3 && n != 4 {
			t.Errorf("%d lines: %q", n, text)
		}
		line := strings.Split(text, "\n")[2]
		rest := strings.TrimPrefix(line, "metric{")
		first := label.FindStringSubmatch(rest)
		if first == nil || first[1] != "one" || !strings.ContainsRune(first[2], '\uFFFD') && unescape(first[2]) != one {
			t.Errorf("%q is %q", one, line)
		}
	})
}
