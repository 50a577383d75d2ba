package dane

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
)

// probeAddress connects to an address of a host, once more if the server is busy, and once
// more in a weaker way if the handshake fails and the policy allows that.
func (v *Verifier) probeAddress(ctx context.Context, h *Host, addr netip.AddrPort) Probe {
	start := time.Now()
	p := v.probe(ctx, h, addr)
	if isBusy(p.Err) && pause(ctx, busyPause) {
		p = v.probe(ctx, h, addr)
	}
	if weaker := h.Fallback(); weaker != nil && handshakeFailed(p.Err) {
		p = v.probe(ctx, weaker, addr)
		p.Fallback = true
	}
	p.Elapsed = time.Since(start)
	return p
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

func (v *Verifier) probe(ctx context.Context, h *Host, addr netip.AddrPort) Probe {
	ctx, cancel := context.WithTimeout(ctx, v.probeTimeout())
	defer cancel()
	prober := smtpprobe.Prober{Dial: v.Dial, LocalAddr: v.LocalAddr, Hello: v.Hello}
	p := Probe{Addr: addr}
	p.Session, p.Err = prober.Probe(ctx, addr.String(), h.TLSConfig(nil))
	if p.Err != nil {
		return p
	}
	if h.byDANE() {
		// The hook has found a match, or the handshake would have failed; this says
		// which.
		if p.Match, p.Err = h.matcher().Verify(p.Session.TLS.PeerCertificates); p.Err != nil {
			return p
		}
		p.Authenticated = true
	}
	// A server that takes the handshake and then refuses EHLO takes no mail.
	if late, ok := errors.AsType[*smtpprobe.Error](p.Session.Late); ok && late.Stage == smtpprobe.StageHelloTLS {
		p.Err = late
	}
	return p
}

func handshakeFailed(err error) bool {
	e, ok := errors.AsType[*smtpprobe.Error](err)
	return ok && e.Stage == smtpprobe.StageHandshake
}
