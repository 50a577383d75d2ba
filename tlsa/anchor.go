package tlsa

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

// An anchor is a trust anchor that a DANETA record names.
type anchor struct {
	record int // index in Verifier.Records
	cert   *x509.Certificate
	bare   bool // a public key alone: cert is only a wrapper around it
}

// maxAnchors bounds what a record set can make us read and keep. Domains have one
// or two; the records after that are ignored.
const maxAnchors = 32

// verifyAnchored looks for a path from the server's certificate to a trust anchor
// of the records (RFC 7672 §3.1.2). All anchors are tried together, so crypto/x509's
// limit of 100 signatures a call holds for the record set.
func (v *Verifier) verifyAnchored(chain []*x509.Certificate, s *selection, now time.Time) (Match, *Error) {
	leaf := chain[0]
	if len(leaf.RawTBSCertificate) == 0 {
		return Match{}, newError(ReasonParse, errNotParsed)
	}
	anchors, failure := v.anchors(chain, s)
	if len(anchors) == 0 {
		return Match{}, failure
	}
	paths, err := leaf.Verify(x509.VerifyOptions{
		Roots:         rootPool(anchors),
		Intermediates: intermediatePool(chain, anchors),
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return Match{}, explain(err, chain, anchors, now).about(v.Records[anchors[0].record], -1)
	}
	return v.pick(paths, func(path []*x509.Certificate) (record, depth int) {
		top := path[len(path)-1]
		i := slices.IndexFunc(anchors, func(a anchor) bool { return bytes.Equal(a.cert.Raw, top.Raw) })
		if i < 0 {
			return -1, -1
		}
		if anchors[i].bare {
			return anchors[i].record, len(path) - 2
		}
		return anchors[i].record, len(path) - 1
	})
}

var errNotParsed = errors.New("certificate was not parsed")

// anchors returns the trust anchors that the records name, in the presented chain
// or in the records themselves. If there are none, the error says why.
func (v *Verifier) anchors(chain []*x509.Certificate, s *selection) ([]anchor, *Error) {
	var anchors []anchor
	add := func(a anchor) {
		known := slices.ContainsFunc(anchors, func(b anchor) bool { return bytes.Equal(a.cert.Raw, b.cert.Raw) })
		// The server's own certificate is no anchor for itself, even if it is presented
		// twice: that is what usage DANEEE is for.
		if !known && len(anchors) < maxAnchors && !bytes.Equal(a.cert.Raw, chain[0].Raw) {
			anchors = append(anchors, a)
		}
	}
	presented := make([]bool, len(v.Records)) // does a presented certificate match?
	for _, cert := range chain[1:] {
		c := candidate{cert: cert}
		for i := range v.Records {
			if r := &v.Records[i]; r.Usage == DANETA && v.counts(r, s) && c.matches(r) {
				presented[i] = true
				add(anchor{record: i, cert: cert})
			}
		}
	}
	failure := newError(ReasonMismatch, nil)
	for i := range v.Records {
		r := &v.Records[i]
		if r.Usage != DANETA || r.Matching != Full || presented[i] || len(anchors) >= maxAnchors || !v.counts(r, s) {
			continue
		}
		found, err := absent(i, r, chain)
		if err != nil {
			failure = furthest(failure, newError(ReasonParse, err).about(*r, -1))
		}
		for _, a := range found {
			add(a)
		}
	}
	return anchors, failure
}

// absent returns the anchors that a record brings along in full, for a server that
// leaves its trust anchor out (RFC 7671 §5.2.2, §5.2.3).
func absent(i int, r *Record, chain []*x509.Certificate) ([]anchor, error) {
	if r.Selector == Cert {
		cert, err := x509.ParseCertificate(r.Data)
		if err != nil {
			return nil, err
		}
		return []anchor{{record: i, cert: cert}}, nil
	}
	key, err := x509.ParsePKIXPublicKey(r.Data)
	if err != nil {
		return nil, err
	}
	algorithm, err := keyAlgorithm(key)
	if err != nil {
		return nil, err
	}
	// The key has no name, but crypto/x509 finds issuers by theirs: so let it have
	// that of every issuer in question.
	var anchors []anchor
	for _, cert := range chain {
		if cert == nil || len(cert.RawIssuer) == 0 {
			continue
		}
		anchors = append(anchors, anchor{record: i, bare: true, cert: &x509.Certificate{
			Raw:                slices.Concat(r.Data, cert.RawIssuer), // what pools tell certificates apart by
			RawSubject:         cert.RawIssuer,
			PublicKey:          key,
			PublicKeyAlgorithm: algorithm,
			NotAfter:           endOfTime,
		}})
	}
	return anchors, nil
}

// endOfTime is the last instant that a certificate can name (RFC 5280 §4.1.2.5).
var endOfTime = time.Date(9999, time.December, 31, 23, 59, 59, 0, time.UTC)

func keyAlgorithm(key any) (x509.PublicKeyAlgorithm, error) {
	switch key.(type) {
	case *rsa.PublicKey:
		return x509.RSA, nil
	case *ecdsa.PublicKey:
		return x509.ECDSA, nil
	case ed25519.PublicKey:
		return x509.Ed25519, nil
	}
	return x509.UnknownPublicKeyAlgorithm, errors.New("public key of a type that signs no certificates")
}

// rootPool is never nil, which would mean the system's certification authorities.
func rootPool(anchors []anchor) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, a := range anchors {
		pool.AddCert(a.cert)
	}
	return pool
}

// intermediatePool has the presented certificates, in any order. A path through an
// anchor is also one that ends there, so anchors need not be in it.
func intermediatePool(chain []*x509.Certificate, anchors []anchor) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, cert := range intermediates(chain, anchors) {
		pool.AddCert(cert)
	}
	return pool
}

func intermediates(chain []*x509.Certificate, anchors []anchor) []*x509.Certificate {
	var others []*x509.Certificate
	for _, cert := range chain[1:] {
		isAnchor := func(a anchor) bool { return bytes.Equal(a.cert.Raw, cert.Raw) }
		if cert != nil && len(cert.Raw) > 0 && !slices.ContainsFunc(anchors, isAnchor) {
			others = append(others, cert)
		}
	}
	return others
}
