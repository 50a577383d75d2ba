package dane

import (
	"cmp"
	"context"
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
)

// A Prober makes the connections of a [Checker], or knows what came of them before. It must
// be safe for concurrent use. Package dane/survey has one for many domains, many of which have
// the same servers.
type Prober interface {
	// Probe returns what [Probe.Do] returns, or would: VerifyConnection of Probe.TLS, above all,
	// judges what it knows from before as it would in a handshake.
	Probe(ctx context.Context, p *Probe) (*smtpprobe.Result, error)
}

// A Probe is a connection that a Checker wants. What it is made of must not be changed.
type Probe struct {
	// Prober is how the sender connects.
	Prober smtpprobe.Prober
	// Host is the server that is judged, Addr one of its addresses.
	Host *Host
	Addr netip.AddrPort
	// TLS is the configuration of the handshake. Its hooks are the judgement on the
	// certificates. Nil if there is to be no handshake.
	TLS *tls.Config
	// Timeout bounds the connection, from dial to QUIT, but not what comes before it.
	Timeout time.Duration
}

// Do makes the connection.
func (p *Probe) Do(ctx context.Context) (*smtpprobe.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	return p.Prober.Probe(ctx, p.Addr.String(), p.TLS)
}

// probe is how the sender goes to an address of the host.
func (v *Verifier) probe(h *Host, addr netip.AddrPort, config *tls.Config) *Probe {
	return &Probe{
		Prober: smtpprobe.Prober{Dial: v.Dial, LocalAddr: v.LocalAddr, Hello: v.Hello},
		Host:   h, Addr: addr, TLS: config, Timeout: v.attemptTimeout(),
	}
}

// do makes a connection of a check.
func (v *Verifier) do(ctx context.Context, p *Probe) (*smtpprobe.Result, error) {
	if v.prober != nil {
		result, err := v.prober.Probe(ctx, p)
		return cmp.Or(result, new(smtpprobe.Result)), err
	}
	return p.Do(ctx)
}
