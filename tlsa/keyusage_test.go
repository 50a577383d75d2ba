package tlsa_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// TestKeyUsageOfTheServer: OpenSSL 3.0 comes to the same verdicts.
func TestKeyUsageOfTheServer(t *testing.T) {
	t.Parallel()
	root := tlsatest.NewCA(tlsatest.Authority{Name: "Root", Time: noon})
	server := root.Issue(tlsatest.Leaf{Names: []string{mx}})
	var cases []verifyCase
	for _, u := range []struct {
		name  string
		usage x509.KeyUsage
		want  tlsa.Reason
		empty []byte // the extension has that, and no usage
	}{
		{"no key usage", 0, 0, nil},
		{"signatures", x509.KeyUsageDigitalSignature, 0, nil},
		{"encipherment", x509.KeyUsageKeyEncipherment, 0, nil},
		{"agreement", x509.KeyUsageKeyAgreement, 0, nil},
		{"certificates", x509.KeyUsageCertSign | x509.KeyUsageCRLSign, tlsa.ReasonConstraint, nil},
		{"certificates and signatures", x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, 0, nil},
		{"data", x509.KeyUsageDataEncipherment | x509.KeyUsageContentCommitment, tlsa.ReasonConstraint, nil},
		{"a usage without bits", 0, tlsa.ReasonConstraint, []byte{asn1.TagBitString, 1, 0}},
		{"a usage without a bit that is set", 0, tlsa.ReasonConstraint, []byte{asn1.TagBitString, 2, 0, 0}},
	} {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), DNSNames: []string{mx}, KeyUsage: u.usage, NotBefore: noon.AddDate(0, 0, -1), NotAfter: noon.AddDate(0, 0, 1),
		}
		if u.empty != nil {
			template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Value: u.empty}}
		}
		der, err := x509.CreateCertificate(rand.Reader, template, root.Certificate, server.Key.Public(), root.Key)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain := certificates(leaf, root.Certificate)
		for _, c := range []verifyCase{
			{name: "2 1 1", records: records(root.Record(tlsa.SPKI, tlsa.SHA256)), chain: chain},
			{name: "2 1 0, absent", records: records(root.Record(tlsa.SPKI, tlsa.Full)), chain: chain[:1]},
			{name: "0 0 1", records: records(record(tlsa.PKIXTA, tlsa.Cert, tlsa.SHA256, root.Certificate)), chain: chain, application: tlsa.PKIX, roots: root.Pool()},
		} {
			c.name, c.rfc, c.want, c.depth = u.name+", "+c.name, "RFC 8446 §4.4.2.2", u.want, 1
			if len(c.chain) == 1 {
				c.depth = 0
			}
			cases = append(cases, c)
		}
		cases = append(cases, verifyCase{ // no word of the certificate counts
			name: u.name + ", 3 1 1", rfc: "RFC 7671 §5.1", records: records(record(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, leaf)), chain: chain,
		})
	}
	run(t, cases)
}
