package dane

import (
	"context"
	"net/netip"

	"github.com/danesmtp/danesmtp/dnssec"
)

// A hostsCheck is the work of one Verify on the hosts of a domain. Only the goroutine that
// called Verify reads or changes it, and calls the hooks. The goroutines that it starts
// look one host up, or make one attempt at an address, and hand back what is to be done
// with what came of it; they end before Verify returns. What is all that can be done for now needs
// none.
type hostsCheck struct {
	verifier     *Verifier
	parallel     int
	firstSuccess bool
	result       *Result
	ahead        *suggester      // of the MX lookup
	early        context.Context // of lookups: it ends before the other, see withReserve
	endLookups   context.CancelFunc

	allCertificates bool

	hosts    []hostCheck
	reported int // hosts that are in the Result
	decided  bool
	// connected has the addresses with a connection. A server may allow one to each client,
	// and say 421 to the next.
	connected map[netip.AddrPort]bool
}

// A hostCheck is what is known of a host so far.
type hostCheck struct {
	HostResult
	begun bool
	// untold is what the hook for hosts has not been told of yet. In an audit it is not the
	// Host that is judged.
	untold *Host
	// addrs are to be connected to; so many have been begun; attempts has what came of
	// each, nil if that is not known yet.
	addrs    []netip.Addr
	tried    int
	attempts []*Attempt
}

// work is what a goroutine does, or that of Verify if there is no other. It returns what the
// goroutine of the hostsCheck does with what came of it.
type work func(context.Context) func()

// run sets the outcome, and the hosts that it took, in their order.
func (c *hostsCheck) run(ctx context.Context) {
	c.hosts = make([]hostCheck, len(c.result.Domain.MX))
	for i := range c.hosts {
		c.hosts[i].planned = c.result.Planned
	}
	c.result.Hosts = make([]HostResult, 0, len(c.hosts))
	own, cancel := ctx, context.CancelFunc(func() {})
	var results chan func() // nil until there are several things to do
	running := 0
	for c.report(ctx) {
		begun := make([]work, 0, 1)
		for running+len(begun) < c.parallel {
			next := c.next()
			if next == nil {
				break
			}
			begun = append(begun, next)
		}
		if running == 0 && len(begun) == 1 {
			begun[0](own)() // here: there is nothing to do beside it
			continue
		}
		if results == nil {
			// Room for all work, so that nobody is left behind should a hook panic.
			results = make(chan func(), len(c.hosts)*(1+maxAttemptsPerHost))
			own, cancel = context.WithCancel(ctx)
			defer cancel()
		}
		for _, next := range begun {
			running++
			go func() { results <- next(own) }()
		}
		apply := <-results
		running--
		apply()
	}
	cancel() // what is left is of no more interest
	c.endLookups()
	for ; running > 0; running-- {
		<-results
	}
}

// next returns the work that is the first in the order of hosts and addresses among
// what nobody has begun and what can be begun; nil if nothing can for now.
func (c *hostsCheck) next() work {
	for i := range c.hosts {
		switch h := &c.hosts[i]; {
		case !h.begun:
			h.begun = true
			return func(context.Context) func() {
				share := dnssec.WithBudget(c.early, lookupsForHosts/len(c.hosts))
				mx := c.result.Domain.MX[i]
				found := c.verifier.lookupHost(share, c.result.Domain, mx, c.ahead.asksFor(mx.Host))
				return func() { h.known(found) }
			}
		case h.tried < len(h.addrs):
			at, host := h.tried, h.Host
			addr := netip.AddrPortFrom(h.addrs[at], host.Port)
			if c.connected[addr] {
				continue // two names of one server
			}
			h.tried++
			if c.connected == nil {
				c.connected = make(map[netip.AddrPort]bool)
			}
			c.connected[addr] = true
			return func(ctx context.Context) func() {
				a := c.verifier.attempt(ctx, host, addr, false).Attempt
				if c.allCertificates {
					c.verifier.otherCertificates(ctx, host, &a)
				}
				c.verifier.inspect(host, &a)
				return func() {
					delete(c.connected, addr)
					h.attempts[at] = &a
				}
			}
		}
	}
	return nil
}

// known takes what the lookups of the host gave.
func (h *hostCheck) known(found *Host) {
	h.untold, h.Host = found, found
	if found.Audited != nil {
		h.Host = found.Audited // what would have been done
	}
	if !h.needsAttempt() {
		return
	}
	h.addrs = h.Addrs
	if left := len(h.Addrs) - maxAttemptsPerHost; left > 0 {
		h.addrs = h.Addrs[:maxAttemptsPerHost]
		h.Omitted += left
	}
	h.attempts = make([]*Attempt, len(h.addrs))
}

// report takes into the result what is known, as far as all before it is known, and
// reports whether there is more to find out.
func (c *hostsCheck) report(ctx context.Context) bool {
	for ; c.reported < len(c.hosts); c.reported++ {
		h := &c.hosts[c.reported]
		if h.Host == nil {
			return true
		}
		if h.untold != nil {
			contextTrace(ctx).host(h.untold)
			h.untold = nil
		}
		for len(h.Attempts) < len(h.attempts) && !(c.firstSuccess && len(h.Attempts) > 0 && h.delivered()) {
			a := h.attempts[len(h.Attempts)]
			if a == nil {
				return true
			}
			h.Attempts = append(h.Attempts, *a)
			contextTrace(ctx).attempt(h.Host, *a)
		}
		c.result.Hosts = append(c.result.Hosts, h.HostResult)
		c.judge(ctx, &h.HostResult)
		if c.decided && c.firstSuccess {
			return false
		}
	}
	return false
}

// judge sets the outcome, if the hosts before have not.
func (c *hostsCheck) judge(ctx context.Context, h *HostResult) {
	r, cancelled := c.result, h.cancelled()
	switch {
	case c.decided:
	case h.delivered() && h.byDANE() && h.MXSecure:
		r.Outcome, r.Err, c.decided = OutcomeSuccess, nil, true
	case h.delivered():
		// RFC 7672 §2.2.1: behind an insecure MX record a host that matches is not
		// proven to be the domain's.
		r.Outcome, c.decided = OutcomeNone, true
	case cancelled != nil && ctx.Err() != nil:
		r.Err, c.decided = cancelled, true // it might have been the one
	case r.Err == nil:
		r.Err = h.failed()
	}
}
