package tlsa

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
)

// A candidate is a certificate that is matched against records. It computes each
// digest once, however many records there are.
type candidate struct {
	cert   *x509.Certificate
	have   [SPKI + 1][SHA512 + 1]bool
	sha256 [SPKI + 1][sha256.Size]byte
	sha512 [SPKI + 1][sha512.Size]byte
}

// matches compares the octets as they came (RFC 6698 §2.1.3). The record must be
// usable.
func (c *candidate) matches(r *Record) bool {
	part := selected(c.cert, r.Selector)
	if len(part) == 0 {
		return false
	}
	have := &c.have[r.Selector][r.Matching]
	switch r.Matching {
	case Full:
		return bytes.Equal(part, r.Data)
	case SHA256:
		if !*have {
			c.sha256[r.Selector], *have = sha256.Sum256(part), true
		}
		return bytes.Equal(c.sha256[r.Selector][:], r.Data)
	case SHA512:
		if !*have {
			c.sha512[r.Selector], *have = sha512.Sum512(part), true
		}
		return bytes.Equal(c.sha512[r.Selector][:], r.Data)
	}
	return false
}

// selected returns the octets of the part that a record is about, exactly as they
// came; nothing if there is no such part.
func selected(cert *x509.Certificate, selector Selector) []byte {
	switch {
	case cert == nil:
		return nil
	case selector == Cert:
		return cert.Raw
	case selector == SPKI:
		return cert.RawSubjectPublicKeyInfo
	}
	return nil
}
