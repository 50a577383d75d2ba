package tlsa_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"sync"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

func TestTLSConfig(t *testing.T) {
	t.Parallel()
	w := newWorld()
	good := &tlsa.Verifier{Records: records(w.root.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx + ".", "example.org"}, Time: atNoon}
	wrong := &tlsa.Verifier{Records: records(w.stranger.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx}, Time: atNoon}
	server := serverConfig(w.server.TLS())

	t.Run("a match, and SNI is the TLSA base domain without a dot (RFC 7672 §8.1)", func(t *testing.T) {
		t.Parallel()
		state, err := handshake(server, good.TLSConfig(nil))
		if err != nil || state.ServerName != mx || state.Version < tls.VersionTLS12 {
			t.Errorf("%q, %v", state.ServerName, err)
		}
	})
	t.Run("SNI reaches the server, whatever base says", func(t *testing.T) {
		t.Parallel()
		var asked string
		observing := server.Clone()
		observing.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			asked = hello.ServerName
			return &server.Certificates[0], nil
		}
		observing.Certificates = nil
		if _, err := handshake(observing, good.TLSConfig(&tls.Config{ServerName: "example.org"})); err != nil || asked != mx {
			t.Errorf("%q, %v", asked, err)
		}
	})
	t.Run("a server without SNI, with one certificate for all (RFC 7672 §8.1)", func(t *testing.T) {
		t.Parallel()
		fallback := w.root.Issue(tlsatest.Leaf{Names: []string{"hosting.example.net"}})
		v := tlsa.Verifier{Records: records(fallback.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx}}
		if _, err := handshake(serverConfig(fallback.TLS()), v.TLSConfig(nil)); err != nil {
			t.Error(err)
		}
	})
	t.Run("a mismatch is an *Error in the handshake's", func(t *testing.T) {
		t.Parallel()
		_, err := handshake(server, wrong.TLSConfig(nil))
		if reasonOf(t, err) != tlsa.ReasonMismatch {
			t.Error(err)
		}
	})
	t.Run("no names: DANE-EE matches, and base keeps its server name", func(t *testing.T) {
		t.Parallel()
		v := tlsa.Verifier{Records: records(w.server.Record(tlsa.SPKI, tlsa.SHA256))}
		state, err := handshake(server, v.TLSConfig(&tls.Config{ServerName: "kept.example"}))
		if err != nil || state.ServerName != "kept.example" {
			t.Errorf("%q, %v", state.ServerName, err)
		}
	})
	t.Run("a name that is no host name is not sent, and fails", func(t *testing.T) {
		t.Parallel()
		v := tlsa.Verifier{Records: good.Records, Names: []string{"bücher.example"}, Time: atNoon}
		config := v.TLSConfig(&tls.Config{ServerName: "base.example"})
		if _, err := handshake(server, config); reasonOf(t, err) != tlsa.ReasonBadName || config.ServerName != "" {
			t.Errorf("%q, %v", config.ServerName, err)
		}
	})
	t.Run("the zero Verifier fails", func(t *testing.T) {
		t.Parallel()
		if _, err := handshake(server, new(tlsa.Verifier).TLSConfig(nil)); reasonOf(t, err) != tlsa.ReasonNoUsableRecord {
			t.Error(err)
		}
	})
	t.Run("changing a field of the Verifier later changes nothing", func(t *testing.T) {
		t.Parallel()
		v := *wrong
		config := v.TLSConfig(nil)
		v.Records = good.Records
		if _, err := handshake(server, config); reasonOf(t, err) != tlsa.ReasonMismatch {
			t.Error(err)
		}
	})
	t.Run("TLS 1.2 at least (RFC 7671 §3)", func(t *testing.T) {
		t.Parallel()
		old := server.Clone()
		old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		if _, err := handshake(old, good.TLSConfig(&tls.Config{MinVersion: tls.VersionTLS10})); err == nil {
			t.Error("TLS 1.1 is accepted")
		}
		if got := good.TLSConfig(&tls.Config{MinVersion: tls.VersionTLS13}).MinVersion; got != tls.VersionTLS13 {
			t.Errorf("MinVersion is lowered to %x", got)
		}
	})
}

func TestBaseConfigIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := tlsa.Verifier{Records: records(w.server.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx}, Time: atNoon}
	client := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"client.example"}})
	base := &tls.Config{
		ServerName: "base.example", MinVersion: tls.VersionTLS10, Certificates: []tls.Certificate{client.TLS()},
		ClientSessionCache: tls.NewLRUClientSessionCache(1), CurvePreferences: []tls.CurveID{tls.CurveP256},
		KeyLogWriter: new(bytes.Buffer),
	}
	config := v.TLSConfig(base)
	if base.ServerName != "base.example" || base.MinVersion != tls.VersionTLS10 || base.InsecureSkipVerify || base.VerifyConnection != nil {
		t.Error("base is changed")
	}
	if config.ClientSessionCache == nil || len(config.CurvePreferences) != 1 || config.KeyLogWriter != base.KeyLogWriter {
		t.Error("not all of base is kept")
	}
	server := serverConfig(w.server.TLS())
	server.ClientAuth = tls.RequireAnyClientCert
	var shown []byte
	server.VerifyPeerCertificate = func(raw [][]byte, _ [][]*x509.Certificate) error {
		shown = raw[0]
		return nil
	}
	if _, err := handshake(server, config); err != nil || string(shown) != string(client.Leaf.Raw) {
		t.Errorf("the client's certificate is not shown: %v", err)
	}
}

func TestHooksOfTheCallerRunFirst(t *testing.T) {
	t.Parallel()
	w := newWorld()
	server := serverConfig(w.server.TLS())
	refused := errors.New("refused by the caller")
	matching := &tlsa.Verifier{Records: records(w.server.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx}}
	failing := &tlsa.Verifier{Records: records(w.stranger.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx}}
	for _, c := range []struct {
		name     string
		verifier *tlsa.Verifier
		refuse   bool
	}{
		{"they accept, the records match", matching, false},
		{"they accept, the records do not match", failing, false},
		{"they refuse, the records match", matching, true},
		{"they refuse, the records do not match", failing, true},
	} {
		for _, hook := range []string{"VerifyConnection", "VerifyPeerCertificate"} {
			t.Run(c.name+", "+hook, func(t *testing.T) {
				t.Parallel()
				calls := 0
				answer := func(chains [][]*x509.Certificate) error {
					calls++
					if chains != nil {
						t.Error("there are verified chains, which the documentation denies")
					}
					if c.refuse {
						return refused
					}
					return nil
				}
				base := new(tls.Config)
				if hook == "VerifyConnection" {
					base.VerifyConnection = func(state tls.ConnectionState) error { return answer(state.VerifiedChains) }
				} else {
					base.VerifyPeerCertificate = func(_ [][]byte, chains [][]*x509.Certificate) error { return answer(chains) }
				}
				_, err := handshake(server, c.verifier.TLSConfig(base))
				if calls != 1 {
					t.Errorf("%d calls", calls)
				}
				switch {
				case c.refuse:
					if !errors.Is(err, refused) {
						t.Errorf("%v", err)
					}
				case c.verifier == failing:
					if reasonOf(t, err) != tlsa.ReasonMismatch {
						t.Errorf("%v", err)
					}
				case err != nil:
					t.Error(err)
				}
			})
		}
	}
}

// TestResumedSessions: a session is resumed while the records are the same, and for no others. So a
// server is refused that matches no more, which VerifyPeerCertificate would miss, and one is not that
// has got another key together with its record, but knows the sessions of the one before.
func TestResumedSessions(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			next := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Time: noon})
			first, second := w.server.Record(tlsa.SPKI, tlsa.SHA256), next.Record(tlsa.SPKI, tlsa.SHA256)
			old, renewed := serverConfig(w.server.TLS()), serverConfig(next.TLS())
			for _, server := range []*tls.Config{old, renewed} {
				server.MaxVersion, server.Time = version, atNoon
				server.SetSessionTicketKeys([][32]byte{{1}})
			}
			base := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(8), Time: atNoon}
			for _, step := range []struct {
				name    string
				server  *tls.Config
				records []tlsa.Record
				resumed bool
				refused bool
			}{
				{"the first connection", old, records(first), false, false},
				{"the next one", old, records(first), true, false},
				{"the record is of another key", old, records(second), false, true},
				{"there is one of the next key, too", old, records(first, second), false, false},
				{"the same in another order", old, records(second, first), true, false},
				{"the server has the next key, and the old one's sessions", renewed, records(second), false, false},
				{"the next connection to that", renewed, records(second), true, false},
			} {
				v := tlsa.Verifier{Records: step.records, Names: []string{mx}, Time: atNoon}
				state, err := handshake(step.server, v.TLSConfig(base))
				if state.DidResume != step.resumed || (err != nil) != step.refused || step.refused && reasonOf(t, err) != tlsa.ReasonMismatch {
					t.Errorf("%s: resumed %t, %v", step.name, state.DidResume, err)
				}
			}
		})
	}
}

func TestManyConnectionsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld()
	v := &tlsa.Verifier{
		Records: records(w.root.Record(tlsa.Cert, tlsa.Full), w.intermediate.Record(tlsa.SPKI, tlsa.SHA256)),
		Names:   []string{mx}, Time: atNoon,
	}
	config, server := v.TLSConfig(nil), serverConfig(w.server.TLS())
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := handshake(server, config); err != nil {
				t.Error(err)
			}
			if !anySatisfied(v.Judge(w.server.Chain())) {
				t.Error("no record is satisfied")
			}
		})
	}
	wg.Wait()
}

// TestVerifyConnectionWithoutCertificates has the state of a handshake that showed
// none (RFC 7672 §8.2).
func TestVerifyConnectionWithoutCertificates(t *testing.T) {
	w := newWorld()
	v := tlsa.Verifier{Records: records(w.server.Record(tlsa.SPKI, tlsa.SHA256)), Names: []string{mx}}
	if err := v.VerifyConnection(tls.ConnectionState{}); reasonOf(t, err) != tlsa.ReasonNoCertificate {
		t.Error(err)
	}
}

// TestHandshakeError: crypto/tls has no types for the certificates that it refuses;
// when it changes the words, this test fails.
func TestHandshakeError(t *testing.T) {
	t.Parallel()
	w := newWorld()
	negative := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.NegativeSerial})
	old := serverConfig(w.server.TLS())
	old.MaxVersion = tls.VersionTLS11
	for _, c := range []struct {
		name   string
		server *tls.Config
		record tlsa.Record
		want   tlsa.Reason // zero means that it is not about the certificate
	}{
		{"a negative serial number", serverConfig(negative.TLS()), negative.Record(tlsa.Cert, tlsa.SHA256), tlsa.ReasonRefused},
		{"a negative serial number above a good certificate", serverConfig(w.server.TLSWith(negative.Leaf)), w.server.Record(tlsa.Cert, tlsa.SHA256), tlsa.ReasonRefused},
		{"an RSA key of more than 8192 bits", serverConfig(w.server.TLSWith(hugeKey(t, w.root))), w.server.Record(tlsa.Cert, tlsa.SHA256), tlsa.ReasonRefused},
		{"a mismatch", serverConfig(w.server.TLS()), negative.Record(tlsa.Cert, tlsa.SHA256), tlsa.ReasonMismatch},
		{"no common version", old, w.server.Record(tlsa.Cert, tlsa.SHA256), 0},
		{"a match", serverConfig(w.server.TLS()), w.server.Record(tlsa.Cert, tlsa.SHA256), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := tlsa.Verifier{Records: records(c.record), Names: []string{mx}, Time: atNoon}
			_, err := handshake(c.server, v.TLSConfig(nil))
			got, ok := tlsa.HandshakeError(err)
			if ok != (c.want != 0) || ok && (got.Reason != c.want || !errors.Is(err, got) && !errors.Is(got, err)) {
				t.Errorf("HandshakeError(%v) = %v, %t, want %v", err, got, ok, c.want)
			}
		})
	}
}

// hugeKey returns a certificate for an RSA key that nobody has.
func hugeKey(t *testing.T, ca *tlsatest.CA) *x509.Certificate {
	n := new(big.Int).Lsh(big.NewInt(1), 8192)
	key := &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: noon, NotAfter: noon.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Certificate, key, ca.Key)
	if err != nil {
		t.Fatal(err)
	}
	return &x509.Certificate{Raw: der}
}
