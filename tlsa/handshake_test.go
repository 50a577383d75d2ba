package tlsa_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// answered returns the error of a handshake with a server that reads the greeting and
// then sends these octets and closes the connection.
func answered(octets []byte) error {
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		defer far.Close()
		far.Read(make([]byte, 16384))
		far.Write(octets)
	}()
	v := tlsa.Verifier{Records: strangers(1), Names: []string{mx}}
	return tls.Client(near, v.TLSConfig(nil)).Handshake()
}

func alert(number byte) []byte { return []byte{21, 3, 3, 0, 2, 2, number} }

// TestHandshakeReason: when crypto/tls changes its words or types, this test fails.
func TestHandshakeReason(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := &tlsa.Verifier{Records: records(w.stranger.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx}, Time: atNoon}
	negative := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.NegativeSerial})
	against := func(server *tls.Config, client *tls.Config) error {
		_, err := handshake(server, client)
		return err
	}
	old := serverConfig(w.server.TLS())
	old.MaxVersion = tls.VersionTLS11
	demanding := serverConfig(w.server.TLS())
	demanding.ClientAuth = tls.RequireAnyClientCert
	matching := &tlsa.Verifier{Records: records(w.server.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx}}
	// A ServerHello of TLS 1.0, as servers send it that never heard of alert 70.
	hello := append([]byte{22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1}, make([]byte, 36)...)
	hello[44] = 0x2f
	late, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	near, far := net.Pipe()
	defer far.Close()
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"no error", nil, ""},
		{"no error of TLS", errors.New("550 no such user"), ""},
		{"a mismatch", against(serverConfig(w.server.TLS()), v.TLSConfig(nil)), "no certificate matches"},
		{"a negative serial number", against(serverConfig(negative.TLS()), v.TLSConfig(nil)), "crypto/tls refuses the certificate: it has a negative serial number"},
		{"an RSA key of more than 8192 bits", against(serverConfig(w.server.TLSWith(hugeKey(t, w.root))), v.TLSConfig(nil)),
			"crypto/tls refuses the certificate: an RSA key in the chain is too long"},
		{"a refusal that HandshakeError has found", func() error {
			e, _ := tlsa.HandshakeError(errors.New("tls: failed to parse certificate from server: x509: malformed spki"))
			return e
		}(), "crypto/tls refuses the certificate: it cannot be read"},
		{"no common version", against(old, v.TLSConfig(nil)), "TLS alert 70 of the server, protocol version not supported: no version of TLS in common"},
		{"a version that was not offered", answered(hello), "the server speaks an older version of TLS"},
		{"a client certificate is demanded", against(demanding, matching.TLSConfig(nil)), "TLS alert 116 of the server, certificate required: a client certificate is demanded"},
		{"an alert", answered(alert(40)), "TLS alert 40 of the server, handshake failure: nothing in common for the key exchange, the cipher or the server's key, or no client certificate"},
		{"an alert that has no hint", answered(alert(80)), "TLS alert 80 of the server, internal error"},
		{"an alert that nobody knows", answered(alert(250)), "TLS alert 250 of the server"},
		{"an alert, wrapped", fmt.Errorf("mx.example.org: %w", answered(alert(112))), "TLS alert 112 of the server, unrecognized name: the host name in SNI is not known"},
		{"text instead of TLS", answered([]byte("500 what?\r\n")), "the server does not speak TLS after STARTTLS"},
		{"the connection ends", answered(nil), "the server closed the connection"},
		{"the connection ends within a record", answered([]byte{22, 3}), "the server closed the connection"},
		{"too late", tls.Client(near, v.TLSConfig(nil)).HandshakeContext(late), "no answer in time"},
	} {
		if got := tlsa.HandshakeReason(c.err); got != c.want {
			t.Errorf("%s: HandshakeReason(%v) = %q, want %q", c.name, c.err, got, c.want)
		}
	}
}

// TestLongKeysOnDemand is not parallel, since GODEBUG is for the whole process.
func TestLongKeysOnDemand(t *testing.T) {
	w := newWorld()
	v := tlsa.Verifier{Records: records(w.server.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx}}
	server := serverConfig(w.server.TLSWith(hugeKey(t, w.root)))
	if _, err := handshake(server, v.TLSConfig(nil)); err == nil {
		t.Error("an RSA key of more than 8192 bits is accepted")
	}
	t.Setenv("GODEBUG", "tlsmaxrsasize=16384")
	if _, err := handshake(server, v.TLSConfig(nil)); err != nil {
		t.Error(err)
	}
}

// TestEveryAlertHasAReason, which is fit for a report whatever the server sends.
func TestEveryAlertHasAReason(t *testing.T) {
	t.Parallel()
	for number := range 256 {
		got := tlsa.HandshakeReason(answered(alert(byte(number))))
		if want := fmt.Sprintf("TLS alert %d of the server", number); number != 0 && !strings.HasPrefix(got, want) {
			t.Errorf("alert %d: %q", number, got)
		} else if number == 0 && got != "the server closed the connection" { // close_notify
			t.Errorf("alert 0: %q", got)
		}
	}
	if got := tlsa.HandshakeReason(&net.OpError{Op: "remote error", Err: io.ErrNoProgress}); got != "TLS alert of the server" {
		t.Error(got)
	}
}
