package dnssec

import (
	"context"
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

// maxPrefetched bounds the questions that are sent at once: the keys and DS records of
// six zones. Names for mail lie two or three zones deep.
const maxPrefetched = 12

// prefetch begins the flights that the verdict on a reply will rest on, so that a chain
// takes one round trip and not one for each zone: the keys and DS records of the zone
// that its signatures name and of those above it, as far as they are not known. Where
// there are no signatures, it is the DS records of the names that are most often cut.
// A flight that began in this way leaves it to others to go on from its reply, which
// bounds what one reply sets going.
func (l *lookup) prefetch(ctx context.Context, q validate.Question, msg *dns.Msg) {
	top, ok := l.judge.AnchorOf(q)
	if !ok || l.fresh || l.aheadOfNeed {
		return
	}
	// What is most likely a zone: the signer, or the domain below the top-level domain.
	lowest := q.Enclosed()
	lowest = lowest.Ancestor(min(lowest.Labels(), top.Labels()+2))
	if signers := l.judge.Signers(q, msg); len(signers) > 0 {
		lowest = signers[0]
		l.send(ctx, validate.Question{Name: lowest, Type: dns.TypeDNSKEY})
	}
	for zone := lowest; zone != top && zone.Below(top) && l.send(ctx, validate.Question{Name: zone, Type: dns.TypeDS}); zone = zone.Parent() {
		l.send(ctx, validate.Question{Name: zone.Parent(), Type: dns.TypeDNSKEY})
	}
}

// send begins the flight of a question, and reports whether those above it may be
// needed, too: they are not if the answer is known.
func (l *lookup) send(ctx context.Context, q validate.Question) bool {
	if l.ahead.has(q) || !l.mayAwait(q) {
		return true
	}
	if len(l.ahead) >= maxPrefetched || l.known.on(q) != nil || l.resolver.cache.get(q, l.now, l.trusted.Generation) != nil {
		return false
	}
	f, v := l.board(ctx, q, true)
	if v != nil {
		return false
	}
	l.ahead = append(l.ahead, f)
	return true
}

// A prefetch is the flights that a lookup may have to wait for, in the order they were
// sent.
type prefetch []*flight

func (p prefetch) has(q validate.Question) bool { return p.find(q) != nil }

// find returns the flight of a question; nil if there is none.
func (p prefetch) find(q validate.Question) *flight {
	if i := slices.IndexFunc(p, func(f *flight) bool { return f.Question == q }); i >= 0 {
		return p[i]
	}
	return nil
}

// await waits for the flight of a question, if there is one, but no longer than for
// another flight, which is waited for in any case; nil for none.
func (p prefetch) await(ctx context.Context, q validate.Question, other *flight) {
	f := p.find(q)
	if f == nil || other == nil {
		return
	}
	select {
	case <-f.landed:
	case <-other.landed:
	case <-ctx.Done():
	}
}

// take returns the flight of a question, once; nil if there is none.
func (p *prefetch) take(q validate.Question) *flight {
	i := slices.IndexFunc(*p, func(f *flight) bool { return f.Question == q })
	if i < 0 {
		return nil
	}
	f := (*p)[i]
	*p = slices.Delete(*p, i, i+1)
	return f
}

// leaveAhead leaves the flights that were not waited for. Those that have landed were needed
// by others below, most likely, and count as evidence.
func (l *lookup) leaveAhead() {
	for _, f := range l.ahead {
		select {
		case <-f.landed:
			l.charge(f) // with what is left: there is no more to do
			l.held = append(l.held, f)
		default:
			l.budget.Forfeit(fare)
			l.leave(f)
		}
	}
	l.ahead = nil
}

// end leaves all flights.
func (l *lookup) end() {
	l.leaveAhead()
	for _, f := range l.held {
		l.leave(f)
	}
	l.held = nil
}
