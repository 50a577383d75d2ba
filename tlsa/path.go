package tlsa

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// pick returns the match of the shortest of the verified paths that is for one of
// the names. The function given says which record a path satisfies, and at which
// depth; the record is -1 if there is none.
func (v *Verifier) pick(paths [][]*x509.Certificate, satisfies func(path []*x509.Certificate) (record, depth int)) (Match, *Error) {
	slices.SortStableFunc(paths, func(a, b []*x509.Certificate) int { return cmp.Compare(len(a), len(b)) })
	failure := newError(ReasonMismatch, nil)
	for _, path := range paths {
		i, depth := satisfies(path)
		if i < 0 {
			continue
		}
		// RFC 7672 §3.1.2: the names count for every usage but DANEEE.
		name, err := v.matchName(path)
		if err == nil {
			return Match{Record: v.Records[i], Index: i, Depth: depth, Name: name}, nil
		}
		if err.Reason > failure.Reason {
			failure = err.about(v.Records[i], depth)
		}
	}
	return Match{}, failure
}

// explain turns an error of crypto/x509 into ours. Where that is not about the
// server's certificate or a complete path, it can be about any certificate that was
// tried; so we look for a path that would be one but for a fault in it. It decides
// nothing.
func explain(err error, chain []*x509.Certificate, anchors []anchor, now time.Time) *Error {
	leaf := chain[0]
	if len(leaf.UnhandledCriticalExtensions) > 0 {
		return newError(ReasonConstraint, err)
	}
	// Without anchors, of the PKIX usages, there is nothing to look for.
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	if ok && (invalid.Cert == leaf || len(anchors) == 0) {
		if invalid.Reason == x509.Expired {
			return newError(dateReason(invalid.Cert, now), err)
		}
		return newError(ReasonConstraint, err)
	}
	s := search{intermediates: intermediates(chain, anchors), anchors: anchors, now: now, signatures: maxSearched}
	if fault := s.fault(chain[:1:1], nil); fault != nil {
		return fault
	}
	return newError(ReasonNoPath, err)
}

// maxSearched bounds the signatures that are checked only for a better error, and
// so the length of the paths.
const maxSearched = 32

// A search looks for a path of signatures to an anchor, whatever else is wrong.
type search struct {
	intermediates []*x509.Certificate
	anchors       []anchor
	now           time.Time
	signatures    int // that may still be checked
}

// fault returns what is wrong with the first path to an anchor that begins with
// this one; nil if there is none. Found is what is wrong so far.
func (s *search) fault(path []*x509.Certificate, found *Error) *Error {
	for _, a := range s.anchors {
		if !s.signed(path, a.cert) {
			continue
		}
		if fault := cmp.Or(found, s.faultOf(a.cert, path)); fault != nil {
			return fault
		}
	}
	for _, issuer := range s.intermediates {
		if slices.Contains(path, issuer) || !s.signed(path, issuer) {
			continue
		}
		fault := cmp.Or(found, s.faultOf(issuer, path))
		if fault = s.fault(append(path, issuer), fault); fault != nil {
			return fault
		}
	}
	return nil
}

// signed reports whether the issuer has signed the last certificate of the path.
func (s *search) signed(path []*x509.Certificate, issuer *x509.Certificate) bool {
	cert := path[len(path)-1]
	if s.signatures == 0 || !bytes.Equal(issuer.RawSubject, cert.RawIssuer) {
		return false
	}
	s.signatures--
	return issuer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// faultOf returns why an issuer may not have signed the last certificate of the
// path; nil if it may.
func (s *search) faultOf(issuer *x509.Certificate, path []*x509.Certificate) *Error {
	cert, below := path[len(path)-1], len(path)-1 // below it are so many CA certificates
	name := quote(issuer.Subject.String())
	if errors.Is(cert.CheckSignatureFrom(issuer), x509.ConstraintViolationError{}) {
		return newError(ReasonConstraint, fmt.Errorf("%s may not sign certificates", name))
	}
	if len(issuer.UnhandledCriticalExtensions) > 0 {
		return newError(ReasonConstraint, fmt.Errorf("%s has a critical extension that is not known", name))
	}
	if reason := dateReason(issuer, s.now); reason != 0 {
		return newError(reason, fmt.Errorf("%s is valid from %s to %s", name,
			issuer.NotBefore.Format(time.RFC3339), issuer.NotAfter.Format(time.RFC3339)))
	}
	if issuer.BasicConstraintsValid && issuer.MaxPathLen >= 0 && below > issuer.MaxPathLen {
		return newError(ReasonConstraint, fmt.Errorf("too many certificates below %s", name))
	}
	return nil
}

// dateReason says whether now is before or after the validity of a certificate; 0
// if it is within.
func dateReason(cert *x509.Certificate, now time.Time) Reason {
	switch {
	case now.Before(cert.NotBefore):
		return ReasonNotYetValid
	case now.After(cert.NotAfter):
		return ReasonExpired
	}
	return 0
}
