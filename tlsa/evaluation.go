package tlsa

import (
	"cmp"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"slices"
	"time"
)

// An evaluation compares one chain with the records. Verify, Judge and Check all ask it,
// so that they cannot disagree: what it has found out about a certificate or an anchor
// holds for all records, and so do the limits of its work.
type evaluation struct {
	*Verifier
	usable [DANEEE + 1]bool // as in the selection
	counts []bool           // is a record usable, and not suppressed by a stronger one?

	chain      []*x509.Certificate // [0] is the server's own
	candidates map[*x509.Certificate]*candidate
	now        time.Time

	search search // for the anchors of the DANETA records, once it is needed

	pkix     [][]*x509.Certificate // paths to the Roots, once they are looked for
	pkixErr  *Error
	pkixDone bool
}

// evaluate prepares an evaluation. Without agility weaker digests count, too.
func (v *Verifier) evaluate(chain []*x509.Certificate, s *selection, agility bool) *evaluation {
	e := &evaluation{Verifier: v, usable: s.usable, now: v.now(), candidates: map[*x509.Certificate]*candidate{}}
	if isPresented(chain) {
		e.chain = chain[:min(len(chain), maxChain)]
	}
	e.counts = make([]bool, len(v.Records))
	for i := range v.Records {
		r := &v.Records[i]
		e.counts[i] = r.defect(v.Application) == "" && !(agility && s.suppresses(r))
	}
	return e
}

// isPresented reports whether a chain has the server's certificate.
func isPresented(chain []*x509.Certificate) bool {
	return len(chain) > 0 && chain[0] != nil && len(chain[0].Raw) > 0
}

// first returns the first record of the usage that counts and that the certificate
// matches, or -1.
func (e *evaluation) first(cert *x509.Certificate, usage Usage) int {
	for i := range e.Records {
		if e.matches(cert, usage, i) {
			return i
		}
	}
	return -1
}

// matches reports whether a record counts, has the usage, and is of the certificate.
func (e *evaluation) matches(cert *x509.Certificate, usage Usage, i int) bool {
	r := &e.Records[i]
	if r.Usage != usage || !e.counts[i] {
		return false
	}
	c := e.candidates[cert]
	if c == nil {
		c = &candidate{cert: cert}
		e.candidates[cert] = c
	}
	return c.matches(r)
}

// pick returns the match of the shortest of the verified paths that is for one of
// the names. The function given says which record a path satisfies, and at which
// depth; the record is -1 if there is none.
func (e *evaluation) pick(paths [][]*x509.Certificate, satisfies func(path []*x509.Certificate) (record, depth int)) (Match, *Error) {
	shortestFirst(paths)
	failure := newError(ReasonMismatch, nil)
	for _, path := range paths {
		i, depth := satisfies(path)
		if i < 0 {
			continue
		}
		// RFC 7672 §3.1.2: the names count for every usage but DANEEE.
		name, err := e.matchName(path)
		if !isForTLS(path[0]) {
			err = newError(ReasonConstraint, errKeyUsage)
		}
		if err == nil {
			return Match{Record: e.Records[i], Index: i, Depth: depth, Name: name}, nil
		}
		failure = furthest(failure, err.about(e.Records[i], depth))
	}
	return Match{}, failure
}

// isForTLS reports whether the key usage of a server's certificate, if it has one, allows what keys
// do in TLS (RFC 8446 §4.4.2.2, RFC 5246 §7.4.2). One that is empty allows nothing (RFC 5280
// §4.2.1.3). crypto/x509 does not look at it; OpenSSL does.
func isForTLS(leaf *x509.Certificate) bool {
	const inTLS = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement
	return leaf.KeyUsage&inTLS != 0 || leaf.KeyUsage == 0 && !slices.ContainsFunc(leaf.Extensions, isKeyUsage)
}

func isKeyUsage(e pkix.Extension) bool { return e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 15}) }

var errKeyUsage = errors.New("the key of the server's certificate is not for TLS (key usage)")

func shortestFirst(paths [][]*x509.Certificate) {
	slices.SortStableFunc(paths, func(a, b []*x509.Certificate) int { return cmp.Compare(len(a), len(b)) })
}

var errNotParsed = errors.New("certificate was not parsed")
