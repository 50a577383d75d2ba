package dane_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/netip"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// firstAddr is that of the first host of a danetest.Internet.
var firstAddr = netip.MustParseAddr("192.0.2.1")

// A handshake is judged afterwards as within it, and nothing passes for one.
func TestAuthenticate(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	v := internet.Verifier()
	d, err := v.LookupMX(t.Context(), "good.example")
	if err != nil {
		t.Fatal(err)
	}
	h := v.LookupHost(t.Context(), d, d.MX[0])
	session, err := (&smtpprobe.Prober{Dial: internet.Dial}).Probe(t.Context(), h.Addrs[0].String()+":25", h.TLSConfig(nil))
	if err != nil {
		t.Fatal(err)
	}
	good := *session.TLS
	var incomplete, old, anonymous = good, good, good
	incomplete.HandshakeComplete = false
	old.Version = tls.VersionTLS11
	anonymous.PeerCertificates = nil
	void, gap := good, good
	void.PeerCertificates = []*x509.Certificate{nil}
	gap.PeerCertificates = []*x509.Certificate{good.PeerCertificates[0], nil}
	mismatch, unusable, both, elsewhere := *h, *h, *h, *h
	mismatch.Records = []tlsa.Record{{Usage: tlsa.DANEEE, Selector: tlsa.SPKI, Matching: tlsa.SHA256, Data: make([]byte, 32)}}
	unusable.Records = []tlsa.Record{{Usage: tlsa.PKIXEE, Selector: tlsa.SPKI, Matching: tlsa.SHA256, Data: make([]byte, 32)}}
	unusable.Action = dane.MustEncrypt
	both.PKIX = h.Base // its authority is none of the system's
	elsewhere.Action, elsewhere.PKIX, elsewhere.Records = dane.MustAuthenticate, "other.example", nil
	optional := &dane.Host{Action: dane.MayEncrypt}
	for _, tt := range []struct {
		name  string
		host  *dane.Host
		state tls.ConnectionState
		want  func(error) bool
	}{
		{"a match", h, good, is(nil)},
		{"clear text", h, tls.ConnectionState{}, is(dane.ErrNoTLS)},
		{"a handshake that was broken off", h, incomplete, is(dane.ErrNoTLS)},
		{"a version of old", h, old, is(dane.ErrWeakTLS)},
		{"no certificate", h, anonymous, isA[*tlsa.Error]},
		{"a mismatch", &mismatch, good, isA[*tlsa.Error]},
		{"no records", &dane.Host{Action: dane.MustAuthenticate}, good, isA[*tlsa.Error]},
		{"DANE matches, and PKIX does not", &both, good, isA[x509.UnknownAuthorityError]},
		{"PKIX alone", &elsewhere, good, isA[x509.HostnameError]},
		{"PKIX alone, in clear", &elsewhere, tls.ConnectionState{}, is(dane.ErrNoTLS)},
		{"PKIX alone, without certificate", &elsewhere, anonymous, isA[x509.UnknownAuthorityError]},
		{"PKIX alone, with a certificate that is nil", &elsewhere, void, isA[x509.UnknownAuthorityError]},
		{"PKIX alone, with one that is nil behind it", &elsewhere, gap, isA[x509.HostnameError]},
		{"DANE, with a certificate that is nil", h, void, isA[*tlsa.Error]},
		{"DANE, with one that is nil behind it", h, gap, is(nil)},
		{"TLS is enough", &unusable, good, is(nil)},
		{"TLS is enough, and there is none", &unusable, tls.ConnectionState{}, is(dane.ErrNoTLS)},
		{"TLS is enough, and it is old", &unusable, old, is(dane.ErrWeakTLS)},
		{"TLS is optional", optional, old, is(nil)},
		{"TLS is optional, and nobody has asked for it", optional, tls.ConnectionState{}, is(dane.ErrNoTLS)},
		{"a host to be skipped", &dane.Host{}, good, is(dane.ErrSkipped)},
		{"an action that does not exist", &dane.Host{Action: 99}, good, is(dane.ErrSkipped)},
	} {
		if err := tt.host.VerifyConnection(tt.state); !tt.want(err) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func is(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
