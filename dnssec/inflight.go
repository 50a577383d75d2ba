package dnssec

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

// A flight is one question on its way from the network to a verdict, shared by all who
// ask it meanwhile. It has a time limit and a budget of its own, whoever began it, and
// is cancelled when nobody waits for it any more.
//
// A flight waits only for flights nearer the anchor (question.compare), and finds out
// everything else by itself. So no two can wait for each other.
//
// Who has waited for a flight holds it until its own lookup ends, and so do flights. What has
// landed is handed to the others of the same lookups that need it: records with a TTL of zero
// serve the transaction in progress (RFC 1035 §3.2.1), and no cache has them.
type flight struct {
	flightKey
	cancel  context.CancelFunc
	waiters int // and holders; guarded by flights.mu

	replied chan struct{} // closed when reply is set, or is not going to be
	reply   *dns.Msg      // the first one, without what no hook gets; not validated

	landed    chan struct{} // closed when the fields below are set
	verdict   *validate.Verdict
	at        time.Time     // when it landed, by the clock of the lookup that began it
	late      bool          // it has reached its limit
	spent     validate.Work // without what the flights below spent
	exchanges []Exchange
	on        []*flight // all that it waited for
	held      []*flight // those of them that it holds
}

type flightKey struct {
	validate.Question
	generation int   // of the cache
	hour       int64 // of its clock: those whose clock differs judge for themselves
}

// The flights of a Resolver. The zero flights are none.
type flights struct {
	mu     sync.Mutex
	flying map[flightKey]*flight
}

// mayAwait reports whether a flight for the question may be waited for.
func (l *lookup) mayAwait(q validate.Question) bool {
	return !l.fresh && (l.flight == nil || q.Compare(l.flight.Question) < 0)
}

// fare is what a lookup pays in advance for a flight: it will cost a query at least.
var fare = validate.Work{Queries: 1}

// board makes the lookup one that waits for the flight of a question, and pays the fare;
// leave undoes the first. If there is no flight, it begins, unless the verdict is known.
func (l *lookup) board(ctx context.Context, q validate.Question, ahead bool) (*flight, *validate.Verdict) {
	allowance := validate.NewBudget(1)
	if ahead {
		allowance = validate.NewSpeculativeBudget() // there may be many, and they are paid when they have landed
	}
	if err := l.budget.Pay(fare); err != nil {
		return nil, validate.OverBudget(q, err)
	}
	key := flightKey{q, l.trusted.Generation, l.now.Unix() / int64(time.Hour/time.Second)}
	all := &l.resolver.flights
	all.mu.Lock()
	defer all.mu.Unlock()
	f := all.flying[key]
	if f == nil || !f.serves(l.now) {
		// A flight leaves its verdict in the cache before it goes.
		if v := l.resolver.cache.get(q, l.now, l.trusted.Generation); v != nil {
			l.budget.Refund(fare)
			return nil, v
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), validate.QuestionTime)
		f = &flight{flightKey: key, cancel: cancel, replied: make(chan struct{}), landed: make(chan struct{})}
		if all.flying == nil {
			all.flying = make(map[flightKey]*flight)
		}
		all.flying[key] = f
		own := l.resolver.newLookup(l.now, l.trusted, allowance)
		own.flight, own.known, own.aheadOfNeed = f, findings{{q, unfinished}}, ahead
		go f.fly(ctx, own)
	}
	f.waiters++
	return f, nil
}

// fly finds the verdict. The lookup is the flight's own.
func (f *flight) fly(ctx context.Context, l *lookup) {
	defer close(f.landed)
	defer f.cancel()
	began := time.Now()
	f.verdict = l.find(ctx, f.Question)
	f.late = errors.Is(ctx.Err(), context.DeadlineExceeded)
	l.leaveAhead()
	f.answered(nil)
	f.at = l.now.Add(time.Since(began))
	f.spent, f.exchanges, f.on, f.held = l.budget.Spent(), l.exchanges, l.shared, l.held
	slices.SortStableFunc(f.on, inOrderOfNeed)
	if f.verdict.Status == validate.Indeterminate {
		l.resolver.flights.remove(f) // others may have more time or luck
	}
}

// serves reports whether the flight can be waited for by a lookup that began at some time:
// while it flies, or if it landed later, or what it found has not expired. It is called with
// flights.mu held.
func (f *flight) serves(now time.Time) bool {
	select {
	case <-f.landed:
	default:
		return true
	}
	return f.at.Sub(now) <= validate.QuestionTime && (!now.After(f.at) || now.Before(f.verdict.Expires))
}

// inOrderOfNeed sorts flights as one lookup would need them that had nothing ahead: DS
// records up to the anchor, then keys down from it. Evidence is in this order.
func inOrderOfNeed(a, b *flight) int {
	switch aKeys, bKeys := a.Type == dns.TypeDNSKEY, b.Type == dns.TypeDNSKEY; {
	case aKeys && bKeys:
		return a.Compare(b.Question)
	case aKeys:
		return 1
	case bKeys:
		return -1
	}
	return b.Compare(a.Question)
}

// answered hands the first reply to those who want to see it; nil means that there is
// none.
func (f *flight) answered(msg *dns.Msg) {
	select {
	case <-f.replied:
	default:
		if msg != nil {
			f.reply = &dns.Msg{MsgHdr: msg.MsgHdr, Question: msg.Question, Answer: msg.Answer}
		}
		close(f.replied)
	}
}

func (all *flights) remove(f *flight) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.flying[f.flightKey] == f {
		delete(all.flying, f.flightKey)
	}
}

// leave waits no longer for a flight, nor holds it. The last one who does ends it, and leaves
// what it held.
func (l *lookup) leave(f *flight) {
	all := &l.resolver.flights
	all.mu.Lock()
	f.waiters--
	last := f.waiters == 0
	if last && all.flying[f.flightKey] == f {
		delete(all.flying, f.flightKey) // whoever comes now begins another one
	}
	all.mu.Unlock()
	if last {
		f.cancel()
		<-f.landed
		for _, held := range f.held {
			l.leave(held)
		}
	}
}

// share gives the verdict of the flight for a question. One that was on its way for long
// may reach its limit soon after, which says nothing to who came late.
func (l *lookup) share(ctx context.Context, q validate.Question) *validate.Verdict {
	boarded := time.Now()
	v, late := l.shareOnce(ctx, q)
	if late && time.Since(boarded) < validate.QuestionTime/2 {
		v, _ = l.shareOnce(ctx, q)
	}
	return v
}

// shareOnce also reports whether the flight has reached its limit.
func (l *lookup) shareOnce(ctx context.Context, q validate.Question) (v *validate.Verdict, late bool) {
	f := l.ahead.take(q)
	if f == nil {
		if f, v = l.board(ctx, q, l.aheadOfNeed); v != nil {
			return v, false
		}
	}
	if l.next != nil {
		select {
		case <-f.replied:
			l.lookupAhead(f.reply)
		case <-ctx.Done():
		}
	}
	select {
	case <-f.landed:
		v = f.verdict
	case <-ctx.Done():
		v = unanswered(q, ctx.Err())
	}
	if v.Status == validate.Indeterminate {
		l.leave(f)
	} else {
		l.held = append(l.held, f)
	}
	select {
	case <-f.landed: // by itself, or because nobody else waits for it
		if err := l.charge(f); err != nil {
			return validate.OverBudget(q, err), false
		}
		late = f.late && ctx.Err() == nil
	default:
	}
	return v, late
}

// charge pays for what the flight and those below it spent, each once.
func (l *lookup) charge(f *flight) error {
	l.budget.Refund(fare)
	if err := l.chargeOnce(f); err != nil {
		return err
	}
	for _, below := range f.on {
		if err := l.chargeOnce(below); err != nil {
			return err
		}
	}
	return nil
}

func (l *lookup) chargeOnce(f *flight) error {
	if slices.Contains(l.shared, f) {
		return nil
	}
	if err := l.budget.Pay(f.spent); err != nil {
		l.budget.Exhaust() // what cannot be paid was done all the same
		return err
	}
	l.shared = append(l.shared, f)
	return nil
}

// allExchanges returns those of the lookup and of the flights it waited for.
func (l *lookup) allExchanges() []Exchange {
	if len(l.exchanges) == 0 && len(l.shared) == 1 {
		return slices.Clip(l.shared[0].exchanges) // nobody changes them
	}
	count := len(l.exchanges)
	for _, f := range l.shared {
		count += len(f.exchanges)
	}
	all := append(make([]Exchange, 0, count), l.exchanges...)
	for _, f := range l.shared {
		all = append(all, f.exchanges...)
	}
	return all
}
