package diagnosis_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// TestAuthorityWithAShortKey: all issuers are sent, and Go checks no signature of such a key, whatever the digest is.
func TestAuthorityWithAShortKey(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0")
	key, err := rsa.GenerateKey(rand.Reader, 768)
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Short"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{"mail.a.example"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter}
	own := tlsatest.SelfSigned(tlsatest.Leaf{Names: leaf.DNSNames}).Key
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, own.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GODEBUG", "")
	record, err := tlsa.NewFromKey(tlsa.DANETA, tlsa.SHA256, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	server := presenting(tls.Certificate{Certificate: [][]byte{leafDER, rootDER}, PrivateKey: own})
	result, err := oneHost(danetest.Host{TLSA: []string{record.String()}, Server: server}, "").checker(t).Verify(t.Context(), "a.example")
	if err != nil {
		t.Fatal(err)
	}
	f := find(diagnose(t, result, diagnosis.Options{}), diagnosis.CodeCertPath)
	if f == nil || !strings.Contains(f.Text, "an RSA key of fewer than 1024 bits") || strings.Contains(f.Fix, "all its issuers") || strings.Contains(f.Fix, "SHA-256") {
		t.Errorf("%+v", f)
	}
}
