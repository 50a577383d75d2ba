package dane

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
)

// probeAddress connects to an address of a host, once more in a weaker way if the
// handshake fails and the policy allows that.
func (v *Verifier) probeAddress(ctx context.Context, h *Host, addr netip.Addr) Probe {
	start := time.Now()
	at := netip.AddrPortFrom(addr, h.Port)
	p := v.probe(ctx, h, at)
	if weaker := h.Fallback(); weaker != nil && handshakeFailed(p.Err) {
		p = v.probe(ctx, weaker, at)
		p.Fallback = true
	}
	p.Elapsed = time.Since(start)
	return p
}

func (v *Verifier) probe(ctx context.Context, h *Host, addr netip.AddrPort) Probe {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
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
