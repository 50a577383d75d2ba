package dane

import (
	"context"
	"net/netip"

	"github.com/danesmtp/danesmtp/dnssec"
)

// A survey is the work of one Verify on the hosts of a domain. Only the goroutine that
// called Verify reads or changes it, and calls the hooks. The goroutines that it starts
// look one host up, or probe one address, and hand back what is to be done with that;
// they end before Verify returns.
type survey struct {
	*Checker
	verifier *Verifier
	result   *Result
	visits   []visit
	at       int // the visit that is next in the Result
	decided  bool
	// Addresses with a connection. A server may allow one to each client, and say 421 to
	// the next.
	busy map[netip.AddrPort]bool
}

// A visit is what is known of a host so far.
type visit struct {
	HostResult
	begun bool
	// The plan that the hooks have not been told of yet. In an audit it is not the
	// one that is judged.
	untold *Host
	// Addresses to probe, how many have been begun, and what came of them, nil if that
	// is not known yet.
	addrs    []netip.Addr
	probed   int
	attempts []*Attempt
}

// work is what a goroutine does. It returns what the survey's goroutine does with
// what came of it.
type work func(context.Context) func()

// tryHosts sets the outcome, and the hosts that it took, in their order.
func (c *Checker) tryHosts(ctx context.Context, r *Result) {
	s := &survey{Checker: c, verifier: c.verifier(), result: r, visits: make([]visit, len(r.Domain.MX)), busy: make(map[netip.AddrPort]bool)}
	for i := range s.visits {
		s.visits[i].planned = r.Planned
	}
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	// Room for all work, so that nobody is left behind should a hook panic.
	results := make(chan func(), len(s.visits)*(1+maxProbesPerHost))
	running := 0
	for s.report(ctx) {
		for running < c.parallel() {
			next := s.next()
			if next == nil {
				break
			}
			running++
			go func() { results <- next(own) }()
		}
		apply := <-results
		running--
		apply()
	}
	cancel() // what is left is of no more interest
	for ; running > 0; running-- {
		<-results
	}
}

// next returns the work that is the first in the order of hosts and addresses among
// what nobody has begun and what can be begun; nil if there is none for now.
func (s *survey) next() work {
	for i := range s.visits {
		switch n := &s.visits[i]; {
		case !n.begun:
			n.begun = true
			return func(ctx context.Context) func() {
				share := dnssec.WithBudget(ctx, lookupsForHosts/len(s.visits))
				h := s.verifier.lookupHost(share, s.result.Domain, s.result.Domain.MX[i])
				return func() { n.known(h) }
			}
		case n.probed < len(n.addrs):
			at, host := n.probed, n.Host
			addr := netip.AddrPortFrom(n.addrs[at], host.Port)
			if s.busy[addr] {
				continue // two names of one server
			}
			n.probed++
			s.busy[addr] = true
			return func(ctx context.Context) func() {
				a := s.verifier.attempt(ctx, host, addr)
				return func() {
					delete(s.busy, addr)
					n.attempts[at] = &a
				}
			}
		}
	}
	return nil
}

// known takes what the lookups of the host gave.
func (n *visit) known(h *Host) {
	n.untold, n.Host = h, h
	if h.Audited != nil {
		n.Host = h.Audited // what would have been done
	}
	if !n.needsProbe() {
		return
	}
	n.addrs = n.Addrs
	if left := len(n.Addrs) - maxProbesPerHost; left > 0 {
		n.addrs = n.Addrs[:maxProbesPerHost]
		n.Omitted += left
	}
	n.attempts = make([]*Attempt, len(n.addrs))
}

// report takes into the result what is known, as far as all before it is known, and
// reports whether there is more to find out.
func (s *survey) report(ctx context.Context) bool {
	for ; s.at < len(s.visits); s.at++ {
		n := &s.visits[s.at]
		if n.Host == nil {
			return true
		}
		if n.untold != nil {
			contextTrace(ctx).host(n.untold)
			n.untold = nil
		}
		for len(n.Attempts) < len(n.attempts) && !(s.FirstSuccess && len(n.Attempts) > 0 && n.delivered()) {
			a := n.attempts[len(n.Attempts)]
			if a == nil {
				return true
			}
			n.Attempts = append(n.Attempts, *a)
			contextTrace(ctx).attempt(n.Host, *a)
		}
		s.result.Hosts = append(s.result.Hosts, n.HostResult)
		s.judge(ctx, &n.HostResult)
		if s.decided && s.FirstSuccess {
			return false
		}
	}
	return false
}

// judge sets the outcome, if the hosts before have not.
func (s *survey) judge(ctx context.Context, h *HostResult) {
	r, cancelled := s.result, h.cancelled()
	switch {
	case s.decided:
	case h.delivered() && h.byDANE() && h.MXSecure:
		r.Outcome, r.Err, s.decided = OutcomeSuccess, nil, true
	case h.delivered():
		// RFC 7672 §2.2.1: behind an insecure MX record a host that matches is not
		// proven to be the domain's.
		r.Outcome, s.decided = OutcomeNone, true
	case cancelled != nil && ctx.Err() != nil:
		r.Err, s.decided = cancelled, true // it might have been the one
	case r.Err == nil:
		r.Err = h.failed()
	}
}
