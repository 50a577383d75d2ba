package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A folder has files to make records of.
type folder struct {
	t   testing.TB
	dir string
}

// write makes a file of PEM blocks: type and DER in turn.
func (f folder) write(name string, blocks ...any) string {
	f.t.Helper()
	var text bytes.Buffer
	for i := 0; i+1 < len(blocks); i += 2 {
		if err := pem.Encode(&text, &pem.Block{Type: blocks[i].(string), Bytes: blocks[i+1].([]byte)}); err != nil {
			f.t.Fatal(err)
		}
	}
	return f.raw(name, text.String())
}

func (f folder) raw(name, text string) string {
	f.t.Helper()
	file := filepath.Join(f.dir, name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return file
}

func (f folder) chain(name string, certs ...*x509.Certificate) string {
	f.t.Helper()
	var all []any
	for _, cert := range certs {
		all = append(all, "CERTIFICATE", cert.Raw)
	}
	return f.write(name, all...)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func request(key *ecdsa.PrivateKey, common string, names ...string) []byte {
	return must(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: common}, DNSNames: names}, key))
}

// makeFiles has what the tests of "tlsa make" read: a server below two CAs, and what goes wrong.
type makeFiles struct {
	folder
	server, other *tlsatest.Certificate
	intermediate  *tlsatest.CA
	key           []byte // PKCS #8
	chain         string
}

func newMakeFiles(t testing.TB) *makeFiles {
	f := &makeFiles{folder: folder{t, t.TempDir()}}
	root := tlsatest.NewCA(tlsatest.Authority{Name: "Root"})
	f.intermediate = root.NewCA(tlsatest.Authority{Name: "Intermediate"})
	f.server = f.intermediate.Issue(tlsatest.Leaf{Names: []string{"mx.example.org"}})
	f.other = f.intermediate.Issue(tlsatest.Leaf{Names: []string{"mx.example.org"}})
	f.key = must(x509.MarshalPKCS8PrivateKey(f.server.Key))
	f.chain = f.folder.chain("fullchain.pem", f.server.Leaf, f.intermediate.Certificate)
	return f
}

// TestTLSAMake makes the same record from everything that has the key.
func TestTLSAMake(t *testing.T) {
	t.Parallel()
	f := newMakeFiles(t)
	leaf := f.server.Leaf
	ee, ta := f.server.Record(tlsa.SPKI, tlsa.SHA256).String(), f.intermediate.Record(tlsa.SPKI, tlsa.SHA256).String()
	csr := request(f.server.Key, "", "mx.example.org")
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"a chain", []string{"-cert", f.chain}, ee},
		{"a chain with its key, as for some servers", []string{"-cert", f.write("both.pem", "PRIVATE KEY", f.key, "CERTIFICATE", leaf.Raw)}, ee},
		{"a certificate in DER", []string{"-cert", f.raw("cert.der", string(leaf.Raw))}, ee},
		{"a private key", []string{"-key", f.write("key.pem", "PRIVATE KEY", f.key)}, ee},
		{"a private key of OpenSSL's own form, after its parameters", []string{"-key", f.write("ec.pem", "EC PARAMETERS", []byte{6, 0}, "EC PRIVATE KEY", must(x509.MarshalECPrivateKey(f.server.Key)))}, ee},
		{"a private key in DER", []string{"-key", f.raw("key.der", string(f.key))}, ee},
		{"a public key", []string{"-key", f.write("pub.pem", "PUBLIC KEY", leaf.RawSubjectPublicKeyInfo)}, ee},
		{"a signing request", []string{"-csr", f.write("csr.pem", "CERTIFICATE REQUEST", csr)}, ee},
		{"a signing request with a common name", []string{"-csr", f.write("cn.pem", "CERTIFICATE REQUEST", request(f.server.Key, "MX.example.org"))}, ee},
		{"a signing request for a wildcard", []string{"-csr", f.write("wild.pem", "CERTIFICATE REQUEST", request(f.server.Key, "", "*.example.org"))}, ee},
		{"a signing request for another name, on demand", []string{"-any-name", "-csr", f.write("any.pem", "CERTIFICATE REQUEST", request(f.server.Key, "", "www.example.org"))}, ee},
		{"acronyms", []string{"-cert", f.chain, "-usage", "dane-ee", "-selector", "SPKI", "-matching", "sha2-256"}, ee},
		{"the trust anchor", []string{"-usage", "2", "-cert", f.chain}, ta},
		{"the whole certificate", []string{"-selector", "0", "-matching", "2", "-cert", f.chain}, f.server.Record(tlsa.Cert, tlsa.SHA512).String()},
		{"the key in full", []string{"-matching", "0", "-cert", f.chain}, f.server.Record(tlsa.SPKI, tlsa.Full).String()},
		{"the same twice", []string{"-cert", f.chain, "-cert", f.chain}, ee},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := command(t, append([]string{"tlsa", "make", "-for", "mx.Example.org."}, tt.args...)...)
			lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
			if want := "_25._tcp.mx.example.org. IN TLSA " + tt.want; status != 0 || len(lines) != 2 || lines[1] != want {
				t.Errorf("exit status %d, %s%s, want %s", status, stdout, stderr, want)
			}
		})
	}
}

// TestTLSAMakeRefuses has input that is not understood: a sentence, a status, and no output.
func TestTLSAMakeRefuses(t *testing.T) {
	t.Parallel()
	f := newMakeFiles(t)
	encrypted := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("x")})
	damaged := request(f.server.Key, "", "mx.example.org")
	damaged[len(damaged)-1] ^= 1
	host := []string{"-for", "mx.example.org"}
	for _, tt := range []struct {
		name, want string
		args       []string
	}{
		{"the leaf last", "the server's own has to come first", []string{"-cert", f.folder.chain("last.pem", f.intermediate.Certificate, f.server.Leaf)}},
		{"a CA first that did not issue it", "that has to come first", []string{"-cert", f.folder.chain("mixed.pem", f.intermediate.Parent.Certificate, f.server.Leaf)}},
		{"two servers' certificates", "both of a server", []string{"-cert", f.folder.chain("two.pem", f.server.Leaf, f.other.Leaf)}},
		{"a CA's certificate for usage 3", "of a CA", []string{"-cert", f.folder.chain("chain.pem", f.intermediate.Certificate)}},
		{"a server's certificate for usage 2", "of a server", []string{"-usage", "2", "-cert", f.folder.chain("leaf.pem", f.server.Leaf)}},
		{"a key instead of a certificate", "no certificate", []string{"-cert", f.write("k1.pem", "PRIVATE KEY", f.key)}},
		{"a certificate instead of a key", "no key", []string{"-key", f.chain}},
		{"a certificate instead of a request", "no signing request", []string{"-csr", f.chain}},
		{"several keys", "several keys", []string{"-key", f.write("keys.pem", "PRIVATE KEY", f.key, "PRIVATE KEY", f.key)}},
		{"an encrypted key", "openssl pkey", []string{"-key", f.write("enc.pem", "ENCRYPTED PRIVATE KEY", []byte("x"))}},
		{"an encrypted key of old form", "openssl pkey", []string{"-key", f.raw("old.pem", string(encrypted))}},
		{"a damaged key", "damaged", []string{"-key", f.write("dam.pem", "PRIVATE KEY", f.key[:20])}},
		{"a key of SSH", "SSH", []string{"-key", f.write("ssh.pem", "OPENSSH PRIVATE KEY", []byte("x"))}},
		{"a request for another name", "is for www.example.org, not for mx.example.org", []string{"-csr", f.write("www.pem", "CERTIFICATE REQUEST", request(f.server.Key, "", "www.example.org"))}},
		{"a request without a name", "for no name", []string{"-csr", f.write("noname.pem", "CERTIFICATE REQUEST", request(f.server.Key, ""))}},
		{"a request with a wrong signature", "not signed by its key", []string{"-csr", f.write("sig.pem", "CERTIFICATE REQUEST", damaged)}},
		{"a request for usage 2", "of a server", []string{"-usage", "2", "-csr", f.write("csr2.pem", "CERTIFICATE REQUEST", request(f.server.Key, "", "mx.example.org"))}},
		{"a key for selector 0", "selector 0", []string{"-selector", "0", "-key", f.write("k0.pem", "PRIVATE KEY", f.key)}},
		{"text", "neither PEM nor DER", []string{"-cert", f.raw("text", "hello")}},
		{"an empty file", "is empty", []string{"-cert", f.raw("empty", "\n")}},
		{"no file", "no such file", []string{"-cert", filepath.Join(f.dir, "none")}},
		{"one good file and one bad", "no such file", []string{"-cert", f.chain, "-key", filepath.Join(f.dir, "none")}},
		{"nothing", "-cert, -key, -csr or -from", nil},
		{"a stray argument", "-cert", []string{f.chain}},
		{"an unknown usage", "-usage", []string{"-usage", "4", "-cert", f.chain}},
		{"an unknown selector", "-selector", []string{"-selector", "x", "-cert", f.chain}},
		{"an unknown matching type", "-matching", []string{"-matching", "3", "-cert", f.chain}},
		{"parameters with more behind them", "-matching", []string{"-matching", "1 ab", "-cert", f.chain}},
		{"two forms", "choose one", []string{"-json", "-nsupdate", "-cert", f.chain}},
		{"an unknown flag", "-help", []string{"-certificate", f.chain}},
		{"a long TTL", "-ttl", []string{"-ttl", "2147483648", "-cert", f.chain}},
		{"an address", "host names", []string{"-cert", f.chain, "-for", "192.0.2.1"}},
		{"an IPv6 address", "host names", []string{"-cert", f.chain, "-for", "2001:db8::1"}},
		{"a name with labels for the port", "port goes behind it", []string{"-cert", f.chain, "-for", "_25._tcp.mx.example.org"}},
		{"a port that is none", "65535", []string{"-cert", f.chain, "-for", "mx.example.org:smtp"}},
		{"a name without a dot", "no dot", []string{"-cert", f.chain, "-for", "mx"}},
		{"blanks", "no host name", []string{"-cert", f.chain, "-for", "mx example.org"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := command(t, append(append([]string{"tlsa", "make"}, host...), tt.args...)...)
			if status != tlsaUnknown || stdout != "" || !strings.Contains(stderr, tt.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit status %d, %q, %s; want one line with %q", status, stdout, stderr, tt.want)
			}
		})
	}
	if _, _, stderr := command(t, "tlsa", "make", "-cert", f.chain); !strings.Contains(stderr, "is for mx.example.org") {
		t.Errorf("without -for: %s", stderr)
	}
}

func TestTLSAMakeWarns(t *testing.T) {
	t.Parallel()
	f := newMakeFiles(t)
	key := f.write("next.pem", "PUBLIC KEY", f.other.Leaf.RawSubjectPublicKeyInfo)
	expired := f.folder.chain("expired.pem", f.intermediate.Issue(tlsatest.Leaf{Names: []string{"mx.example.org"}, Faults: tlsatest.Expired}).Leaf, f.intermediate.Certificate)
	skipped := f.folder.chain("skipped.pem", f.server.Leaf, f.intermediate.Parent.Certificate)
	for _, tt := range []struct {
		name, want string
		args       []string
	}{
		{"current and next", "", []string{"-cert", f.chain, "-key", key}},
		{"one key alone", "no-next-key", []string{"-cert", f.chain}},
		{"the next key alone", "no-next-key", []string{"-key", key}},
		{"the whole certificate", "whole-certificate", []string{"-selector", "0", "-cert", f.chain, "-cert", f.folder.chain("o.pem", f.other.Leaf)}},
		{"in full", "full", []string{"-matching", "0", "-cert", f.chain, "-key", key}},
		{"SHA-512", "no-sha256", []string{"-matching", "2", "-cert", f.chain, "-key", key}},
		{"PKIX", "pkix-usage", []string{"-usage", "1", "-cert", f.chain, "-key", key}},
		{"a trust anchor", "anchor-sent", []string{"-usage", "2", "-cert", f.chain}},
		{"a trust anchor, and an expired server", "anchor-sent dates", []string{"-usage", "2", "-cert", expired}},
		{"a trust anchor that did not issue it", "anchor-sent order", []string{"-usage", "2", "-cert", skipped}},
		{"an expired certificate, for usage 3", "", []string{"-cert", expired, "-key", key}},
		{"another name", "name", []string{"-for", "mx2.example.org", "-cert", f.chain, "-key", key}},
		{"another name for a trust anchor", "anchor-sent name", []string{"-for", "mx2.example.org", "-usage", "2", "-cert", f.chain}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"tlsa", "make", "-for", "mx.example.org"}, tt.args...)
			status, stdout, stderr := command(t, append(args, "-json")...)
			var got struct {
				Owner    string
				Warnings []warning
				Records  []struct{ Text string }
			}
			if err := json.Unmarshal([]byte(stdout), &got); err != nil || status != 0 || stderr != "" || len(got.Records) == 0 {
				t.Fatalf("exit status %d, %v, %s%s", status, err, stdout, stderr)
			}
			var codes []string
			for _, w := range got.Warnings {
				codes = append(codes, w.Code)
			}
			if tt.name == "the next key alone" && (strings.Contains(got.Warnings[0].Text, "stops mail") || !strings.Contains(got.Warnings[0].Text, "beside the record of the current key")) {
				t.Errorf("%s", got.Warnings[0].Text)
			}
			if s := strings.Join(codes, " "); s != tt.want {
				t.Errorf("%q, want %q", s, tt.want)
			}
			if _, _, stderr := command(t, args...); strings.Count(stderr, "warning: ") != len(codes) || strings.Contains(stderr, `\u`) {
				t.Errorf("as text: %s", stderr)
			}
		})
	}
}

// A private key leaves nothing but its public digest, whatever goes wrong.
func TestTLSAMakeKeepsKeysPrivate(t *testing.T) {
	t.Parallel()
	f := newMakeFiles(t)
	file := f.write("key.pem", "PRIVATE KEY", f.key)
	text := string(must(os.ReadFile(file)))
	for _, args := range [][]string{
		{"-key", file}, {"-key", file, "-json"}, {"-key", file, "-nsupdate"}, {"-cert", file}, {"-csr", file},
		{"-key", f.raw("damaged.pem", strings.Replace(text, "A", "B", 1))},
	} {
		_, stdout, stderr := command(t, append([]string{"tlsa", "make", "-for", "mx.example.org"}, args...)...)
		for _, line := range strings.Split(text, "\n") {
			if len(line) > 16 && !strings.HasPrefix(line, "-") && strings.Contains(stdout+stderr, line[:16]) {
				t.Errorf("%q prints the key: %s%s", args, stdout, stderr)
			}
		}
	}
}

func TestTLSAMakeForms(t *testing.T) {
	t.Parallel()
	f := newMakeFiles(t)
	record := f.server.Record(tlsa.SPKI, tlsa.SHA256).String()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-nsupdate"}, "update add _25._tcp.mx.example.org. 3600 IN TLSA " + record + "\nsend\n"},
		{[]string{"-nsupdate", "-ttl", "60"}, "update add _25._tcp.mx.example.org. 60 IN TLSA " + record + "\nsend\n"},
		{[]string{"-ttl", "60"}, "_25._tcp.mx.example.org. 60 IN TLSA " + record + "\n"},
		{[]string{"-for", "mx.example.org:587"}, "_587._tcp.mx.example.org. IN TLSA " + record + "\n"},
		{[]string{"-for", "bücher.example"}, "_25._tcp.xn--bcher-kva.example. IN TLSA " + record + "\n"},
	} {
		status, stdout, _ := command(t, append([]string{"tlsa", "make", "-cert", f.chain, "-for", "mx.example.org"}, tt.args...)...)
		if _, rest, _ := strings.Cut(stdout, "\n"); status != 0 || rest != tt.want {
			t.Errorf("%q: exit status %d, %s", tt.args, status, stdout)
		}
	}
}

func TestTLSAHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-help"}, {"--help"}, {"-h"}, {"help"}, {"check", "-help"}, {"plan", "-help"}, {"wait", "--help"}, {"make", "-help"}, {"make", "x", "-h"}} {
		status, stdout, stderr := command(t, append([]string{"tlsa"}, args...)...)
		if status != 0 || stderr != "" || !strings.HasPrefix(stdout, "usage: daneverify tlsa") || !strings.Contains(stdout, "Exit status") {
			t.Errorf("%q: exit status %d, %s%s", args, status, stdout, stderr)
		}
	}
	for _, args := range [][]string{{}, {"mkae"}, {"-json"}} {
		if status, stdout, stderr := command(t, append([]string{"tlsa"}, args...)...); status != tlsaUnknown || stdout != "" || !strings.Contains(stderr, "-help") {
			t.Errorf("%q: exit status %d, %s%s", args, status, stdout, stderr)
		}
	}
}

// -from takes what the server presents, at every address.
func TestTLSAMakeFrom(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	want := must(tlsa.New(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, internet.Servers["mail.good.example"].Certificate())).String()
	answer, err := internet.DNS.Resolver().Lookup(t.Context(), "mail.good.example", 1)
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddr(strings.Fields(answer.Records[0].String())[4])
	other := netip.MustParseAddr("192.0.2.254") // nobody is there
	for _, tt := range []struct {
		name   string
		addrs  []netip.Addr
		args   []string
		status int
		stdout string
		stderr string
	}{
		{"one address", []netip.Addr{addr}, []string{"-from", "mail.good.example"}, 0, "_25._tcp.mail.good.example. IN TLSA " + want, "compare it"},
		{"for another name", []netip.Addr{addr}, []string{"-from", "mail.good.example", "-for", "mx.example.org"}, 0, "_25._tcp.mx.example.org. IN TLSA " + want, "not for mx.example.org"},
		{"one address is dead", []netip.Addr{other, addr}, []string{"-from", "mail.good.example"}, 0, "_25._tcp.mail.good.example. IN TLSA " + want, "192.0.2.254"},
		{"all are dead", []netip.Addr{other}, []string{"-from", "mail.good.example"}, 2, "", "no address could be asked"},
		{"one address itself", nil, []string{"-from", addr.String(), "-for", "mail.good.example"}, 0, "_25._tcp.mail.good.example. IN TLSA " + want, "compare it"},
		{"one address itself, with the port", nil, []string{"-from", addr.String() + ":25", "-for", "mail.good.example"}, 0, "_25._tcp.mail.good.example. IN TLSA " + want, "compare it"},
		{"one address, for nobody", nil, []string{"-from", addr.String()}, 2, "", "-for HOST"},
		{"by a DNS server that is given", nil, []string{"-from", "mail.good.example", "-resolver", "192.0.2.53"}, 0, "_25._tcp.mail.good.example. IN TLSA " + want, "compare it"},
		{"by a DNS server that is given, of no such host", nil, []string{"-from", "nobody.good.example", "-resolver", "192.0.2.53"}, 2, "", "no address was found"},
		{"a mail domain, by a DNS server that is given", nil, []string{"-from", "good.example", "-resolver", "192.0.2.53"}, 2, "", "mail domain, and TLSA records are for its hosts: did you mean mail.good.example?"},
		{"a mail domain with an address", []netip.Addr{addr}, []string{"-from", "good.example"}, 0, "_25._tcp.good.example. IN TLSA " + want, "senders look for TLSA records there, not at _25._tcp.good.example.: did you mean -from mail.good.example?"},
		{"a mail domain without an address", nil, []string{"-from", "good.example"}, 2, "", "did you mean mail.good.example?"},
		{"a mail domain, for its host", []netip.Addr{addr}, []string{"-from", "good.example", "-for", "mail.good.example"}, 0, "_25._tcp.mail.good.example. IN TLSA " + want, "compare it"},
		{"two ways to ask", nil, []string{"-from", "mail.good.example", "-resolver", "192.0.2.53", "-recursive"}, 2, "", "takes no -resolver"},
		{"a DNS server that nobody asks", nil, []string{"-for", "mail.good.example", "-key", "-", "-resolver", "192.0.2.53"}, 2, "", "are for -from"},
		{"no address", nil, []string{"-from", "mail.good.example"}, 2, "", "no such host"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			tool := &tlsaTool{stdout: &stdout, stderr: &stderr, now: time.Now, zones: zoneNetwork{resolver: internet.DNS.Resolver()}, network: serverNetwork{
				lookUp: func(context.Context, string) ([]netip.Addr, error) {
					if tt.addrs == nil {
						return nil, errors.New("no such host")
					}
					return tt.addrs, nil
				},
				lookUpMX: func(_ context.Context, domain string) ([]*net.MX, error) {
					if domain != "good.example." {
						return nil, errors.New("no such records")
					}
					return []*net.MX{{Host: "mail.good.example.", Pref: 10}}, nil
				},
				dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					return internet.Dial(ctx, network, address)
				},
			}}
			status := tool.run(t.Context(), append([]string{"make"}, tt.args...))
			if status != tt.status || !strings.Contains(stdout.String(), tt.stdout) || tt.stdout == "" && stdout.Len() > 0 {
				t.Errorf("exit status %d, %s%s", status, stdout.String(), stderr.String())
			}
			if !strings.Contains(stderr.String(), tt.stderr) || strings.Contains(stderr.String(), "did you mean") != strings.Contains(tt.stderr, "did you mean") {
				t.Errorf("stderr: %s", stderr.String())
			}
		})
	}
}

// A key of P-521 is as good as any.
func TestTLSAMakeOfAnyKey(t *testing.T) {
	t.Parallel()
	key := must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	f := folder{t, t.TempDir()}
	file := f.write("key.pem", "EC PRIVATE KEY", must(x509.MarshalECPrivateKey(key)))
	want := must(tlsa.NewFromKey(tlsa.DANEEE, tlsa.SHA256, key.Public()))
	if _, stdout, stderr := command(t, "tlsa", "make", "-for", "mx.example.org", "-key", file); !strings.Contains(stdout, want.String()) {
		t.Error(stdout, stderr)
	}
}
