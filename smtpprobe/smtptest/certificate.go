package smtptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"
)

// selfSigned makes a certificate that is valid from an hour ago for a year.
func selfSigned(name string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic("smtptest: " + err.Error()) // crypto/rand does not fail
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic("smtptest: " + err.Error())
	}
	certificate := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	certificate.Leaf = leaf(certificate)
	return certificate
}

// leaf returns the certificate itself. It panics if there is none to be read: a
// mistake of the test's author.
func leaf(certificate tls.Certificate) *x509.Certificate {
	if certificate.Leaf != nil {
		return certificate.Leaf
	}
	if len(certificate.Certificate) == 0 {
		panic("smtptest: tls.Certificate is empty")
	}
	parsed, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		panic("smtptest: " + err.Error())
	}
	return parsed
}
