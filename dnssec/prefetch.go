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

// prefetch sends for what the verdict on a reply will rest on, so that a chain takes one
// round trip and not one for each zone: the keys and DS records of the zone that its
// signatures name and of those above it, as far as they are not known. If there are no
// signatures, it sends for the DS records of the names that are most often zone cuts.
// What was sent for in this way is speculative: it leaves it to others to go on from its
// reply, which bounds what one reply sets going.
func (l *lookup) prefetch(ctx context.Context, q validate.Question, msg *dns.Msg) {
	top, ok := l.judge.AnchorOf(q)
	if !ok || l.fresh || l.speculative {
		return
	}
	// What is most likely a zone: the signer, or the domain below the top-level domain.
	lowest := q.Enclosed()
	lowest = lowest.Ancestor(min(lowest.Labels(), top.Labels()+2))
	if signer, ok := l.judge.Signer(q, msg); ok {
		lowest = signer
		l.begin(ctx, validate.Question{Name: lowest, Type: dns.TypeDNSKEY})
	}
	for zone := lowest; zone != top && zone.Below(top) && l.begin(ctx, validate.Question{Name: zone, Type: dns.TypeDS}); zone = zone.Parent() {
		l.begin(ctx, validate.Question{Name: zone.Parent(), Type: dns.TypeDNSKEY})
	}
}

// begin sends for the answer to a question, and reports whether those above it may be
// needed, too: they are not if the answer is known.
func (l *lookup) begin(ctx context.Context, q validate.Question) bool {
	if l.prefetched.has(q) || !l.mayAwait(q) {
		return true
	}
	if len(l.prefetched) >= maxPrefetched || l.known.get(q) != nil || l.cached(q) != nil {
		return false
	}
	f, v := l.join(ctx, q, true)
	if v != nil {
		return false
	}
	l.prefetched = append(l.prefetched, f)
	return true
}

// prefetched is what a lookup has sent for and may have to wait for, in the order it was
// sent.
type prefetched []*inflight

func (p prefetched) has(q validate.Question) bool { return p.find(q) != nil }

// find returns the question in flight, and nil if it is not prefetched.
func (p prefetched) find(q validate.Question) *inflight {
	if i := slices.IndexFunc(p, func(f *inflight) bool { return f.Question == q }); i >= 0 {
		return p[i]
	}
	return nil
}

// await waits for a question, but no longer than for the one beside it, which is waited for in
// any case. It does not wait unless both are prefetched.
func (p prefetched) await(ctx context.Context, q, beside validate.Question) {
	f, other := p.find(q), p.find(beside)
	if f == nil || other == nil {
		return
	}
	select {
	case <-f.done:
	case <-other.done:
	case <-ctx.Done():
	}
}

// take returns the question in flight, once, and nil if it is not prefetched.
func (p *prefetched) take(q validate.Question) *inflight {
	i := slices.IndexFunc(*p, func(f *inflight) bool { return f.Question == q })
	if i < 0 {
		return nil
	}
	f := (*p)[i]
	*p = slices.Delete(*p, i, i+1)
	return f
}

// leavePrefetched leaves what was not waited for. What is done was needed by others below, most
// likely, and counts as evidence.
func (l *lookup) leavePrefetched() {
	for _, f := range l.prefetched {
		select {
		case <-f.done:
			l.charge(f) // with what is left: there is no more to do
			l.hold(f)
		default:
			l.judge.Budget.Forfeit(advance)
			l.resolver.inflights.leave(f)
		}
	}
	l.prefetched = nil
}

// end leaves all that is in flight, and gives the lookup back.
func (l *lookup) end() {
	l.leavePrefetched()
	for _, f := range l.held {
		l.resolver.inflights.leave(f)
	}
	l.giveBack()
}
