//go:build interop

package interop

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A tlsaCell is one cell of a table that OpenSSL and tlsa have to agree about.
type tlsaCell struct {
	name   string
	chain  []*x509.Certificate
	server *tlsatest.Certificate
	record tlsa.Record
	want   bool // both accept it
}

// check asks both.
func (c tlsaCell) check(t *testing.T, number int) {
	t.Helper()
	theirs := tlsaCase{text: c.name, server: c.server.TLSWith(c.chain[1:]...), records: []tlsa.Record{c.record}, root: unusedRoot()}
	verdict, err := theirs.openssl(t.TempDir(), number)
	if err != nil {
		t.Fatal(err)
	}
	v := &tlsa.Verifier{Records: theirs.records, Names: []string{tlsaHost}}
	match, err := v.Verify(c.chain)
	if (err == nil) != c.want || verdict.accepted != c.want {
		t.Errorf("OpenSSL: %+v, tlsa: %v, want accepted: %t", verdict, err, c.want)
	}
	if err == nil && verdict.accepted && verdict.depth != match.Depth {
		t.Errorf("depth %d, OpenSSL has %d", match.Depth, verdict.depth)
	}
}

// unusedRoot is for s_client's -CAfile, which DANE does not need.
func unusedRoot() *tlsatest.CA { return tlsatest.NewCA(tlsatest.Authority{Name: "Unused"}) }

// TestOpenSSLAndDatesOfTheAnchor has an anchor that has expired or is not valid yet, at
// each place in which one can be.
func TestOpenSSLAndDatesOfTheAnchor(t *testing.T) {
	t.Parallel()
	leaf := tlsatest.Leaf{Names: []string{tlsaHost}}
	number := 0
	for when, fault := range map[string]tlsatest.Fault{"expired": tlsatest.Expired, "not valid yet": tlsatest.NotYetValid} {
		root, stranger := tlsatest.NewCA(tlsatest.Authority{Name: "Root"}), tlsatest.NewCA(tlsatest.Authority{Name: "Stranger"})
		for kind, anchor := range map[string]*tlsatest.CA{
			"plain":        root.NewCA(tlsatest.Authority{Faults: fault}),
			"cross-signed": stranger.NewCA(tlsatest.Authority{CrossSignedOf: root.NewCA(tlsatest.Authority{}), Faults: fault}),
			"self-signed":  tlsatest.NewCA(tlsatest.Authority{Name: "Self", Faults: fault}),
		} {
			server := anchor.Issue(leaf)
			constrained := map[string]*tlsatest.Certificate{}
			if kind == "plain" {
				constrained["no CA"] = root.NewCA(tlsatest.Authority{Faults: fault | tlsatest.NotCA}).Issue(leaf)
				constrained["path length"] = root.NewCA(tlsatest.Authority{Faults: fault | tlsatest.NoIntermediates}).NewCA(tlsatest.Authority{}).Issue(leaf)
				constrained["excluded name"] = root.NewCA(tlsatest.Authority{Faults: fault, ExcludedDNS: []string{"example.org"}}).Issue(leaf)
				constrained["for clients"] = root.NewCA(tlsatest.Authority{Faults: fault | tlsatest.ClientOnly}).Issue(leaf)
				constrained["expired leaf"] = anchor.Issue(tlsatest.Leaf{Names: []string{tlsaHost}, Faults: tlsatest.Expired})
				constrained["expired below"] = anchor.NewCA(tlsatest.Authority{Faults: tlsatest.Expired}).Issue(leaf)
			}
			for _, selector := range []tlsa.Selector{tlsa.Cert, tlsa.SPKI} {
				for _, matching := range []tlsa.Matching{tlsa.Full, tlsa.SHA256} {
					test := func(what string, server *tlsatest.Certificate, anchor *tlsatest.CA, want bool) {
						c := tlsaCell{server: server, record: anchor.Record(selector, matching), want: want}
						for issuer := server.Issuer; ; issuer = issuer.Parent {
							if c.chain = append(c.chain, issuer.Certificate); issuer == anchor {
								break
							}
						}
						c.chain = append([]*x509.Certificate{server.Leaf}, c.chain...)
						number++
						t.Run(fmt.Sprintf("%s, %s, %s, 2 %d %d", kind, when, what, selector, matching), func(t *testing.T) {
							t.Parallel()
							c.check(t, number)
						})
					}
					test("good", server, anchor, kind != "self-signed")
					for what, server := range constrained {
						anchor := server.Issuer
						for anchor.Parent != root {
							anchor = anchor.Parent
						}
						test(what, server, anchor, false)
					}
				}
			}
		}
	}
}

// TestOpenSSLAndUsableRecords: no record is unusable here that OpenSSL can use, since
// that would turn authentication off. The other way round it does no harm.
func TestOpenSSLAndUsableRecords(t *testing.T) {
	t.Parallel()
	server := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{tlsaHost}})
	cert, key := server.Leaf.Raw, server.Leaf.RawSubjectPublicKeyInfo
	none256, none512 := sha256.Sum256(nil), sha512.Sum512(nil)
	indefinite := func(der []byte) []byte {
		header := 2
		if der[1] > 0x80 {
			header += int(der[1]) - 0x80
		}
		return append(append([]byte{0x30, 0x80}, der[header:]...), 0, 0)
	}
	long := func(der []byte) []byte { // five octets of length, where one to three would do
		content := indefinite(der)[2:]
		content = content[:len(content)-2]
		return append([]byte{0x30, 0x85, 0, 0, 0, byte(len(content) >> 8), byte(len(content))}, content...)
	}
	unknownKey := []byte{0x30, 0x09, 0x30, 0x04, 0x06, 0x02, 0x88, 0x37, 0x03, 0x01, 0x00}
	for i, c := range []struct {
		name       string
		record     tlsa.Record
		ours       bool // it is usable
		difference string
	}{
		{"SHA-256 digest of nothing", tlsa.Record{Usage: 3, Selector: 1, Matching: 1, Data: none256[:]}, true, ""},
		{"SHA-512 digest of nothing", tlsa.Record{Usage: 3, Selector: 0, Matching: 2, Data: none512[:]}, true, ""},
		{"digest of nothing for an issuer", tlsa.Record{Usage: 2, Selector: 1, Matching: 1, Data: none256[:]}, true, ""},
		{"digest that is too short", tlsa.Record{Usage: 3, Selector: 1, Matching: 1, Data: none256[:31]}, false, ""},
		{"digest that is too long", tlsa.Record{Usage: 3, Selector: 1, Matching: 1, Data: none512[:]}, false, ""},
		{"no data", tlsa.Record{Usage: 3, Selector: 1, Matching: 1}, false, ""},
		{"usage 4", tlsa.Record{Usage: 4, Selector: 1, Matching: 1, Data: none256[:]}, false, ""},
		{"selector 2", tlsa.Record{Usage: 3, Selector: 2, Matching: 1, Data: none256[:]}, false, ""},
		{"matching type 3", tlsa.Record{Usage: 3, Selector: 1, Matching: 3, Data: none256[:]}, false, ""},
		{"certificate in BER of indefinite length", tlsa.Record{Usage: 3, Data: indefinite(cert)}, true, ""},
		{"certificate with a long length", tlsa.Record{Usage: 3, Data: long(cert)}, true, ""},
		{"key in BER of indefinite length", tlsa.Record{Usage: 3, Selector: 1, Data: indefinite(key)}, true, ""},
		{"key with a long length", tlsa.Record{Usage: 3, Selector: 1, Data: long(key)}, true, ""},
		{"certificate and one octet", tlsa.Record{Usage: 3, Data: append(cert[:len(cert):len(cert)], 0)}, false, ""},
		{"certificate without its last octet", tlsa.Record{Usage: 3, Data: cert[:len(cert)-1]}, false, ""},
		{"certificate as a key", tlsa.Record{Usage: 3, Selector: 1, Data: cert}, false, ""},
		{"key as a certificate", tlsa.Record{Usage: 3, Data: key}, false, ""},
		{"text", tlsa.Record{Usage: 3, Data: []byte("-----BEGIN CERTIFICATE-----")}, false, ""},
		{"key of a kind that nobody knows", tlsa.Record{Usage: 2, Selector: 1, Data: unknownKey}, true, "OpenSSL cannot use a key that it does not know"},
		{"certificate that is one from outside only", tlsa.Record{Usage: 3, Data: []byte{0x30, 7, 0x30, 0, 0x30, 0, 3, 1, 0}}, true, "OpenSSL looks into it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			theirs := tlsaCase{text: c.name, server: server.TLS(), records: []tlsa.Record{c.record}, root: unusedRoot()}
			verdict, err := theirs.openssl(t.TempDir(), i)
			if err != nil {
				t.Fatal(err)
			}
			usable := verdict.text != "no usable record"
			ours := c.record.Usable(tlsa.SMTP)
			if (ours == nil) != c.ours || usable != (c.ours && c.difference == "") || usable && verdict.accepted {
				t.Errorf("OpenSSL %+v, tlsa: %v; want usable: %t, difference: %q", verdict, ours, c.ours, c.difference)
			}
		})
	}
}

// TestOpenSSLAndNames has all shapes of names and wildcards in a certificate.
func TestOpenSSLAndNames(t *testing.T) {
	t.Parallel()
	ids := []string{
		"mx.example.org", "MX.Example.ORG", "mx_1.example.org", "example.org", "*.example.org", "*.EXAMPLE.org", "*.org", "*", "*.", "*..org", ".example.org",
		"*.mx.example.org", "*.example", "*.a_b.example.org", "*.-a.example.org", "*.a-.example.org", "*.a-b.example.org", "*.xn--bcher-kva.example", "*.1.2",
		"mx.*.org", "*.*.org", "**.example.org", "mx*.example.org", "*x.example.org", "m*x.example.org", "xn--*.example.org", "*.example.org.", "mx.example.org.", "*.b.c.d.example.org",
	}
	names := []string{
		"mx.example.org", "mx_1.example.org", "example.org", "org", "a.mx.example.org", "a.example", "a.org", "mx.a_b.example.org", "mx.-a.example.org", "mx.a-.example.org", "mx.a-b.example.org",
		"-mx.example.org", "mx-.example.org", "xn--bcher-kva.example.org", "mx.xn--bcher-kva.example", "0.1.2", "m.example.org", "mxx.example.org", "a.b.c.d.example.org", "b.c.d.example.org",
	}
	ca := tlsatest.NewCA(tlsatest.Authority{})
	dir := t.TempDir()
	for i, id := range ids {
		kinds := map[string]tlsatest.Leaf{"DNS-ID": {Names: []string{id}}}
		if i%4 == 0 { // a sample: each name costs a process
			kinds["CN-ID"] = tlsatest.Leaf{CommonName: id}
		}
		for where, leaf := range kinds {
			cert := ca.Issue(leaf)
			file := filepath.Join(dir, fmt.Sprint(where, i, ".pem"))
			if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Leaf.Raw}), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				out, err := command(dir, "openssl", "x509", "-noout", "-in", file, "-checkhost", name)
				if err != nil {
					t.Fatal(err)
				}
				theirs := strings.Contains(out, "does match certificate")
				v := &tlsa.Verifier{Records: []tlsa.Record{ca.Record(tlsa.SPKI, tlsa.SHA256)}, Names: []string{name}, Time: time.Now}
				_, err = v.Verify(cert.Chain())
				// Postfix sets X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, which this command has no
				// option for; RFC 7672 §3.2.3 has no such wildcards.
				label, _, _ := strings.Cut(id, ".")
				partial := strings.Contains(label, "*") && label != "*"
				if (err == nil) != (theirs && !partial) {
					t.Errorf("%s %q for %q: OpenSSL %t, tlsa: %v", where, id, name, theirs, err)
				}
			}
		}
	}
}
