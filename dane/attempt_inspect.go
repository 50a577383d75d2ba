package dane

import (
	"crypto/x509"
	"errors"
	"slices"

	"github.com/danesmtp/danesmtp/internal/localfault"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// Chain returns the certificates that the server presented, its own first; nil if it came to
// none.
func (a *Attempt) Chain() []*x509.Certificate {
	if a.Session == nil || a.Session.TLS == nil {
		return nil
	}
	return slices.Clone(a.Session.TLS.PeerCertificates)
}

// FailedAt returns the stage at which the attempt has failed; false if it has not, or the
// error does not tell.
func (a *Attempt) FailedAt() (smtpprobe.Stage, bool) {
	if e, ok := errors.AsType[*smtpprobe.Error](a.Err); ok {
		return e.Stage, true
	}
	if e, ok := errors.AsType[*recordedError](a.Err); ok && e.staged {
		return e.stage, true
	}
	return 0, false
}

// inspect finds out what a sender has no use for, and those who run the server have: what the
// certificates and the records make of each other, and who is to blame if there is no route.
func (v *Verifier) inspect(h *Host, a *Attempt) {
	if chain := a.Chain(); len(chain) > 0 && len(h.Records) > 0 {
		report := h.matcher().Check(append([][]*x509.Certificate{chain}, a.Others...)...)
		a.Report = &report
	}
	if e, ok := errors.AsType[*smtpprobe.Error](a.Err); ok && e.Stage == smtpprobe.StageDial && v.Dial == nil {
		own := *e
		own.Err = localfault.Judge(e.Err, a.Addr, v.LocalAddr)
		a.Err = &own
	}
}
