package tlsa_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// TestAuthorityWithAShortKey: Go checks no signatures of RSA keys below 1024 bits (crypto/rsa,
// Minimum key size). OpenSSL at security level 0 and 1 does, so that others may accept the server; to
// say that nobody has signed its certificate would be wrong.
func TestAuthorityWithAShortKey(t *testing.T) {
	root, leaf := shortAuthority(t)
	for _, r := range []tlsa.Record{
		record(tlsa.DANETA, tlsa.SPKI, tlsa.SHA256, root), record(tlsa.DANETA, tlsa.SPKI, tlsa.Full, root),
	} {
		c := verifyCase{rfc: "RFC 7672 §3.1.2", want: tlsa.ReasonNoPath, chain: certificates(leaf, root), records: records(r)}
		c.check(t)
		if _, err := c.verifier().Verify(c.chain); !strings.Contains(err.Error(), "768-bit keys are insecure") {
			t.Errorf("%v says: %v", r, err)
		}
	}
}

func shortAuthority(t *testing.T) (root, leaf *x509.Certificate) {
	t.Helper()
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, 768)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Short"}, NotBefore: noon.AddDate(0, 0, -1), NotAfter: noon.AddDate(0, 0, 1),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{mx}, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter}
	own := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Time: noon}).Key
	made := make([]*x509.Certificate, 0, 2)
	for _, c := range []struct {
		template *x509.Certificate
		public   any
	}{{ca, key.Public()}, {server, own.Public()}} {
		der, err := x509.CreateCertificate(rand.Reader, c.template, ca, c.public, key)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, cert)
	}
	t.Setenv("GODEBUG", "")
	return made[0], made[1]
}
