package dane_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// server returns a host whose server has that configuration.
func server(record string, config *tls.Config) []danetest.Host {
	host := danetest.Host{Name: "mail", Server: func(s *smtptest.Server) { s.TLS = config }}
	if record != "" {
		host.TLSA = []string{record}
	}
	return []danetest.Host{host}
}

// What of a caller's configuration counts for hosts with each action: "TLS" is sent with, ""
// to nobody, "clear" after the fallback. A configuration never makes less of a host than none.
func TestBaseConfiguration(t *testing.T) {
	t.Parallel()
	refuse := func(tls.ConnectionState) error { return errors.New("not today") }
	for _, tt := range []struct {
		name   string
		server *tls.Config
		base   *tls.Config
		// what comes of hosts that match, that do not, with unusable and without TLSA records
		match, mismatch, unusable, without string
	}{
		{"none", nil, nil, "TLS", "", "TLS", "TLS"},
		{"an empty one", nil, &tls.Config{}, "TLS", "", "TLS", "TLS"},
		{"a session cache", nil, &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(8)}, "TLS", "", "TLS", "TLS"},
		{"another server's name", nil, &tls.Config{ServerName: "other.example"}, "TLS", "", "TLS", "TLS"},
		{"no verification", nil, &tls.Config{InsecureSkipVerify: true}, "TLS", "", "TLS", "TLS"},
		{"no authority at all", nil, &tls.Config{RootCAs: x509.NewCertPool()}, "TLS", "", "TLS", "TLS"},
		{"a clock that is wrong", nil, &tls.Config{Time: func() time.Time { return time.Unix(0, 0) }}, "TLS", "", "TLS", "TLS"},
		{"keys for Encrypted Client Hello", nil, &tls.Config{EncryptedClientHelloConfigList: helloKeys(t), MinVersion: tls.VersionTLS13}, "TLS", "", "TLS", "TLS"},
		{"the protocols of other servers", &tls.Config{NextProtos: []string{"acme-tls/1"}}, &tls.Config{NextProtos: []string{"h2"}}, "TLS", "", "TLS", "TLS"},
		{"a certificate of the client's", nil, &tls.Config{Certificates: []tls.Certificate{tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"me.example"}}).TLS()}}, "TLS", "", "TLS", "TLS"},
		{"TLS 1.3 alone, and the server has 1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, &tls.Config{MinVersion: tls.VersionTLS13}, "", "", "", "clear"},
		{"TLS 1.0 too, and the server has no other", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, &tls.Config{MinVersion: tls.VersionTLS10}, "", "", "", "TLS"},
		{"a hook that refuses", nil, &tls.Config{VerifyConnection: refuse}, "", "", "", "clear"},
		{"a hook that accepts", nil, &tls.Config{VerifyConnection: func(tls.ConnectionState) error { return nil }}, "TLS", "", "TLS", "TLS"},
		{"none, and the server has TLS 1.0", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, nil, "", "", "", "TLS"},
		{"none, and the server has 3DES alone", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}}, nil, "", "", "", "TLS"},
		{"an empty one, and the server has TLS 1.0", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, &tls.Config{}, "", "", "", "TLS"},
		{"a session cache, and the server has 3DES alone", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}}, &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(8)}, "", "", "", "TLS"},
		{"TLS 1.2 at least, and the server has TLS 1.0", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, &tls.Config{MinVersion: tls.VersionTLS12}, "", "", "", "clear"},
		{"the suites of crypto/tls, and the server has 3DES alone", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}}, &tls.Config{CipherSuites: secureSuites()}, "", "", "", "clear"},
	} {
		for _, c := range []struct{ record, want string }{{"3 1 1", tt.match}, {otherKey, tt.mismatch}, {"0 0 1", tt.unusable}, {"", tt.without}} {
			t.Run(tt.name+"/"+c.record, func(t *testing.T) {
				t.Parallel()
				internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: server(c.record, tt.server)})
				v := internet.Verifier()
				d, err := v.LookupMX(t.Context(), "a.example")
				if err != nil {
					t.Fatal(err)
				}
				h := v.LookupHost(t.Context(), d, d.MX[0])
				for range 2 { // once more for the session that may be resumed
					if got := sendBy(t, internet, h, tt.base); got != c.want {
						t.Errorf("%s: sent %q, want %q", h.Action, got, c.want)
					}
				}
			})
		}
	}
}

func secureSuites() (ids []uint16) {
	for _, suite := range tls.CipherSuites() {
		ids = append(ids, suite.ID)
	}
	return ids
}

// Verifier.TLS is where handshakes start from: those of TLSConfig without a configuration, of
// Connect, and of a Checker. A client that leaves ML-KEM out sends a small first message.
func TestVerifierTLS(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config     *tls.Config
		ml, client bool
	}{
		"none":                  {nil, true, false},
		"curves without ML-KEM": {&tls.Config{CurvePreferences: []tls.CurveID{tls.X25519, tls.CurveP256}}, false, false},
		"a client certificate":  {&tls.Config{Certificates: []tls.Certificate{tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"me.example"}}).TLS()}}, true, true},
	} {
		heard := make(chan bool, 9)
		server := within(&tls.Config{ClientAuth: tls.RequestClientCert, GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			heard <- slices.Contains(hello.SupportedCurves, tls.X25519MLKEM768)
			return nil, nil
		}})
		internet := danetest.New(t, oneHost("3 1 1", server))
		v := internet.Verifier()
		v.TLS = tt.config
		h := firstHost(t, v, "a.example")
		if got := sendOnce(t, v, h); got != "authenticated" {
			t.Errorf("%s: Connect: %s", name, got)
		}
		if got := sendBy(t, internet, h, nil); got != "TLS" {
			t.Errorf("%s: TLSConfig: %s", name, got)
		}
		if result, err := checker(v).Verify(t.Context(), "a.example"); err != nil || result.Outcome != dane.OutcomeSuccess {
			t.Errorf("%s: Verify: %s", name, result)
		}
		sessions := internet.Servers["mail.a.example"].Sessions()
		if len(sessions) != 3 || len(heard) != 3 {
			t.Errorf("%s: %d connections", name, len(sessions))
		}
		for _, session := range sessions {
			if session.TLS == nil || (len(session.TLS.PeerCertificates) > 0) != tt.client || <-heard != tt.ml {
				t.Errorf("%s: %+v", name, session.TLS)
			}
		}
	}
}

// sendBy does what an MTA with a configuration of its own does, with all fallbacks that are
// allowed.
func sendBy(t *testing.T, internet *danetest.Internet, h *dane.Host, base *tls.Config) string {
	for ; h != nil; h = h.Fallback() {
		if h.Action == dane.SendClear {
			return "clear"
		}
		session, err := (&smtpprobe.Prober{Dial: internet.Dial}).Probe(t.Context(), h.Addrs[0].String()+":25", h.TLSConfig(base))
		if err == nil {
			if name := session.TLS.ServerName; name != h.Base {
				t.Errorf("SNI %q, want %q", name, h.Base)
			}
			return "TLS"
		}
	}
	return ""
}

// RSA key exchange is offered where clear text is the alternative, and to others if the
// sender says so.
func TestRSAKeyExchange(t *testing.T) {
	t.Parallel()
	for record, want := range map[string]map[bool]string{
		"":       {false: "TLS", true: "TLS"},
		"0 0 1":  {false: "", true: "TLS"},
		"3 1 1":  {false: "", true: "TLS"},
		otherKey: {false: "", true: ""},
	} {
		for allowed, want := range want {
			key, own := rsaCertificate(t)
			record := record
			if record == "3 1 1" {
				record = own
			}
			config := &tls.Config{
				Certificates: []tls.Certificate{key}, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256},
			}
			internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: server(record, config)})
			v := internet.Verifier()
			v.RSAKeyExchange = allowed
			d, err := v.LookupMX(t.Context(), "a.example")
			if err != nil {
				t.Fatal(err)
			}
			h := v.LookupHost(t.Context(), d, d.MX[0])
			if got := sendBy(t, internet, h, nil); got != want {
				t.Errorf("TLSA %q, allowed %v: sent %q, want %q", record, allowed, got, want)
			}
		}
	}
}

// helloKeys is a list with one key for Encrypted Client Hello.
func helloKeys(t *testing.T) []byte {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sized := func(b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) }
	config := []byte{1, 0, 0x20} // an identifier, and DHKEM(X25519, HKDF-SHA256)
	config = append(config, sized(key.PublicKey().Bytes())...)
	config = append(config, sized([]byte{0, 1, 0, 1})...) // HKDF-SHA256, AES-128-GCM
	config = append(config, 32, byte(len("public.example")))
	config = append(config, "public.example"...)
	config = append(config, sized(nil)...)
	return sized(append([]byte{0xfe, 0x0d}, sized(config)...))
}
