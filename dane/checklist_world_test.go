package dane_test

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// worldRules are rules that take signed zones and mail servers to be seen. The
// domain is a.example; want is outcome, code and result type.
var worldRules = []struct {
	lines string
	rule  string
	hosts []danetest.Host
	zone  dnssectest.Zone
	want  string
}{
	{"15", "RFC 6840 §5.2: a delegation with unknown digests only is insecure", one("3 1 1"), dnssectest.Zone{NoDS: true}, "none"},
	{"16", "RFC 4035 §5.2: a DS record without its key is bogus", one("3 1 1"), dnssectest.Zone{Faults: whole(dnssectest.WrongDS)}, "failure 4.7.5 dnssec-invalid"},
	{"16", "RFC 4035 §5.2: and so is one of a zone without keys", one("3 1 1"), dnssectest.Zone{Faults: whole(dnssectest.NoKeys)}, "failure 4.7.5 dnssec-invalid"},
	{"11", "RFC 7672 §2.1.3: the alias that a DNAME makes is proven by the DNAME", nil, dnssectest.Zone{Records: "@ MX 10 mx.old\nold DNAME new\nmx.new A 192.0.2.99\n_25._tcp.mx.new TLSA 3 1 1 " + digest}, "failure 4.4.1 "},
	{"48", "RFC 7672 §3.1.1: DANE-EE ignores names", []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Certificate: tlsatest.Leaf{Names: []string{"other.example"}}}}, dnssectest.Zone{}, "success"},
	{"49", "RFC 7672 §3.1.1: and dates", []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Certificate: tlsatest.Leaf{Faults: tlsatest.Expired}}}, dnssectest.Zone{}, "success"},
	{"61 89", "RFC 7672 §3.1.2: an expired certificate fails under DANE-TA", []danetest.Host{{Name: "mail", TLSA: []string{"2 0 1"}, Certificate: tlsatest.Leaf{Faults: tlsatest.Expired}}}, dnssectest.Zone{}, "failure 4.7.5 certificate-expired"},
	{"64", "RFC 7672 §3.2.2: the base domain is a name", one("2 1 1"), dnssectest.Zone{}, "success"},
	{"65", "RFC 7672 §3.2.2: and so is the domain", []danetest.Host{{Name: "mail", TLSA: []string{"2 1 1"}, Certificate: tlsatest.Leaf{Names: []string{"a.example"}}}}, dnssectest.Zone{}, "success"},
	{"65 89", "RFC 7672 §3.2.2: another is not", []danetest.Host{{Name: "mail", TLSA: []string{"2 1 1"}, Certificate: tlsatest.Leaf{Names: []string{"other.example"}}}}, dnssectest.Zone{}, "failure 4.7.5 certificate-host-mismatch"},
	{"70", "RFC 7672 §3.2.3: with a DNS-ID the common name does not count", []danetest.Host{{Name: "mail", TLSA: []string{"2 1 1"},
		Certificate: tlsatest.Leaf{Names: []string{"other.example"}, CommonName: "mail.a.example"}}}, dnssectest.Zone{}, "failure 4.7.5 certificate-host-mismatch"},
	{"71", "RFC 7672 §3.2.3: without one it does", []danetest.Host{{Name: "mail", TLSA: []string{"2 1 1"},
		Certificate: tlsatest.Leaf{Names: []string{"mail.a.example"}, Faults: tlsatest.CommonNameOnly}}}, dnssectest.Zone{}, "success"},
	{"72", "RFC 7672 §3.2.3: a wildcard is a whole first label", []danetest.Host{{Name: "mail", TLSA: []string{"2 1 1"}, Certificate: tlsatest.Leaf{Names: []string{"*.a.example"}}}}, dnssectest.Zone{}, "success"},
	{"72", "RFC 7672 §3.2.3: and not a part of it", []danetest.Host{{Name: "mail", TLSA: []string{"2 1 1"}, Certificate: tlsatest.Leaf{Names: []string{"mai*.a.example"}}}}, dnssectest.Zone{}, "failure 4.7.5 certificate-host-mismatch"},
	{"62", "RFC 7672 §3.2: any record that matches is enough", one("3 1 1 "+digest, "2 1 1"), dnssectest.Zone{}, "success"},
	{"73", "RFC 7671 §9: only the strongest digest counts", one("3 1 1", "3 1 2 "+digest+digest), dnssectest.Zone{}, "failure 4.7.5 certificate-not-trusted"},
	{"75", "RFC 7671 §9: of those that are usable", one("3 1 1", "3 1 2 "+digest), dnssectest.Zone{}, "success"},
	{"76", "RFC 7671 §9: of the same usage and selector", one("3 1 1", "3 0 2 "+digest+digest), dnssectest.Zone{}, "success"},
	{"74", "RFC 7671 §9: whole data suppress nothing", one("3 1 1", "3 0 0 3003020101"), dnssectest.Zone{}, "success"},
	{"79 89", "RFC 7672 §2.2: a mismatch is temporary", one("3 1 1 " + digest), dnssectest.Zone{}, "failure 4.7.5 certificate-not-trusted"},
	{"83", "RFC 7671 §3: TLS 1.2 is the least", []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) {
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	}}}, dnssectest.Zone{}, "failure 4.7.5 validation-failure"},
	{"86", "RFC 3207 §4.2: plaintext after the reply to STARTTLS is fatal (CVE-2011-0411)", faulty(smtptest.AtStartTLS, smtptest.Inject), dnssectest.Zone{}, "failure 4.7.4 starttls-not-supported"},
	{"87", "RFC 7672 §2.2: STARTTLS refused with 454", faulty(smtptest.AtStartTLS, smtptest.Temporary), dnssectest.Zone{}, "failure 4.7.4 starttls-not-supported"},
	{"87", "RFC 7672 §2.2: STARTTLS refused with 554", faulty(smtptest.AtStartTLS, smtptest.Permanent), dnssectest.Zone{}, "failure 4.7.4 starttls-not-supported"},
	{"87 89", "RFC 7672 §2.2: STARTTLS not offered", []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) { s.NoStartTLS = true }}}, dnssectest.Zone{}, "failure 4.7.4 starttls-not-supported"},
}

func one(records ...string) []danetest.Host { return []danetest.Host{{Name: "mail", TLSA: records}} }

func faulty(step smtptest.Step, fault smtptest.Fault) []danetest.Host {
	return []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) { s.Faults = map[smtptest.Step]smtptest.Fault{step: fault} }}}
}

func whole(fault dnssectest.Fault) map[string]dnssectest.Fault {
	return map[string]dnssectest.Fault{dnssectest.WholeZone: fault}
}

func TestWorldRules(t *testing.T) {
	t.Parallel()
	for _, tt := range worldRules {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: tt.hosts, Zone: tt.zone})
			result, err := internet.Checker().Verify(t.Context(), "a.example")
			if err != nil {
				t.Fatal(err)
			}
			got := result.Outcome.String()
			if failure := result.Failure(); result.Outcome == dane.OutcomeFailure {
				got += " " + failure.Code + " " + string(failure.ResultType)
			}
			if got != tt.want || result.Permanent() {
				t.Errorf("lines %s: %s, want %s\n%s", tt.lines, got, tt.want, result)
			}
			// RFC 8461 §2 (line 88): MTA-STS must not override DANE.
			if result.MTASTS != (result.Outcome == dane.OutcomeNone) {
				t.Errorf("MTA-STS may apply: %v", result.MTASTS)
			}
		})
	}
}

// Line 33: in a signed zone without DS record the TLSA server may drop queries; that
// costs no time, for nobody waits for it.
func TestDroppedTLSACostsNothing(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t, danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{Records: "@ MX 10 mail.b.example."}},
		danetest.Domain{Name: "b.example", Hosts: one("3 1 1"), Zone: dnssectest.Zone{NoDS: true,
			Faults: map[string]dnssectest.Fault{"_25._tcp.mail TLSA": dnssectest.Silent}}})
	start := time.Now()
	result, err := internet.Checker().Verify(t.Context(), "a.example")
	if err != nil || result.Outcome != dane.OutcomeNone || time.Since(start) > 2*time.Second {
		t.Errorf("%v, %v, %s", result, err, time.Since(start))
	}
	// The question may have been sent ahead, since the zone is signed. Its answer does not count.
	for _, h := range result.Hosts {
		if h.TLSA != nil {
			t.Errorf("a TLSA lookup of %s", h.Name)
		}
	}
}

// Line 90: a resumed session is verified again: the records may have changed.
func TestResumedSessionsAreVerified(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) {
		s.TLS = &tls.Config{MaxVersion: tls.VersionTLS12}
		s.TLS.SetSessionTicketKeys([][32]byte{{1}})
	}}}})
	v := internet.Verifier()
	d, err := v.LookupMX(t.Context(), "a.example")
	if err != nil {
		t.Fatal(err)
	}
	h := v.LookupHost(t.Context(), d, d.MX[0])
	base := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	if got := sendWith(t, internet, h, base); got != "" {
		t.Fatal(got)
	}
	if got := sendWith(t, internet, h, base); got != "" {
		t.Fatal(got)
	}
	sessions := internet.Servers["mail.a.example"].Sessions()
	if !sessions[len(sessions)-1].TLS.DidResume {
		t.Fatal("the session was not resumed")
	}
	h.Records[0].Data = make([]byte, 32)
	if got := sendWith(t, internet, h, base); !strings.Contains(got, "tlsa: ") {
		t.Errorf("a resumed session: %q", got)
	}
}
