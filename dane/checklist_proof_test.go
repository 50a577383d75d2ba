package dane_test

import (
	"crypto/tls"
	"errors"
	"net/smtp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// Lines 17 and 18: that there is no TLSA record is proven to a degree, which shows in
// the lookup, and not only in that mail may go.
func TestDenialsOfTLSA(t *testing.T) {
	t.Parallel()
	tooMany := dnssectest.Zone{Denial: dnssectest.NSEC3, Iterations: 200}
	// spoil changes what the denials of TLSA and of a delegation come with.
	spoil := func(change func([]dns.RR) []dns.RR) func(dns.Question, *dns.Msg) {
		return func(q dns.Question, reply *dns.Msg) {
			if (q.Qtype == dns.TypeTLSA || q.Qtype == dns.TypeDS) && dns.IsSubDomain("a.example.", q.Name) {
				reply.Ns = change(reply.Ns)
			}
		}
	}
	ofNSEC3 := func(rr dns.RR) bool {
		sig, ok := rr.(*dns.RRSIG)
		return ok && sig.TypeCovered == dns.TypeNSEC3
	}
	for _, tt := range []struct {
		lines, rule string
		zone        dnssectest.Zone
		tamper      func(dns.Question, *dns.Msg)
		status      dnssec.Status
		code        dnssec.EDE
		outcome     dane.Outcome
	}{
		{"17", "RFC 9276 §3.2: NSEC3 within the limit proves", dnssectest.Zone{Denial: dnssectest.NSEC3, Iterations: 1}, nil, dnssec.Secure, 0, dane.OutcomeNone},
		{"17", "RFC 9276 §3.2: with too many iterations it is insecure, and nothing better", tooMany, nil, dnssec.Insecure, dnssec.EDENSEC3IterationsTooBig, dane.OutcomeNone},
		{"17", "RFC 9276 §3.2: its signature must be right all the same", tooMany, spoil(func(all []dns.RR) []dns.RR {
			for i, rr := range all {
				if ofNSEC3(rr) {
					sig := dns.Copy(rr).(*dns.RRSIG)
					sig.Signature = "AAAA" + sig.Signature[4:]
					all[i] = sig
				}
			}
			return all
		}), dnssec.Bogus, dnssec.EDEBogus, dane.OutcomeFailure},
		{"17", "RFC 9276 §3.2: and be there", tooMany, spoil(func(all []dns.RR) []dns.RR {
			return slices.DeleteFunc(all, ofNSEC3)
		}), dnssec.Bogus, dnssec.EDERRSIGsMissing, dane.OutcomeFailure},
		{"18", "RFC 5155 §6: a span with opt-out is no secure denial", dnssectest.Zone{Denial: dnssectest.NSEC3OptOut}, nil, dnssec.Insecure, dnssec.EDEOther, dane.OutcomeNone},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: one(), Zone: tt.zone})
			internet.DNS.Tamper = tt.tamper
			v := internet.Verifier()
			result, err := checker(v).Verify(t.Context(), "a.example")
			if err != nil {
				t.Fatal(err)
			}
			l := result.Hosts[0].TLSA
			if l == nil || l.Status != tt.status || l.Reason.Code != tt.code || len(l.Records) > 0 || result.Outcome != tt.outcome {
				t.Errorf("line %s: %s, TLSA lookup %+v", tt.lines, result.Outcome, l)
			}
			if result.Hosts[0].MayCleartext() != (tt.outcome == dane.OutcomeNone) {
				t.Errorf("line %s: action %s", tt.lines, result.Hosts[0].Action)
			}
			v.Mandatory = true
			if result, err = checker(v).Verify(t.Context(), "a.example"); err != nil || result.Outcome != dane.OutcomeFailure {
				t.Errorf("line %s: mandatory: %v, %v", tt.lines, result, err)
			}
		})
	}
}

// Line 18: by opt-out a domain is denied, too, and that is not secure either.
func TestOptOutDeniesDomainsInsecurely(t *testing.T) {
	t.Parallel()
	for denial, want := range map[dnssectest.Denial]dnssec.Status{dnssectest.NSEC3: dnssec.Secure, dnssectest.NSEC3OptOut: dnssec.Insecure} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: one(), Zone: dnssectest.Zone{Denial: denial}})
		d, err := internet.Verifier().LookupMX(t.Context(), "none.a.example")
		if !errors.Is(err, dane.ErrNoDomain) || d.Status != want {
			t.Errorf("denial %v: %s, %v; want %s", denial, d.Status, err, want)
		}
	}
}

// Line 81: a server that does not know the name in SNI, or knows no SNI, presents what
// it has, and that is good if it matches. Line 80: the name is the TLSA base domain.
func TestFallbackCertificates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rule    string
		records string
		leaf    tlsatest.Leaf
		server  func(*smtptest.Server, tls.Certificate)
		want    dane.Outcome
	}{
		{"DANE-EE: another name is no matter", "3 1 1", tlsatest.Leaf{Names: []string{"fallback.invalid"}}, nil, dane.OutcomeSuccess},
		{"DANE-TA: it is", "2 1 1", tlsatest.Leaf{Names: []string{"fallback.invalid"}}, nil, dane.OutcomeFailure},
		{"DANE-TA: one of the domain's will do", "2 1 1", tlsatest.Leaf{Names: []string{"a.example"}}, nil, dane.OutcomeSuccess},
		{"the server has others by name, and falls back to the one that matches", "3 1 1", tlsatest.Leaf{}, func(s *smtptest.Server, other tls.Certificate) {
			s.ByName = map[string]tls.Certificate{"www.a.example": other}
		}, dane.OutcomeSuccess},
		{"the server chooses by SNI the one that matches, and has another to fall back to", "3 1 1", tlsatest.Leaf{}, func(s *smtptest.Server, other tls.Certificate) {
			s.ByName = map[string]tls.Certificate{"mail.a.example": s.Certificates[0]}
			s.Certificates = []tls.Certificate{other}
		}, dane.OutcomeSuccess},
		{"the server falls back to one that does not match", "3 1 1", tlsatest.Leaf{}, func(s *smtptest.Server, other tls.Certificate) {
			s.ByName = map[string]tls.Certificate{"www.a.example": s.Certificates[0]}
			s.Certificates = []tls.Certificate{other}
		}, dane.OutcomeFailure},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			t.Parallel()
			other := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"other.invalid"}}).TLS()
			host := danetest.Host{Name: "mail", TLSA: []string{tt.records}, Certificate: tt.leaf, Server: func(s *smtptest.Server) {
				if tt.server != nil {
					tt.server(s, other)
				}
			}}
			internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{host}})
			result, err := internet.Checker().Verify(t.Context(), "a.example")
			if err != nil || result.Outcome != tt.want {
				t.Errorf("RFC 7672 §8.1: %v, %v; want %s", result, err, tt.want)
			}
			if sessions := internet.Servers["mail.a.example"].Sessions(); len(sessions) != 1 || sessions[0].ServerName != "mail.a.example" {
				t.Errorf("RFC 7672 §8.1: SNI %+v", sessions)
			}
		})
	}
}

// crypto/tls ends the handshake before a certificate that it cannot read is matched.
// That is a failure, and no mismatch.
func TestRefusedCertificates(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 0 1"},
		Certificate: tlsatest.Leaf{Faults: tlsatest.NegativeSerial}}}})
	v := internet.Verifier()
	result, err := checker(v).Verify(t.Context(), "a.example")
	if err != nil || result.Outcome != dane.OutcomeFailure {
		t.Fatalf("%v, %v", result, err)
	}
	want := dane.Failure{ResultType: dane.ValidationFailure, Code: "4.7.5", Reason: "crypto/tls refuses the certificate: it has a negative serial number"}
	for _, got := range []dane.Failure{result.Failure(), handshakeOf(t, internet, v)} {
		if !strings.Contains(got.Text, "serial number") {
			t.Errorf("text %q", got.Text)
		}
		if got.Text = ""; got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

// handshakeOf is the failure of the same handshake by another SMTP client.
func handshakeOf(t *testing.T, internet *danetest.Internet, v *dane.Verifier) dane.Failure {
	d, err := v.LookupMX(t.Context(), "a.example")
	if err != nil {
		t.Fatal(err)
	}
	h := v.LookupHost(t.Context(), d, d.MX[0])
	conn, err := internet.Dial(t.Context(), "tcp", "192.0.2.1:25")
	if err != nil {
		t.Fatal(err)
	}
	client, err := smtp.NewClient(conn, h.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	return h.Classify(client.StartTLS(h.TLSConfig(nil)))
}
