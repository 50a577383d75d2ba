package tlsa_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

func TestNewTakesTheOctetsOfTheCertificate(t *testing.T) {
	cert := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}}).Leaf
	sum256, sum512 := sha256.Sum256(cert.RawSubjectPublicKeyInfo), sha512.Sum512(cert.Raw)
	for _, c := range []struct {
		selector tlsa.Selector
		matching tlsa.Matching
		data     []byte
	}{
		{tlsa.Cert, tlsa.Full, cert.Raw},
		{tlsa.SPKI, tlsa.Full, cert.RawSubjectPublicKeyInfo},
		{tlsa.SPKI, tlsa.SHA256, sum256[:]},
		{tlsa.Cert, tlsa.SHA512, sum512[:]},
	} {
		got, err := tlsa.New(tlsa.DANEEE, c.selector, c.matching, cert)
		if err != nil || !bytes.Equal(got.Data, c.data) || got.Usable(tlsa.SMTP) != nil {
			t.Errorf("New(%v, %v) = %v, %v", c.selector, c.matching, got, err)
		}
	}
	for name, fails := range map[string]func() (tlsa.Record, error){
		"usage":         func() (tlsa.Record, error) { return tlsa.New(4, tlsa.SPKI, tlsa.SHA256, cert) },
		"selector":      func() (tlsa.Record, error) { return tlsa.New(tlsa.DANEEE, 2, tlsa.SHA256, cert) },
		"matching type": func() (tlsa.Record, error) { return tlsa.New(tlsa.DANEEE, tlsa.SPKI, 3, cert) },
		"no parsing":    func() (tlsa.Record, error) { return tlsa.New(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, &x509.Certificate{}) },
		"nil":           func() (tlsa.Record, error) { return tlsa.New(tlsa.DANEEE, tlsa.SPKI, tlsa.SHA256, nil) },
	} {
		if r, err := fails(); reasonOf(t, err) == 0 {
			t.Errorf("%s: New = %v", name, r)
		}
	}
}

// TestNewBeforeThereIsACertificate: the record of a key or of a signing request is
// that of the certificate to come.
func TestNewBeforeThereIsACertificate(t *testing.T) {
	t.Parallel()
	server := tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{mx}})
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{mx}}, server.Key)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		t.Fatal(err)
	}
	for _, matching := range []tlsa.Matching{tlsa.Full, tlsa.SHA256, tlsa.SHA512} {
		want := server.Record(tlsa.SPKI, matching)
		if got, err := tlsa.NewFromCSR(tlsa.DANEEE, matching, csr); err != nil || !got.Equal(want) {
			t.Errorf("NewFromCSR = %v, %v, want %v", got, err, want)
		}
		if got, err := tlsa.NewFromKey(tlsa.DANEEE, matching, server.Key.Public()); err != nil || !got.Equal(want) {
			t.Errorf("NewFromKey = %v, %v, want %v", got, err, want)
		}
	}
	for name, fails := range map[string]func() (tlsa.Record, error){
		"no request": func() (tlsa.Record, error) { return tlsa.NewFromCSR(tlsa.DANEEE, tlsa.SHA256, nil) },
		"a request not parsed": func() (tlsa.Record, error) {
			return tlsa.NewFromCSR(tlsa.DANEEE, tlsa.SHA256, new(x509.CertificateRequest))
		},
		"unknown usage of a request": func() (tlsa.Record, error) { return tlsa.NewFromCSR(4, tlsa.SHA256, csr) },
		"no key":                     func() (tlsa.Record, error) { return tlsa.NewFromKey(tlsa.DANEEE, tlsa.SHA256, nil) },
		"a private key":              func() (tlsa.Record, error) { return tlsa.NewFromKey(tlsa.DANEEE, tlsa.SHA256, server.Key) },
		"unknown matching of a key":  func() (tlsa.Record, error) { return tlsa.NewFromKey(tlsa.DANEEE, 3, server.Key.Public()) },
	} {
		if r, err := fails(); reasonOf(t, err) == 0 {
			t.Errorf("%s: %v", name, r)
		}
	}
}
