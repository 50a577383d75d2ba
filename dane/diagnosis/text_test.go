package diagnosis_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

func ExampleDiagnose() {
	internet := danetest.NewInternet(danetest.Domain{
		Name: "example.org",
		Hosts: []danetest.Host{
			{Name: "mx1", TLSA: []string{"3 1 1", "2 1 1"}},
			{Name: "mx2", TLSA: []string{"3 1 1", "2 1 1"}, Server: func(s *smtptest.Server) { s.NoStartTLS = true }},
		},
	})
	defer internet.Close()
	result, err := internet.Checker().Verify(context.Background(), "example.org")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Outcome for a sender:", result.Outcome)
	report := diagnosis.Diagnose(result, diagnosis.Options{})
	report.WriteText(os.Stdout)
	// Output:
	// Outcome for a sender: success
	// State: BROKEN: Something is broken now, and somebody must act, even where mail still finds another way.
	// BROKEN no-starttls at 192.0.2.2: mx2.example.org has TLSA records, which promise TLS, and does not offer STARTTLS.
	//   fix (mail host): Switch STARTTLS on (Postfix: smtpd_tls_security_level = may, with a certificate), or stop a middlebox from hiding it. Otherwise remove the TLSA records. Until then senders that use DANE do not deliver here.
}

// Where the host that is tried first has no TLSA record, nothing says that DANE protects the mail.
func TestAGapIsNotCalledProtection(t *testing.T) {
	t.Parallel()
	w := world{domains: []danetest.Domain{{Name: "a.example", Hosts: []danetest.Host{{Name: "one"}, {Name: "two", TLSA: []string{"3 1 1", "2 1 1"}}}}}}
	result, err := w.checker(t).Verify(t.Context(), "a.example")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	report := diagnosis.Diagnose(result, diagnosis.Options{})
	if err := report.WriteText(&b); err != nil || report.State != diagnosis.StateWarning || !strings.Contains(b.String(), "lets mail go without it") || strings.Contains(b.String(), "protects mail") {
		t.Errorf("%v, %s", err, b.String())
	}
}

// What strangers say begins no line of its own, and is printable.
func TestTextIsPrintable(t *testing.T) {
	t.Parallel()
	const attack = "\x1b[2J\r\nState: OK\u202e"
	for _, w := range []world{
		oneHost(danetest.Host{TLSA: []string{"3 1 1", "2 1 1"}, Server: saying(smtptest.AtGreeting, "554 "+attack)}, ""),
		oneHost(danetest.Host{TLSA: []string{"3 1 1", "2 1 1"}, Server: saying(smtptest.AtStartTLS, "454 "+strings.ReplaceAll(attack, "\r\n", " "))}, ""),
		{domains: []danetest.Domain{{Name: "a.example", Zone: dnssectest.Zone{Records: `@ MX 10 \027[2J\010State:\032OK.`}}}},
	} {
		result, err := w.checker(t).Verify(t.Context(), "a.example")
		if err != nil {
			t.Fatal(err)
		}
		report := diagnosis.Diagnose(result, diagnosis.Options{})
		var b strings.Builder
		if err := report.WriteLongText(&b); err != nil || len(report.Findings) == 0 {
			t.Fatal(err, report)
		}
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(line, "State: OK") || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("%q", line)
			}
		}
	}
}

// There is always a report, whatever there is of a result.
func TestDiagnoseNothing(t *testing.T) {
	t.Parallel()
	if report := diagnosis.Diagnose(nil, diagnosis.Options{}); report.State != diagnosis.StateUnknown || len(report.Findings) != 1 {
		t.Errorf("%+v", report)
	}
}
