package smtpprobe_test

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// TestClientCertificate: a server that demands one fails the handshake. In TLS 1.3 it
// says so only after the client is done with it.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	for version, alert := range map[uint16]tls.AlertError{tls.VersionTLS12: 40, tls.VersionTLS13: 116} {
		t.Run(smtpprobe.ProtocolName(version), func(t *testing.T) {
			t.Parallel()
			server := smtptest.NewUnstartedServer()
			defer server.Close()
			server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: version, MaxVersion: version}
			result, err := proberOf(server).Probe(t.Context(), address, server.ClientTLS())
			e, ok := errors.AsType[*smtpprobe.Error](err)
			if !ok || e.Stage != smtpprobe.StageHandshake || !errors.Is(err, smtpprobe.ErrClientCertificate) || result.Late != nil {
				t.Errorf("error %v, late %v", err, result.Late)
			}
			if got, ok := errors.AsType[tls.AlertError](err); !ok || got != alert {
				t.Errorf("alert %d of %v, want %d", got, err, alert)
			}
			if result.TLS != nil && result.TLS.HandshakeComplete {
				t.Error("the handshake counts as complete")
			}
			if strings.Contains(err.Error(), "EHLO") {
				t.Errorf("%v", err)
			}

			// With a certificate, by either way of having one, nothing is wrong; nor
			// without, if the server only asks.
			certificate := smtptest.NewUnstartedServer().Certificates[0]
			with := server.ClientTLS()
			with.Certificates = []tls.Certificate{certificate}
			byHook := server.ClientTLS()
			byHook.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
			for _, config := range []*tls.Config{with, byHook} {
				if result, err := proberOf(server).Probe(t.Context(), address, config); err != nil || result.Late != nil {
					t.Errorf("with a certificate: errors %v, %v", err, result.Late)
				}
			}
			asks := smtptest.NewUnstartedServer()
			defer asks.Close()
			asks.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: version, MaxVersion: version}
			if result, err := proberOf(asks).Probe(t.Context(), address, asks.ClientTLS()); err != nil || result.Late != nil {
				t.Errorf("a server that only asks: errors %v, %v", err, result.Late)
			}
		})
	}
}

// TestAlertsAreFound: an alert has a type, whatever it is about, and is about a
// certificate of the client only where the server has asked for one.
func TestAlertsAreFound(t *testing.T) {
	t.Parallel()
	server := smtptest.NewUnstartedServer()
	defer server.Close()
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}
	_, err := proberOf(server).Probe(t.Context(), address, server.ClientTLS())
	if alert, ok := errors.AsType[tls.AlertError](err); !ok || alert != 40 || errors.Is(err, smtpprobe.ErrClientCertificate) {
		t.Errorf("alert %d of %v, want handshake_failure", alert, err)
	}
}
