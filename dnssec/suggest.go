package dnssec

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

// maxSuggested bounds the questions that one lookup asks ahead: addresses and TLSA records
// of four hosts.
const maxSuggested = 12

// A suggester tells what one lookup, and those that it began, ask ahead.
type suggester struct {
	ctx     context.Context  // of the first lookup: it may outlive the others
	budget  *validate.Budget // for all of it
	suggest func(reply *dns.Msg) []dns.Question

	mu    sync.Mutex
	asked []dns.Question // each once
}

type suggesterKey struct{}

// WithAhead returns a context under which [Resolver.Lookup] also asks what its caller
// is likely to ask next, without waiting for its own answer to be validated: that saves
// a round trip. suggest is called with the first reply to each question that the lookup
// sends, aliases included, and with those to the questions it suggests itself, of which
// the first twelve count. Of a reply it gets a copy, without authority and additional
// section. It must be quick and depend on nothing but the reply; it may be called by
// several goroutines at once. The reply is not validated and may be hostile.
//
// The further lookups are ordinary ones: what they find is validated and left in the
// cache, their errors are dropped, and Lookup does not wait for them. They are paid by the
// budget of ctx ([WithBudget]), or else by one that is theirs, and end with ctx, or after a
// minute at most; so ctx should outlive Lookup.
// Other resolvers do not know of this.
func WithAhead(ctx context.Context, suggest func(reply *dns.Msg) []dns.Question) context.Context {
	return context.WithValue(ctx, suggesterKey{}, suggest)
}

// suggesterFrom returns the suggester of a context, and nil if there is nothing to ask ahead.
func suggesterFrom(ctx context.Context) *suggester {
	suggest, _ := ctx.Value(suggesterKey{}).(func(*dns.Msg) []dns.Question)
	if suggest == nil {
		return nil
	}
	return &suggester{ctx: ctx, budget: budgetFrom(ctx), suggest: suggest}
}

// lookUp looks up what a reply suggests. There may be no reply: nil.
func (s *suggester) lookUp(r *Resolver, reply *dns.Msg) {
	if reply == nil || s.enough() {
		return
	}
	for _, q := range s.further(s.suggest(answerOf(reply))) {
		go r.lookUpAhead(s, q)
	}
}

// answerOf returns a copy of a reply without authority and additional section.
func answerOf(reply *dns.Msg) *dns.Msg {
	own := &struct { // in one piece, if it is as short as most
		msg      dns.Msg
		question [1]dns.Question
		answer   [4]dns.RR
	}{msg: dns.Msg{MsgHdr: reply.MsgHdr}}
	own.msg.Question = append(own.question[:0], reply.Question...)
	own.msg.Answer = own.answer[:0]
	for _, rr := range reply.Answer {
		own.msg.Answer = append(own.msg.Answer, dns.Copy(rr))
	}
	return &own.msg
}

func (s *suggester) enough() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked) >= maxSuggested
}

// further returns those of the questions that are to be asked: they were not suggested before, by
// the reply for another type perhaps, and are not too many.
func (s *suggester) further(suggested []dns.Question) (questions []dns.Question) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.asked)
	for _, q := range suggested {
		if q.Qclass == dns.ClassINET && len(s.asked) < maxSuggested && !slices.Contains(s.asked, q) {
			s.asked = append(s.asked, q)
		}
	}
	return s.asked[before:len(s.asked):len(s.asked)]
}

// lookUpAhead has the verdict on a question in the cache when it is done, and those on the
// questions that aliases lead to. Each of them has its own limit; after the time of one it asks no
// further.
func (r *Resolver) lookUpAhead(s *suggester, question dns.Question) {
	name, err := canonical.ParseName(question.Name)
	if err != nil || answerable(question.Qtype) != nil {
		return
	}
	now, began := r.now(), time.Now()
	anchors, err := r.anchorsAt(now)
	if err != nil {
		return
	}
	l := r.newLookup(now, anchors, s.budget)
	defer l.end()
	l.suggest, l.ahead, l.margin = s, true, prefetchFrom(s.ctx)
	for range maxAliases + 1 {
		v := l.Ask(s.ctx, validate.Question{Name: name, Type: question.Qtype})
		if v.Failed() || v.Shape != validate.Aliased || time.Since(began) >= validate.QuestionTime {
			return
		}
		name = v.Target()
	}
}
