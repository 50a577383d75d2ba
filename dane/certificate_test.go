package dane_test

import (
	"crypto/tls"
	"net/smtp"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A server that does not know the name in SNI, or knows no SNI, presents what
// it has, and that is good if it matches. The name in SNI is the TLSA base domain.
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
