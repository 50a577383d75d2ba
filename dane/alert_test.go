package dane_test

import (
	"crypto/tls"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A server that ends the handshake by an alert is a failure of TLS, with the alert as the
// failure-reason-code (RFC 8460 §4.3.1), in the words of docs/tls.md; also in TLS 1.3, where a server that wants a client
// certificate says so only after the client has finished.
func TestAlertsAreReported(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		server *tls.Config
		reason string
	}{
		{"TLS 1.2, and a client certificate", &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}, "server demands a certificate of the client"},
		{"TLS 1.3, and a client certificate", &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13}, "server demands a certificate of the client"},
		{"TLS 1.2, and a suite that Go does not offer", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}},
			"TLS alert 40 of the server, handshake failure: nothing in common for the key exchange, the cipher or the server's key, or no client certificate"},
		{"a certificate that Go refuses", &tls.Config{Certificates: []tls.Certificate{tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mail.a.example"}, Faults: tlsatest.NegativeSerial}).TLS()}},
			"crypto/tls refuses the certificate: it has a negative serial number"},
		{"TLS 1.1 alone", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, "TLS alert 70 of the server, protocol version not supported: no version of TLS in common"},
	} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"},
			Server: func(s *smtptest.Server) { s.TLS = tt.server }}}})
		result, err := internet.Checker().Verify(t.Context(), "a.example")
		if err != nil {
			t.Fatal(err)
		}
		got := result.Failure()
		if got.ResultType != dane.ValidationFailure || got.Code != "4.7.5" || got.Reason != tt.reason {
			t.Errorf("%s: %+v\n%s", tt.name, got, result)
		}
	}
}
