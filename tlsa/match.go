package tlsa

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"slices"
)

// A selection says which records count: the usable ones, and of their digests
// only the strongest.
type selection struct {
	usable    [DANEEE + 1]bool               // is there a usable record with the usage?
	strongest [DANEEE + 1][SPKI + 1]Matching // by usage and selector; Full if there is no digest
}

func (v *Verifier) selection() selection {
	var s selection
	for i := range v.Records {
		r := &v.Records[i]
		if r.defect(v.Profile) != "" {
			continue // before agility: a broken record must not suppress a good one
		}
		s.usable[r.Usage] = true
		// RFC 7671 §9: Full takes no part in it.
		strongest := &s.strongest[r.Usage][r.Selector]
		if r.Matching != Full && (*strongest == Full || v.rank(r.Matching) < v.rank(*strongest)) {
			*strongest = r.Matching
		}
	}
	return s
}

// rank orders digests, strongest first.
func (v *Verifier) rank(m Matching) int {
	if i := slices.Index(v.DigestOrder, m); i >= 0 {
		return i
	}
	if m == SHA512 {
		return len(v.DigestOrder)
	}
	return len(v.DigestOrder) + 1
}

// suppresses reports whether a stronger digest counts instead of a usable record.
func (s *selection) suppresses(r *Record) bool {
	return r.Matching != Full && r.Matching != s.strongest[r.Usage][r.Selector]
}

// entity returns the first DANEEE record that counts and that the certificate
// matches, or -1. It allocates nothing.
func (v *Verifier) entity(cert *x509.Certificate, s *selection) int {
	c := candidate{cert: cert}
	for i := range v.Records {
		if r := &v.Records[i]; r.Usage == DANEEE && r.defect(v.Profile) == "" && !s.suppresses(r) && c.matches(r) {
			return i
		}
	}
	return -1
}

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
