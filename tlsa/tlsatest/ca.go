package tlsatest

import (
	"crypto/ecdsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"time"

	"github.com/danesmtp/danesmtp/tlsa"
)

// An Authority says what CA is to be made. The zero Authority is a good one.
type Authority struct {
	Name          string    // the common name; "" means "Test CA", or "Test CA below …"
	Organization  string    // in the subject beside the name; "" means none
	Time          time.Time // an instant of its validity; zero means the issuer's Time, or time.Now
	PermittedDNS  []string  // name constraints: domains it may issue for; nil means all
	ExcludedDNS   []string  // name constraints: domains it may not issue for
	Faults        Fault
	CrossSignedOf *CA // has this CA's name and key, so that both issued the same certificates
}

// A CA issues certificates. Make one with [NewCA].
type CA struct {
	Certificate *x509.Certificate
	Key         *ecdsa.PrivateKey
	Parent      *CA // the issuer; nil for a root, which has signed itself
	Time        time.Time
}

const caValidity = 10 * 365 * 24 * time.Hour

// NewCA makes a root CA.
func NewCA(a Authority) *CA { return newCA(nil, a) }

// NewCA makes an intermediate CA below c.
func (c *CA) NewCA(a Authority) *CA { return newCA(c, a) }

func newCA(parent *CA, a Authority) *CA {
	if a.Faults.has(leafFaults) {
		panic("tlsatest: an authority with a fault for leaves")
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: a.Name},
		BasicConstraintsValid: true,
		IsCA:                  !a.Faults.has(NotCA),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		MaxPathLen:            -1,
		PermittedDNSDomains:   a.PermittedDNS,
		ExcludedDNSDomains:    a.ExcludedDNS,

		PermittedDNSDomainsCritical: len(a.PermittedDNS)+len(a.ExcludedDNS) > 0,
	}
	if a.Faults.has(NotCA) {
		template.KeyUsage = x509.KeyUsageDigitalSignature
	}
	if a.Faults.has(NoIntermediates) {
		template.MaxPathLen, template.MaxPathLenZero = 0, true
	}
	if a.Faults.has(ClientOnly) {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	if a.Organization != "" {
		template.Subject.Organization = []string{a.Organization}
	}
	ca := &CA{Parent: parent, Time: instant(a.Time, parent)}
	switch {
	case a.CrossSignedOf != nil:
		template.Subject = a.CrossSignedOf.Certificate.Subject
		ca.Key = a.CrossSignedOf.Key
	case a.Name == "" && parent == nil:
		template.Subject.CommonName = "Test CA"
	case a.Name == "":
		template.Subject.CommonName = "Test CA below " + parent.Certificate.Subject.CommonName
	}
	if ca.Key == nil {
		ca.Key = newKey()
	}
	ca.Certificate = mustParse(sign(template, parent, ca.Key, ca.Time, caValidity, a.Faults))
	return ca
}

// Record returns the [tlsa.DANETA] record of the CA.
func (c *CA) Record(selector tlsa.Selector, matching tlsa.Matching) tlsa.Record {
	return mustRecord(tlsa.DANETA, selector, matching, c.Certificate)
}

// Chain returns the certificate of the CA, of its issuer and so on up to the root.
func (c *CA) Chain() []*x509.Certificate {
	var chain []*x509.Certificate
	for ; c != nil; c = c.Parent {
		chain = append(chain, c.Certificate)
	}
	return chain
}

// Pool returns a new pool with the certificate of the CA, for the RootCAs of a tls.Config.
func (c *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.Certificate)
	return pool
}
