package tlsa

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
)

// New returns the record that a certificate matches: of a chain, the first one for
// [PKIXEE] and [DANEEE], any other for [PKIXTA] and [DANETA]. It fails for parameters that
// are not defined, and for a certificate that was not parsed.
//
// For a domain's mail server the best choice is [DANEEE], [SPKI], [SHA256] of the
// server's own certificate (RFC 7672 §3.1).
func New(usage Usage, selector Selector, matching Matching, cert *x509.Certificate) (Record, error) {
	part := selected(cert, selector)
	if len(part) == 0 {
		return Record{}, newError(ReasonParse, errors.New("no parsed certificate, or an unknown selector"))
	}
	return newRecord(usage, selector, matching, part)
}

// NewFromCSR returns the record, with the selector SPKI, that certificates for a
// signing request will match: it can be published before there are any.
func NewFromCSR(usage Usage, matching Matching, csr *x509.CertificateRequest) (Record, error) {
	if csr == nil || len(csr.RawSubjectPublicKeyInfo) == 0 {
		return Record{}, newError(ReasonParse, errors.New("no parsed signing request"))
	}
	return newRecord(usage, SPKI, matching, csr.RawSubjectPublicKeyInfo)
}

// NewFromKey is [NewFromCSR] for a public key, of a type that
// [x509.MarshalPKIXPublicKey] takes.
func NewFromKey(usage Usage, matching Matching, key crypto.PublicKey) (Record, error) {
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return Record{}, newError(ReasonParse, err)
	}
	return newRecord(usage, SPKI, matching, spki)
}

func newRecord(usage Usage, selector Selector, matching Matching, part []byte) (Record, error) {
	r := Record{Usage: usage, Selector: selector, Matching: matching}
	switch matching {
	case Full:
		r.Data = bytes.Clone(part)
	case SHA256:
		sum := sha256.Sum256(part)
		r.Data = sum[:]
	case SHA512:
		sum := sha512.Sum512(part)
		r.Data = sum[:]
	}
	if err := r.Usable(PKIX); err != nil {
		return Record{}, err
	}
	return r, nil
}
