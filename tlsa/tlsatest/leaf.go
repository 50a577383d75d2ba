package tlsatest

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
)

// A Leaf says what server certificate is to be made.
type Leaf struct {
	Names      []string          // host names, "*." in front for a wildcard
	CommonName string            // the common name in the subject, beside Names; "" means none
	Emails     []string          // alternative names that are no host names
	Time       time.Time         // an instant of its validity; zero means the issuer's Time
	Key        *ecdsa.PrivateKey // nil means a new one
	Faults     Fault
}

// A Certificate is a server's, with its key.
type Certificate struct {
	Leaf   *x509.Certificate
	Key    *ecdsa.PrivateKey
	Issuer *CA // nil if it has signed itself
}

const leafValidity = 90 * 24 * time.Hour

// Issue makes a server certificate. It panics if there are no names of any kind.
func (c *CA) Issue(l Leaf) *Certificate { return issue(c, l) }

// SelfSigned makes a server certificate without a CA, which is enough for DANE-EE.
func SelfSigned(l Leaf) *Certificate { return issue(nil, l) }

func issue(ca *CA, l Leaf) *Certificate {
	switch {
	case l.Faults.has(authorityFaults):
		panic("tlsatest: a leaf with a fault for authorities")
	case len(l.Names) == 0 && l.CommonName == "" && len(l.Emails) == 0:
		panic("tlsatest: a leaf without a name")
	case l.Faults.has(CommonNameOnly) && len(l.Names) == 0:
		panic("tlsatest: CommonNameOnly without a name")
	}
	template := &x509.Certificate{
		Subject:        pkix.Name{CommonName: l.CommonName},
		DNSNames:       l.Names,
		EmailAddresses: l.Emails,
		KeyUsage:       x509.KeyUsageDigitalSignature,
		ExtKeyUsage:    []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},

		BasicConstraintsValid: true, // and IsCA false
	}
	if l.Faults.has(WrongName) {
		template.DNSNames = []string{"wrong.invalid"}
	}
	if l.Faults.has(CommonNameOnly) {
		template.Subject.CommonName, template.DNSNames = template.DNSNames[0], nil
	}
	if l.Faults.has(ClientOnly) {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	c := &Certificate{Key: l.Key, Issuer: ca}
	if c.Key == nil {
		c.Key = newKey()
	}
	der := sign(template, ca, c.Key, instant(l.Time, ca), leafValidity, l.Faults)
	if l.Faults.has(NegativeSerial) {
		signer := c.Key
		if ca != nil {
			signer = ca.Key
		}
		readable := mustParse(der)
		c.Leaf = &x509.Certificate{
			Raw:                     negateSerial(der, signer),
			RawSubjectPublicKeyInfo: readable.RawSubjectPublicKeyInfo,
			PublicKeyAlgorithm:      readable.PublicKeyAlgorithm,
			PublicKey:               readable.PublicKey,
		}
		return c
	}
	c.Leaf = mustParse(der)
	return c
}

// Chain returns the certificate and those of all its issuers, up to the root.
func (c *Certificate) Chain() []*x509.Certificate {
	return append([]*x509.Certificate{c.Leaf}, c.Issuer.Chain()...)
}

// TLS returns the certificate for tls.Config.Certificates. The server presents it
// with all its issuers, the root included, as DANE-TA needs it (RFC 7672 §3.1.2).
func (c *Certificate) TLS() tls.Certificate { return c.TLSWith(c.Issuer.Chain()...) }

// TLSWith is [Certificate.TLS] with other certificates after the server's own: none at all, or a
// chain that is incomplete, out of order, or has extras.
func (c *Certificate) TLSWith(others ...*x509.Certificate) tls.Certificate {
	certificate := tls.Certificate{Certificate: [][]byte{c.Leaf.Raw}, PrivateKey: c.Key}
	for _, other := range others {
		certificate.Certificate = append(certificate.Certificate, other.Raw)
	}
	return certificate
}

// Record returns the [tlsa.DANEEE] record of the certificate. See [CA.Record] for
// [tlsa.DANETA].
func (c *Certificate) Record(selector tlsa.Selector, matching tlsa.Matching) tlsa.Record {
	return mustRecord(tlsa.DANEEE, selector, matching, c.Leaf)
}
