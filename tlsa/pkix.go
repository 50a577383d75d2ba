package tlsa

import (
	"crypto/x509"
	"time"
)

// verifyPKIX handles the usages PKIXTA and PKIXEE: ordinary validation, and the
// path must have a certificate that a record matches (RFC 6698 §2.1.1).
func (v *Verifier) verifyPKIX(chain []*x509.Certificate, s *selection, now time.Time) (Match, *Error) {
	leaf := chain[0]
	entity := v.match(leaf, PKIXEE, s)
	if entity < 0 && !s.usable[PKIXTA] {
		return Match{}, newError(ReasonMismatch, nil)
	}
	if len(leaf.RawTBSCertificate) == 0 {
		return Match{}, newError(ReasonParse, errNotParsed)
	}
	paths, err := leaf.Verify(x509.VerifyOptions{
		Roots:         v.Roots,
		Intermediates: v.pkixIntermediates(chain, s),
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		failure := explain(err, chain, nil, now)
		if entity >= 0 {
			failure.about(v.Records[entity], 0)
		}
		return Match{}, failure
	}
	return v.pick(paths, func(path []*x509.Certificate) (record, depth int) {
		if entity >= 0 {
			return entity, 0
		}
		for depth, cert := range path[1:] {
			if i := v.match(cert, PKIXTA, s); i >= 0 {
				return i, depth + 1
			}
		}
		return -1, -1
	})
}

// pkixIntermediates has the presented certificates, and those in records for
// servers that leave them out. None of them is trusted.
func (v *Verifier) pkixIntermediates(chain []*x509.Certificate, s *selection) *x509.CertPool {
	pool := intermediatePool(chain, nil)
	read := 0
	for i := range v.Records {
		r := &v.Records[i]
		if r.Usage != PKIXTA || r.Selector != Cert || r.Matching != Full || read == maxAnchors || !v.counts(r, s) {
			continue
		}
		read++
		if cert, err := x509.ParseCertificate(r.Data); err == nil {
			pool.AddCert(cert) // one that cannot be read is no link of a path
		}
	}
	return pool
}
