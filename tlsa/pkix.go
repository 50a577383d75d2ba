package tlsa

import "crypto/x509"

// verifyPKIX handles the usages PKIXTA and PKIXEE: ordinary validation, and the
// path must have a certificate that a record matches (RFC 6698 §2.1.1). Entity is a
// PKIXEE record that the server's certificate matches, or -1. If only is not -1, no
// other record counts.
func (t *trial) verifyPKIX(entity, only int) (Match, *Error) {
	leaf := t.chain[0]
	if entity < 0 && !t.usable[PKIXTA] {
		return Match{}, newError(ReasonMismatch, nil)
	}
	if len(leaf.RawTBSCertificate) == 0 {
		return Match{}, newError(ReasonParse, errNotParsed)
	}
	paths, failure := t.publicPaths()
	if failure != nil {
		if entity >= 0 {
			named := *failure // others have the same
			failure = named.about(t.Records[entity], 0)
		}
		return Match{}, failure
	}
	return t.pick(paths, func(path []*x509.Certificate) (record, depth int) {
		if entity >= 0 {
			return entity, 0
		}
		for depth, cert := range path[1:] {
			i := only
			if only < 0 {
				i = t.first(cert, PKIXTA)
			}
			if i >= 0 && t.matches(cert, PKIXTA, i) {
				return i, depth + 1
			}
		}
		return -1, -1
	})
}

// publicPaths returns the paths from the server's certificate to the Roots. They
// depend on no single record.
func (t *trial) publicPaths() ([][]*x509.Certificate, *Error) {
	if t.pkixDone {
		return t.pkix, t.pkixErr
	}
	t.pkixDone = true
	var err error
	t.pkix, err = t.chain[0].Verify(x509.VerifyOptions{
		Roots:         t.Roots,
		Intermediates: t.pkixIntermediates(),
		CurrentTime:   t.now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		t.pkixErr = t.explain(err, nil)
	}
	return t.pkix, t.pkixErr
}

// pkixIntermediates has the presented certificates, and those in records for
// servers that leave them out. None of them is trusted.
func (t *trial) pkixIntermediates() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range t.chain[1:] {
		if cert != nil && len(cert.Raw) > 0 {
			pool.AddCert(cert)
		}
	}
	for i := range t.Records {
		r := &t.Records[i]
		if r.Usage != PKIXTA || r.Selector != Cert || r.Matching != Full || !t.counts[i] {
			continue
		}
		if cert, err := x509.ParseCertificate(r.Data); err == nil {
			pool.AddCert(cert) // one that cannot be read is no link of a path
		}
	}
	return pool
}
