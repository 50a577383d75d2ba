package tlsa

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// explain turns an error of crypto/x509 into ours. Where that is not about the
// server's certificate or a complete path, it can be about any certificate that was
// tried; so we look for a path that would be one but for a fault in it. It decides
// nothing. Without an anchor, of the PKIX usages, there is nothing to look for.
func (e *evaluation) explain(err error, a *anchor) *Error {
	leaf := e.chain[0]
	if len(leaf.UnhandledCriticalExtensions) > 0 {
		return newError(ReasonConstraint, err)
	}
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	if ok && (invalid.Cert == leaf || a == nil) {
		if invalid.Reason == x509.Expired {
			return newError(dateReason(invalid.Cert, e.now), err)
		}
		return newError(ReasonConstraint, err)
	}
	if a != nil && strings.Contains(err.Error(), pathLimit) {
		return newError(ReasonLimit, err)
	}
	if a != nil {
		w := walk{search: &e.search, intermediates: e.search.intermediates(e.chain, a), anchor: a.cert, now: e.now, steps: maxSteps}
		if fault := w.fault(e.chain[:1:1], nil); fault != nil {
			return fault
		}
	}
	return newError(ReasonNoPath, err)
}

// pathLimit is what crypto/x509 says when it has checked 100 signatures; it has no type
// for that.
const pathLimit = "signature check attempts limit reached"

// maxSteps bounds the walk that is only for a better error, and so the length of the
// paths.
const maxSteps = 32

// A walk looks for a path of signatures to an anchor, whatever else is wrong.
type walk struct {
	*search
	intermediates []*x509.Certificate
	anchor        *x509.Certificate
	now           time.Time
	steps         int // that may still be made
}

// fault returns what is wrong with the first path to the anchor that begins with
// this one; nil if there is none. Found is what is wrong so far.
func (w *walk) fault(path []*x509.Certificate, found *Error) *Error {
	if w.follows(path, w.anchor) {
		if fault := cmp.Or(found, w.faultOf(w.anchor, path)); fault != nil {
			return fault
		}
	}
	for _, issuer := range w.intermediates {
		if slices.Contains(path, issuer) || !w.follows(path, issuer) {
			continue
		}
		fault := cmp.Or(found, w.faultOf(issuer, path))
		if fault = w.fault(append(path, issuer), fault); fault != nil {
			return fault
		}
	}
	return nil
}

// follows reports whether the issuer has signed the last certificate of the path.
func (w *walk) follows(path []*x509.Certificate, issuer *x509.Certificate) bool {
	if w.steps == 0 || !w.signed(path[len(path)-1], issuer) {
		return false
	}
	w.steps--
	return true
}

// faultOf returns why an issuer may not have signed the last certificate of the
// path; nil if it may.
func (w *walk) faultOf(issuer *x509.Certificate, path []*x509.Certificate) *Error {
	cert, below := path[len(path)-1], len(path)-1 // below it are so many CA certificates
	name := quote(issuer.Subject.String())
	if errors.Is(cert.CheckSignatureFrom(issuer), x509.ConstraintViolationError{}) {
		return newError(ReasonConstraint, fmt.Errorf("%s may not sign certificates", name))
	}
	if len(issuer.UnhandledCriticalExtensions) > 0 {
		return newError(ReasonConstraint, fmt.Errorf("%s has a critical extension that is not known", name))
	}
	if reason := dateReason(issuer, w.now); reason != 0 {
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
