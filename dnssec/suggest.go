package dnssec

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

// maxAhead bounds the questions that one lookup asks ahead: addresses and TLSA records
// of four hosts.
const maxAhead = 12

// An ahead is what one lookup, and those that it began, ask ahead.
type ahead struct {
	ctx   context.Context  // of the first lookup: it may outlive the others
	paid  *validate.Budget // for all of it
	next  func(reply *dns.Msg) []dns.Question
	asked atomic.Int32
}

type aheadKey struct{}

// WithAhead returns a context under which a Resolver's Lookup also asks what its caller
// is likely to ask next, without waiting for its own answer to be validated: that saves
// a round trip. next is called with the first reply to each question that the lookup
// sends, aliases included, and with those to the questions it suggests itself, of which
// the first twelve count. Of a reply it gets a copy, without authority and additional
// section. It must be quick and depend on nothing but the reply; it may be called by
// several goroutines at once. The reply is not validated and may be hostile.
//
// The further lookups are ordinary ones: what they find is validated and left in the
// cache, their errors are dropped, and Lookup does not wait for them. They are paid by the
// budget of ctx (WithBudget), or else by one that is theirs, and end with ctx, or after half
// a minute; so ctx should outlive Lookup.
// Other resolvers do not know of this.
func WithAhead(ctx context.Context, next func(reply *dns.Msg) []dns.Question) context.Context {
	return context.WithValue(ctx, aheadKey{}, next)
}

// aheadFrom returns nil where there is nothing to ask ahead.
func aheadFrom(ctx context.Context) *ahead {
	switch v := ctx.Value(aheadKey{}).(type) {
	case func(*dns.Msg) []dns.Question:
		if v != nil {
			return &ahead{ctx: ctx, paid: budgetFrom(ctx), next: v}
		}
	case *ahead:
		return v
	}
	return nil
}

// lookupAhead looks up what a reply suggests; nil is none.
func (l *lookup) lookupAhead(reply *dns.Msg) {
	if reply == nil || l.next.asked.Load() >= maxAhead {
		return
	}
	own := &dns.Msg{MsgHdr: reply.MsgHdr, Question: slices.Clone(reply.Question), Answer: deepCopies(reply.Answer)}
	ctx := withBudget(context.WithValue(l.next.ctx, aheadKey{}, l.next), l.next.paid)
	for _, q := range l.next.next(own) {
		if q.Qclass != dns.ClassINET {
			continue
		}
		if l.next.asked.Add(1) > maxAhead {
			return
		}
		go func() {
			ctx, cancel := context.WithTimeout(ctx, validate.QuestionTime)
			defer cancel()
			l.resolver.Lookup(ctx, q.Name, q.Qtype) // for the cache
		}()
	}
}
