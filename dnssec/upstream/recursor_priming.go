package upstream

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// priming keeps the root servers' own list of themselves (RFC 8109).
type priming struct {
	mu      sync.Mutex
	running bool
	root    *delegation // nil if it is not there yet
	again   time.Time   // when to ask again if it is not there
}

// forget drops the list, since it seems to be wrong. The hints take its place.
func (p *priming) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.root, p.again = nil, time.Time{}
}

// root returns the delegation of the root: that of the list, or of the hints.
func (r *Recursor) root(now time.Time) *delegation {
	r.priming.mu.Lock()
	defer r.priming.mu.Unlock()
	if root := r.priming.root; root != nil && now.Before(root.expires) {
		return root
	}
	return r.hints
}

// prime asks for the list if it is not there, while the resolution goes on. The resolution
// calls the function that it returns at its end, which ends the priming soon, too.
func (r *resolution) prime(ctx context.Context) (end func()) {
	p := &r.priming
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running || r.now().Before(p.again) || p.root != nil && r.now().Before(p.root.expires) {
		return func() {}
	}
	p.running = true
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		root := r.askForRoot(ctx)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.running = false
		if p.again = r.now().Add(primingRetry); root != nil {
			p.root = root
		}
	}()
	return func() {
		select {
		case <-done:
		case <-time.After(primingGrace):
		}
		cancel()
		<-done
	}
}

// askForRoot sends the priming query. It sends none to hints with another port than 53: those
// stay, since name servers in the DNS have no port.
func (r *resolution) askForRoot(ctx context.Context) *delegation {
	msg := new(dns.Msg)
	msg.SetQuestion(".", dns.TypeNS)
	msg.RecursionDesired = false
	msg.SetEdns0(wireform.UDPSize, false)
	var asked []netip.AddrPort
	for range maxPrimed {
		server, ok := r.servers.best(r.hints, asked, [2]time.Duration{})
		if !ok || server.Port() != port {
			return nil
		}
		asked = append(asked, server)
		reply, err := r.servers.exchange(ctx, server, ".", &Query{Msg: msg}, 1, func() bool { return true })
		if ctx.Err() != nil {
			return nil
		}
		if err != nil || reply.Msg.Rcode != dns.RcodeSuccess || !reply.Msg.Authoritative { // RFC 8109 §4.1
			continue
		}
		servers, ttl := readNameServers(".", ".", reply.Msg.Answer, reply.Msg.Extra, &r.filter)
		root := &delegation{name: ".", servers: servers, expires: r.now().Add(delegationLife(ttl))}
		if len(root.addresses(r.now())) > 0 {
			return root
		}
	}
	return nil
}
