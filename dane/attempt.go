package dane

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// An Attempt is a connection to an address of a host, and what came of it.
type Attempt struct {
	Addr netip.AddrPort
	// Session is what was seen until the end, or until the error.
	Session *smtpprobe.Result
	// Fallback: it was tried before in a stronger way, and that has failed.
	Fallback bool
	// Match is the TLSA record that the certificate matched; set where
	// Authenticated.
	Match         tlsa.Match
	Authenticated bool
	// Err says why the host cannot be delivered to at this address: of type
	// *smtpprobe.Error. That may be so although it was Authenticated, if it then
	// refused EHLO.
	Err error
	// Elapsed is the time that it took, an attempt before a Fallback included; that of
	// each step is in Session.
	Elapsed time.Duration
}

// attempt connects to an address of a host, once more if the server is busy, and once
// more in a weaker way if the handshake fails and the policy allows that.
func (v *Verifier) attempt(ctx context.Context, h *Host, addr netip.AddrPort) Attempt {
	start := time.Now()
	a := v.connectOnce(ctx, h, addr)
	if isBusy(a.Err) && pause(ctx, busyPause) {
		a = v.connectOnce(ctx, h, addr)
	}
	if weaker := h.Fallback(); weaker != nil && handshakeFailed(a.Err) {
		a = v.connectOnce(ctx, weaker, addr)
		a.Fallback = true
	}
	a.Elapsed = time.Since(start)
	return a
}

// isBusy reports whether a server has said that it closes the connection for now (RFC 5321
// §3.8): often to a client that has another one, or had it until a moment ago.
func isBusy(err error) bool {
	e, ok := errors.AsType[*smtpprobe.Error](err)
	return ok && e.Reply != nil && e.Reply.Code == 421
}

// pause reports whether the time has passed before the context ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (v *Verifier) connectOnce(ctx context.Context, h *Host, addr netip.AddrPort) Attempt {
	ctx, cancel := context.WithTimeout(ctx, v.attemptTimeout())
	defer cancel()
	prober := smtpprobe.Prober{Dial: v.Dial, LocalAddr: v.LocalAddr, Hello: v.Hello}
	a := Attempt{Addr: addr}
	a.Session, a.Err = prober.Probe(ctx, addr.String(), h.TLSConfig(nil))
	if a.Err != nil {
		return a
	}
	if h.byDANE() {
		// The hook has found a match, or the handshake would have failed; this says
		// which.
		if a.Match, a.Err = h.matcher().Verify(a.Session.TLS.PeerCertificates); a.Err != nil {
			return a
		}
		a.Authenticated = true
	}
	// A server that takes the handshake and then refuses EHLO takes no mail.
	if late, ok := errors.AsType[*smtpprobe.Error](a.Session.Late); ok && late.Stage == smtpprobe.StageHelloTLS {
		a.Err = late
	}
	return a
}

func handshakeFailed(err error) bool {
	e, ok := errors.AsType[*smtpprobe.Error](err)
	return ok && e.Stage == smtpprobe.StageHandshake
}
