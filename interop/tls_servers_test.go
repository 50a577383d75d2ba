//go:build interop

package interop

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
)

// A tlsServer is a server of OpenSSL that has something rare or old.
type tlsServer struct {
	row    int    // in docs/tls.md; 0 if it is in none
	name   string // in words
	key    string // for "openssl req -newkey"; "" means P-256
	issuer string // the same for the issuer; "" means that it signs itself
	req    string // more arguments for "openssl req" or "openssl x509", that signs
	chain  bool   // the issuer is presented
	args   string // of s_server
	want   string // what HandshakeReason begins with; "" means that the handshake succeeds
	later  bool   // the error comes with the first read
	asks   bool   // for a certificate that clients do not have
	peers  bool   // OpenSSL's s_client, with its defaults, completes the handshake
}

const (
	ec        = "ec -pkeyopt ec_paramgen_curve:"
	rsa2048   = "rsa:2048"
	rsaPSS    = "rsa-pss -pkeyopt rsa_keygen_bits:2048"
	anyLevel  = "-cipher DEFAULT@SECLEVEL=0 "
	alert40   = "TLS alert 40 of the server, handshake failure: "
	badCurve  = "crypto/tls refuses the certificate: a key in the chain is on a curve that Go does not know"
	forgotten = "TLS alert 116 of the server, certificate required: a client certificate is demanded"
)

var tlsServers = []tlsServer{
	{name: "P-256", peers: true},
	{name: "RSA", key: rsa2048, peers: true},
	{row: 1, name: "RSA-PSS key", key: rsaPSS, want: alert40, peers: true},
	{row: 1, name: "RSA-PSS key, TLS 1.2", key: rsaPSS, args: "-tls1_2", want: alert40, peers: true},
	{name: "RSA-PSS key of the issuer", issuer: rsaPSS, chain: true, peers: true},
	{row: 2, name: "Ed448 key", key: "ed448", want: alert40, peers: true},
	{row: 2, name: "Ed448 key, TLS 1.2", key: "ed448", args: "-tls1_2", want: alert40, peers: true},
	{row: 3, name: "secp256k1, TLS 1.2", key: ec + "secp256k1", args: "-tls1_2", want: alert40},
	{row: 4, name: "Brainpool, TLS 1.2", key: ec + "brainpoolP256r1", args: "-tls1_2", want: alert40},
	{row: 5, name: "P-224, TLS 1.2", key: ec + "P-224", args: "-tls1_2", want: alert40},
	{row: 7, name: "signed by Ed448", issuer: "ed448", chain: true, want: alert40, peers: true},
	{row: 7, name: "signed by Ed448, which is not presented", issuer: "ed448", want: alert40, peers: true},
	{row: 7, name: "signed by Ed448, TLS 1.2", issuer: "ed448", chain: true, args: "-tls1_2", want: alert40, peers: true},
	{row: 9, name: "signed by RSA with MD5", key: rsa2048, req: "-md5", args: anyLevel, want: alert40, peers: true},
	{row: 10, name: "Brainpool key of the issuer", issuer: ec + "brainpoolP256r1", chain: true, want: badCurve, peers: true},
	{name: "Brainpool key of the issuer, which is not presented", issuer: ec + "brainpoolP256r1", peers: true},
	{row: 11, name: "secp256k1 key of the issuer", issuer: ec + "secp256k1", chain: true, want: badCurve, peers: true},
	{row: 12, name: "curve spelt out", key: ec + "P-256 -pkeyopt ec_param_enc:explicit", peers: true,
		want: "crypto/tls refuses the certificate: a key in the chain spells out its curve"},
	{row: 13, name: "negative serial number", req: "-set_serial -5", peers: true,
		want: "crypto/tls refuses the certificate: it has a negative serial number"},
	{name: "serial number zero", req: "-set_serial 0", peers: true},
	{row: 15, name: "RSA key of 512 bits, TLS 1.2", key: "rsa:512", args: anyLevel + "-tls1_2", peers: true,
		want: "crypto/tls refuses the certificate: its RSA key is too short"},
	{row: 15, name: "RSA key of 512 bits", key: "rsa:512", args: anyLevel, want: alert40},
	{name: "SHA-1 signature of the certificate", key: rsa2048, req: "-sha1", args: anyLevel, peers: true},

	{row: 20, name: "SHA-1 signatures only", key: rsa2048, args: anyLevel + "-sigalgs RSA+SHA1 -tls1_2", want: alert40},
	{row: 21, name: "DHE only", key: rsa2048, args: "-cipher DHE-RSA-AES128-GCM-SHA256 -tls1_2", want: alert40, peers: true},
	{row: 22, name: "RSA key exchange only", key: rsa2048, args: "-cipher AES128-GCM-SHA256 -tls1_2", want: alert40, peers: true},
	{row: 23, name: "X448 only", args: "-groups X448", want: alert40, peers: true},
	{row: 24, name: "finite-field groups only", args: "-groups ffdhe2048 -tls1_3", want: alert40, peers: true},
	{row: 25, name: "Brainpool group only, TLS 1.2", key: rsa2048, args: "-groups brainpoolP256r1 -cipher ECDHE-RSA-AES128-GCM-SHA256 -tls1_2", want: alert40},
	{row: 26, name: "TLS 1.1 only", key: rsa2048, args: anyLevel + "-tls1_1",
		want: "TLS alert 70 of the server, protocol version not supported: no version of TLS in common"},
	{row: 27, name: "AES-CCM only", args: "-ciphersuites TLS_AES_128_CCM_SHA256 -tls1_3", want: alert40},
	{row: 28, name: "client certificate, TLS 1.2", args: "-Verify 1 -verify_return_error -tls1_2", want: alert40, asks: true},
	{row: 29, name: "client certificate, TLS 1.3", args: "-Verify 1 -verify_return_error -tls1_3", want: forgotten, later: true, asks: true},
	{row: 31, name: "CBC with SHA-384 only", key: rsa2048, args: "-cipher ECDHE-RSA-AES256-SHA384 -tls1_2", want: alert40, peers: true},
}

// TestServersThatGoCannotTalkTo has the rows of docs/tls.md, and servers beside them
// that are no trouble. Where DANE-EE is satisfied, the Verifier is not to blame.
func TestServersThatGoCannotTalkTo(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/tls.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range tlsServers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if s.row != 0 && !strings.Contains(string(page), fmt.Sprintf("\n| %d | ", s.row)) {
				t.Errorf("docs/tls.md has no row %d", s.row)
			}
			address, record := s.start(t)
			v := &tlsa.Verifier{Records: []tlsa.Record{record}, Names: []string{tlsaHost}}
			err := s.connect(address, v.TLSConfig(nil))
			reason := tlsa.HandshakeReason(err)
			if (err == nil) != (s.want == "") || !strings.HasPrefix(reason, s.want) {
				t.Errorf("%v, reason %q, want %q", err, reason, s.want)
			}
			if s.asks {
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			out, _ := exec.CommandContext(ctx, "openssl", "s_client", "-connect", address, "-servername", tlsaHost).CombinedOutput()
			if got := strings.Contains(string(out), "Verify return code") && !strings.Contains(string(out), "Cipher is (NONE)"); got != s.peers {
				t.Errorf("s_client completes the handshake: %t, want %t\n%s", got, s.peers, out)
			}
		})
	}
}

// TestSettingsLetGoTalk has the ways out that a sender has. It is not parallel, since
// GODEBUG is for the whole process.
func TestSettingsLetGoTalk(t *testing.T) {
	rsaKeyExchange := new(tls.Config)
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		rsaKeyExchange.CipherSuites = append(rsaKeyExchange.CipherSuites, suite.ID)
	}
	for _, c := range []struct {
		row     int
		godebug string
		base    *tls.Config
	}{
		{row: 13, godebug: "x509negativeserial=1"},
		{row: 20, godebug: "tlssha1=1"},
		{row: 22, base: rsaKeyExchange},
	} {
		t.Run(fmt.Sprint("row ", c.row), func(t *testing.T) {
			i := slices.IndexFunc(tlsServers, func(s tlsServer) bool { return s.row == c.row })
			address, record := tlsServers[i].start(t)
			v := &tlsa.Verifier{Records: []tlsa.Record{record}, Names: []string{tlsaHost}}
			if err := tlsServers[i].connect(address, v.TLSConfig(nil)); err == nil {
				t.Error("there is a handshake without it")
			}
			t.Setenv("GODEBUG", c.godebug)
			if err := tlsServers[i].connect(address, v.TLSConfig(c.base)); err != nil {
				t.Error(err)
			}
		})
	}
}

// connect makes a handshake, and reads where the error comes later.
func (s *tlsServer) connect(address string, config *tls.Config) error {
	conn, err := net.DialTimeout("tcp", address, 30*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	secured := tls.Client(conn, config)
	err = secured.Handshake()
	if err == nil && s.later {
		_, err = secured.Read(make([]byte, 1))
	}
	return err
}

// start makes the key and certificates and starts the server. The record is that of
// the server's certificate, as OpenSSL has it.
func (s *tlsServer) start(t *testing.T) (address string, record tlsa.Record) {
	t.Helper()
	dir := t.TempDir()
	openssl := func(args string) {
		t.Helper()
		if _, err := command(dir, append([]string{"openssl"}, strings.Fields(args)...)...); err != nil {
			t.Fatal(err)
		}
	}
	key := s.key
	if key == "" {
		key = ec + "P-256"
	}
	if s.issuer == "" {
		openssl("req -x509 -newkey " + key + " -nodes -keyout key.pem -out cert.pem -days 30 -subj /CN=" + tlsaHost + " " + s.req)
	} else {
		openssl("req -x509 -newkey " + s.issuer + " -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=Issuer")
		openssl("req -new -newkey " + key + " -nodes -keyout key.pem -out req.pem -subj /CN=" + tlsaHost)
		openssl("x509 -req -in req.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 20 -out cert.pem " + s.req)
	}
	openssl("x509 -in cert.pem -outform DER -out cert.der")
	der, err := os.ReadFile(filepath.Join(dir, "cert.der"))
	if err != nil {
		t.Fatal(err)
	}
	args := "s_server -accept 127.0.0.1:0 -cert cert.pem -key key.pem " + s.args
	if s.chain {
		args += " -cert_chain ca.pem"
		if !strings.Contains(s.args, "-cipher ") {
			args += " -cipher DEFAULT@SECLEVEL=0" // or OpenSSL refuses its own chain
		}
	}
	server := exec.Command("openssl", strings.Fields(args)...)
	server.Dir = dir
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	input, err := server.StdinPipe() // it ends with its input
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		server.Process.Kill()
		server.Wait()
	})
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadString('\n')
		if rest, ok := strings.CutPrefix(line, "ACCEPT "); ok {
			go io.Copy(io.Discard, lines) // until the server ends
			return strings.TrimSpace(rest), tlsa.Record{Usage: tlsa.DANEEE, Selector: tlsa.Cert, Matching: tlsa.Full, Data: der}
		}
		if err != nil {
			t.Fatalf("s_server has ended: %v", err)
		}
	}
}
