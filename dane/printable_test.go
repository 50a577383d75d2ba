package dane_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// forged is what a stranger would like to see in a log, or on a terminal.
const forged = "x\r\n2026-11-30 DANE SUCCESS for victim.example\n\x1b[2J\u009b\u202e\u2028\xff\x7f"

// An error is one line of printable ASCII, whoever has a say in it; its fields stay as
// they are.
func TestErrorsArePrintable(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"a destination":     &dane.Error{Domain: forged, Err: dane.ErrName},
		"a host":            &dane.Error{Domain: "a.example", Host: forged, Err: dane.ErrNoAddress},
		"a cause":           &dane.Error{Domain: "a.example", Err: errors.New(forged)},
		"a certificate":     &dane.Error{Domain: "a.example", Err: x509.HostnameError{Host: forged, Certificate: &x509.Certificate{DNSNames: []string{forged}}}},
		"text of a server":  &dane.Error{Domain: "a.example", Err: &dnssec.Error{Name: forged, Server: forged, Reason: dnssec.Reason{Text: forged}}},
		"a very long cause": &dane.Error{Domain: "a.example", Err: errors.New(strings.Repeat(forged, 1000))},
	} {
		if text := err.Error(); strings.ContainsFunc(text, unprintable) || len(text) > 998 {
			t.Errorf("%s: %q", name, text)
		}
		report := (&dane.Host{}).Classify(err)
		if text := fmt.Sprintf("%+v", report); strings.ContainsFunc(text, unprintable) || len(report.Text) > 998 {
			t.Errorf("%s: %q", name, text)
		}
	}
	for _, err := range []error{errors.New(forged), fmt.Errorf("a: %w", errors.Join(errors.New(forged), errors.New("b")))} {
		if text := (&dane.Host{}).Classify(err).Text; strings.ContainsFunc(text, unprintable) {
			t.Errorf("of another's error: %q", text)
		}
	}
}

// A certificate's names and the recipient's domain reach no log, transcript or report
// as they are.
func TestStrangersForgeNoLines(t *testing.T) {
	t.Parallel()
	leaf := tlsatest.Leaf{CommonName: strings.ToValidUTF8(forged, "?"), Names: []string{"other.example", "x\r\n2026-11-30 DANE SUCCESS\n\x1b[2J"}}
	internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"2 0 1"}, Certificate: leaf}}},
		danetest.Domain{Name: "b.example", Hosts: []danetest.Host{{Name: "mail", Certificate: leaf}}})
	for _, domain := range []string{"a.example", "b.example", "a.example" + forged, forged, "b\u00fccher" + forged + ".example"} {
		ctx := dane.WithTrace(t.Context(), dane.LogTrace(slog.New(plainHandler{t})))
		v := internet.Verifier()
		v.Policy, v.RootCAs = policy(t, dane.Profile{TLS: dane.TLSRequiredVerify}), internet.CA.Pool()
		result, _ := checker(v).Verify(ctx, domain)
		if len(result.Hosts) > 0 && result.Failure().ResultType != dane.CertificateHostMismatch {
			t.Errorf("%q: %+v", domain, result.Failure())
		}
		noForgedLine(t, result)
	}
}

// Neither do those who write a result in JSON.
func TestDecodedResultsForgeNoLines(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	for _, domain := range []string{"mismatch.example", "bogustlsa.example", "good.example", "unsigned.example", "backup.example"} {
		result, _ := internet.Checker().Verify(t.Context(), domain)
		text, err := json.Marshal(result)
		if err != nil {
			t.Fatal(err)
		}
		evil, err := json.Marshal(strings.ToValidUTF8(forged, "?"))
		if err != nil {
			t.Fatal(err)
		}
		// Every text that may be any text.
		for _, field := range []string{"domain", "error", "code", "failure", "failure_reason", "host", "expanded", "name", "reason", "target", "server", "network",
			"command", "protocol", "cipher", "pkix", "base", "rcode"} {
			changed := replaceField(t, text, field, evil)
			var again dane.Result
			if err := json.Unmarshal(changed, &again); err != nil {
				t.Errorf("%s, %s: %v", domain, field, err)
				continue
			}
			noForgedLine(t, &again)
			logAgain(t, &again)
		}
	}
}

// replaceField changes the value of a field of that name, wherever it is.
func replaceField(t *testing.T, text []byte, field string, value []byte) []byte {
	t.Helper()
	var decoded any
	if err := json.Unmarshal(text, &decoded); err != nil {
		t.Fatal(err)
	}
	var replace func(any)
	replace = func(in any) {
		switch in := in.(type) {
		case map[string]any:
			for key := range in {
				if _, ok := in[key].(string); ok && key == field {
					in[key] = json.RawMessage(value)
				}
				replace(in[key])
			}
		case []any:
			for _, element := range in {
				replace(element)
			}
		}
	}
	replace(decoded)
	changed, err := json.Marshal(decoded)
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

func noForgedLine(t *testing.T, r *dane.Result) {
	t.Helper()
	var long strings.Builder
	r.WriteLongTranscript(&long)
	for _, transcript := range []string{r.String(), long.String()} {
		printableLines(t, transcript)
		for line := range strings.Lines(transcript) {
			if strings.HasPrefix(line, "2026-11-30") || len(line) > 999 {
				t.Errorf("a forged line: %q", line)
			}
		}
	}
	if report := fmt.Sprintf("%+v", r.Failure()); strings.ContainsFunc(report, unprintable) {
		t.Errorf("%q", report)
	}
	for _, h := range r.Hosts {
		for _, p := range h.Attempts {
			if report := fmt.Sprintf("%+v", h.Classify(p.Err)); strings.ContainsFunc(report, unprintable) {
				t.Errorf("%q", report)
			}
		}
	}
}

// logAgain logs a result as it would have been logged while it was found out.
func logAgain(t *testing.T, r *dane.Result) {
	t.Helper()
	trace := dane.LogTrace(slog.New(plainHandler{t}))
	trace.Result(r)
	for _, l := range r.Lookups() {
		trace.Lookup(l)
	}
	for _, h := range r.Hosts {
		trace.Host(h.Host)
		for _, p := range h.Attempts {
			trace.Attempt(h.Host, p)
		}
	}
}
