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

// The rules that take signed zones and mail servers to be seen. Each scenario is about mail to
// a.example: what its zone has, what is wrong with that, the TLSA records of its host, the
// host's certificate and what its mail server does. What follows is the outcome of a check,
// and of a failure its code and result type.
func TestDeliveryRules(t *testing.T) {
	t.Parallel()
	runScenarios(t, "deliveries", []string{"zone", "faults", "tlsa", "certificate", "server"}, func(t *testing.T, s scenario) string {
		domain := danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{Records: s.sections["zone"]}}
		for _, line := range s.lines("faults") {
			addFault(t, &domain.Zone, line)
		}
		if records := s.lines("tlsa"); records != nil {
			host := danetest.Host{Name: "mail", TLSA: records, Certificate: leafOf(t, s.lines("certificate"))}
			if lines := s.lines("server"); lines != nil {
				host.Server = serverOf(t, lines)
			}
			domain.Hosts = []danetest.Host{host}
		}
		result, err := danetest.New(t, domain).Checker().Verify(t.Context(), "a.example")
		if err != nil {
			t.Fatal(err)
		}
		if result.Permanent() {
			t.Errorf("a bounce:\n%s", result)
		}
		if result.MTASTS != (result.Outcome == dane.OutcomeNone) {
			t.Errorf("RFC 8461 §2: MTA-STS must not override DANE, and may apply: %v", result.MTASTS)
		}
		got := result.Outcome.String()
		if failure := result.Failure(); result.Outcome == dane.OutcomeFailure {
			got += " " + failure.Code + " " + string(failure.ResultType)
		}
		return strings.TrimSpace(got)
	})
}

func addFault(t *testing.T, zone *dnssectest.Zone, line string) {
	switch line {
	case "zone: no DS record":
		zone.NoDS = true
	case "zone: wrong DS record":
		zone.Faults = whole(dnssectest.WrongDS)
	case "zone: no keys":
		zone.Faults = whole(dnssectest.NoKeys)
	default:
		t.Fatalf("unknown fault %q", line)
	}
}

func leafOf(t *testing.T, lines []string) (leaf tlsatest.Leaf) {
	for _, line := range lines {
		names, isNames := strings.CutPrefix(line, "names ")
		commonName, isCommonName := strings.CutPrefix(line, "common name ")
		switch {
		case line == "expired":
			leaf.Faults |= tlsatest.Expired
		case line == "common name only":
			leaf.Faults |= tlsatest.CommonNameOnly
		case isNames:
			leaf.Names = strings.Fields(names)
		case isCommonName:
			leaf.CommonName = commonName
		default:
			t.Fatalf("unknown property of a certificate %q", line)
		}
	}
	return leaf
}

func serverOf(t *testing.T, lines []string) func(*smtptest.Server) {
	startTLS := func(fault smtptest.Fault) func(*smtptest.Server) {
		return func(s *smtptest.Server) { s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtStartTLS: fault} }
	}
	known := map[string]func(*smtptest.Server){
		"TLS 1.0 to 1.1": func(s *smtptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		},
		"STARTTLS not offered":                  func(s *smtptest.Server) { s.NoStartTLS = true },
		"STARTTLS answered with more behind it": startTLS(smtptest.Inject),
		"STARTTLS refused with 454":             startTLS(smtptest.Temporary),
		"STARTTLS refused with 554":             startTLS(smtptest.Permanent),
	}
	if len(lines) != 1 || known[lines[0]] == nil {
		t.Fatalf("unknown behaviour of a server %q", lines)
	}
	return known[lines[0]]
}

func one(records ...string) []danetest.Host { return []danetest.Host{{Name: "mail", TLSA: records}} }

func faulty(step smtptest.Stage, fault smtptest.Fault) []danetest.Host {
	return []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) { s.Faults = map[smtptest.Stage]smtptest.Fault{step: fault} }}}
}

func whole(fault dnssectest.Fault) map[string]dnssectest.Fault {
	return map[string]dnssectest.Fault{dnssectest.WholeZone: fault}
}

// RFC 7672 §2.2.2: in a signed zone without DS record the TLSA server may drop queries; that
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

// A resumed session is verified again: the records may have changed.
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
