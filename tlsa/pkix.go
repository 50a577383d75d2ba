package tlsa

import "crypto/x509"

// verifyPKIX handles the usages PKIXTA and PKIXEE: ordinary validation, and the
// path must have a certificate that a record matches (RFC 6698 §2.1.1). Entity is a
// PKIXEE record that the server's certificate matches, or -1. If only is not -1, no
// other record counts.
func (e *evaluation) verifyPKIX(entity, only int) (Match, *Error) {
	leaf := e.chain[0]
	if entity < 0 && !e.usable[PKIXTA] {
		return Match{}, newError(ReasonMismatch, nil)
	}
	if len(leaf.RawTBSCertificate) == 0 {
		return Match{}, newError(ReasonParse, errNotParsed)
	}
	paths, failure := e.publicPaths()
	if failure != nil {
		if entity >= 0 {
			named := *failure // others have the same
			failure = named.about(e.Records[entity], 0)
		}
		return Match{}, failure
	}
	return e.pick(paths, func(path []*x509.Certificate) (record, depth int) {
		if entity >= 0 {
			return entity, 0
		}
		for depth, cert := range path[1:] {
			i := only
			if only < 0 {
				i = e.first(cert, PKIXTA)
			}
			if i >= 0 && e.matches(cert, PKIXTA, i) {
				return i, depth + 1
			}
		}
		return -1, -1
	})
}

// publicPaths returns the paths from the server's certificate to the Roots. They
// depend on no single record.
func (e *evaluation) publicPaths() ([][]*x509.Certificate, *Error) {
	if e.pkixDone {
		return e.pkix, e.pkixErr
	}
	e.pkixDone = true
	var err error
	e.pkix, err = e.chain[0].Verify(x509.VerifyOptions{
		Roots:         e.Roots,
		Intermediates: e.pkixIntermediates(),
		CurrentTime:   e.now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		e.pkixErr = e.explain(err, nil)
	}
	return e.pkix, e.pkixErr
}

// pkixIntermediates has the presented certificates, and those in records for
// servers that leave them out. None of them is trusted.
func (e *evaluation) pkixIntermediates() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range e.chain[1:] {
		if cert != nil && len(cert.Raw) > 0 {
			pool.AddCert(cert)
		}
	}
	for i := range e.Records {
		r := &e.Records[i]
		if r.Usage != PKIXTA || r.Selector != Cert || r.Matching != Full || !e.counts[i] {
			continue
		}
		if cert, err := x509.ParseCertificate(r.Data); err == nil {
			pool.AddCert(cert) // one that cannot be read is no link of a path
		}
	}
	return pool
}
