//go:build go1.27

package tlsa_test

import (
	"crypto/mldsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// TestBareKeyThatALaterReleaseKnows: what crypto/x509 can check signatures with is good
// for an anchor. Go 1.26 has ReasonParse for such a record.
func TestBareKeyThatALaterReleaseKnows(t *testing.T) {
	t.Parallel()
	for _, parameters := range []mldsa.Parameters{mldsa.MLDSA44(), mldsa.MLDSA65(), mldsa.MLDSA87()} {
		signer, err := mldsa.GenerateKey(parameters)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), DNSNames: []string{mx}, NotBefore: noon.AddDate(0, 0, -1), NotAfter: noon.AddDate(0, 0, 1),
		}
		parent := &x509.Certificate{Subject: pkix.Name{CommonName: "Authority"}}
		key := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}, Time: noon}).Key
		der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		bare, err := tlsa.NewFromKey(tlsa.DANETA, tlsa.Full, signer.Public())
		if err != nil {
			t.Fatal(err)
		}
		verifyCase{rfc: "RFC 7671 §5.2.3", chain: certificates(leaf), records: records(bare)}.check(t)
		verifyCase{
			rfc: "RFC 7671 §5.2.3", chain: newWorld().server.Chain(), records: records(bare), want: tlsa.ReasonNoPath,
		}.check(t)
	}
}
