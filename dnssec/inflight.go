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

// An inflight is one question on its way from the network to a verdict, shared by all who
// ask it meanwhile. It has a time limit and a budget of its own, whoever began it, and
// is cancelled when nobody waits for it any more.
//
// It waits only for questions nearer the anchor (validate.Question.Compare), and finds out
// everything else by itself. So no two can wait for each other.
//
// Lookups join it, wait for it (await), and leave it. Who has waited for it holds it until its
// own lookup ends. What is done is handed to the others of the same lookups that need it:
// records with a TTL of zero serve the transaction in progress (RFC 1035 §3.2.1), and no cache
// has them.
type inflight struct {
	inflightKey
	ctx     inflightContext
	waiters int // and holders; guarded by inflights.mu

	// What came first; guarded by inflights.mu until replied is set.
	replied    bool         // reply is set, or is not going to be
	reply      *dns.Msg     // not validated
	suggesters []*suggester // who are to be told of it

	done      chan struct{} // closed when the fields below are set
	verdict   *validate.Verdict
	at        time.Time     // when it was done, by the clock of the lookup that began it
	late      bool          // it has reached its limit
	spent     validate.Work // without what those it waited for spent
	exchanges []Exchange
	awaited   []*inflight // all that it waited for
	held      []*inflight // those of them that it holds

	own *lookup // that finds the verdict; nil when it is done

	room struct { // for what grows, as long as there is enough of it
		suggesters    [1]*suggester
		exchanges     [1]Exchange
		awaited, held [usualFindings]*inflight
	}
}

type inflightKey struct {
	validate.Question
	generation int   // of the cache
	hour       int64 // of its clock: those whose clock differs judge for themselves
}

// inflights are all questions of a Resolver that are in flight, or done and held. The zero value
// is empty.
type inflights struct {
	mu    sync.Mutex
	byKey map[inflightKey]*inflight
}

// mayAwait reports whether the question may be waited for while it is in flight.
func (l *lookup) mayAwait(q validate.Question) bool {
	return !l.fresh && (l.inflight == nil || q.Compare(l.inflight.Question) < 0)
}

// advance is what a lookup pays before it waits: a query at least will be sent.
var advance = validate.Work{Queries: 1}

// join makes the lookup one of those that wait for a question, until it leaves, and pays the
// advance. If the question is not in flight it is sent, unless the verdict is known.
func (l *lookup) join(ctx context.Context, q validate.Question, speculative bool) (*inflight, *validate.Verdict) {
	if err := l.judge.Budget.Pay(advance); err != nil {
		return nil, validate.OverBudget(q, err)
	}
	key := inflightKey{q, l.judge.Anchors.Generation, l.judge.Now.Unix() / int64(time.Hour/time.Second)}
	all := &l.resolver.inflights
	all.mu.Lock()
	if f := all.byKey[key]; f != nil && f.serves(l.judge.Now, l.margin) {
		f.waiters++
		replied := f.replied
		if l.suggest != nil && !replied {
			f.suggesters = append(f.suggesters, l.suggest)
		}
		all.mu.Unlock()
		if l.suggest != nil && replied {
			l.suggest.lookUp(l.resolver, f.reply)
		}
		return f, nil
	}
	// The verdict is in the cache before it is no longer in flight.
	if v := l.cached(q); v != nil {
		all.mu.Unlock()
		l.judge.Budget.Refund(advance)
		return nil, v
	}
	f := l.newInflight(ctx, key, speculative)
	if all.byKey == nil {
		all.byKey = make(map[inflightKey]*inflight)
	}
	all.byKey[key] = f
	all.mu.Unlock()
	if l.ahead {
		f.runFor(ctx)
	} else {
		go f.run()
	}
	return f, nil
}

// newInflight returns a question in flight that the lookup waits for.
func (l *lookup) newInflight(ctx context.Context, key inflightKey, speculative bool) *inflight {
	f := &inflight{inflightKey: key, waiters: 1, done: make(chan struct{})}
	f.ctx.begin(ctx, validate.QuestionTime)
	if l.suggest != nil {
		f.suggesters = append(f.room.suggesters[:0], l.suggest)
	}
	own := l.resolver.newLookup(l.judge.Now, l.judge.Anchors, nil)
	own.budget = validate.OneLookup()
	if speculative {
		own.budget = validate.SpeculativeLookup() // there may be many, and they are paid when they are done
	}
	own.judge.Budget = &own.budget
	own.inflight, own.speculative, own.margin, own.exchanges = f, speculative, l.margin, f.room.exchanges[:0]
	own.known.set(key.Question, inProgress)
	f.own = own
	return f
}

// runFor finds the verdict in the goroutine of the lookup that began it, which has nothing else to
// do, and saves a goroutine, whose stack would have to grow. The lookup waits no longer than ctx
// all the same: then the question is in flight for others alone, if there are any.
func (f *inflight) runFor(ctx context.Context) {
	all := &f.own.resolver.inflights
	stop := context.AfterFunc(ctx, func() { all.leave(f) })
	f.run()
	if !stop() { // who is going to leave once more
		all.mu.Lock()
		f.waiters++
		all.mu.Unlock()
	}
}

// run finds the verdict.
func (f *inflight) run() {
	defer close(f.done)
	defer f.ctx.cancel()
	began, l := time.Now(), f.own
	f.verdict = l.resolve(&f.ctx, f.Question)
	f.late = errors.Is(f.ctx.Err(), context.DeadlineExceeded)
	l.leavePrefetched()
	f.answered(nil)
	f.at = l.judge.Now.Add(time.Since(began))
	f.spent, f.exchanges = l.judge.Budget.Spent(), l.exchanges
	f.awaited, f.held = append(f.room.awaited[:0], l.awaited...), append(f.room.held[:0], l.held...)
	slices.SortStableFunc(f.awaited, inOrderOfNeed)
	if f.verdict.Status == validate.Indeterminate {
		l.resolver.inflights.remove(f) // others may have more time or luck
	}
	f.own = nil
	l.giveBack()
}

// serves reports whether a lookup that began at some time can wait for it: until it is done, or
// if it was done later, or if what it found does not expire within the lookup's margin. It is
// called with inflights.mu held.
func (f *inflight) serves(now time.Time, margin time.Duration) bool {
	select {
	case <-f.done:
	default:
		return true
	}
	return f.at.Sub(now) <= validate.QuestionTime && (!now.After(f.at) || now.Add(margin).Before(f.verdict.Expires))
}

// inOrderOfNeed sorts them as one lookup would need them that prefetched nothing: DS records up
// to the anchor, then keys down from it. Evidence is in this order.
func inOrderOfNeed(a, b *inflight) int {
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

// answered hands the first reply to those who want to see it; nil means that there will be no
// reply.
func (f *inflight) answered(msg *dns.Msg) {
	if f.replied { // which only this goroutine changes
		return
	}
	r := f.own.resolver
	r.inflights.mu.Lock()
	f.reply, f.replied = msg, true
	r.inflights.mu.Unlock()
	for _, s := range f.suggesters {
		s.lookUp(r, f.reply)
	}
	f.suggesters = nil
}

// remove makes whoever asks next ask anew.
func (all *inflights) remove(f *inflight) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.byKey[f.inflightKey] == f {
		delete(all.byKey, f.inflightKey)
	}
}

// leave waits no longer for a question in flight, nor holds it. The last one who leaves ends it,
// and with it all that it held.
func (all *inflights) leave(f *inflight) {
	all.mu.Lock()
	f.waiters--
	last := f.waiters == 0
	if last && all.byKey[f.inflightKey] == f {
		delete(all.byKey, f.inflightKey) // whoever comes now begins another one
	}
	all.mu.Unlock()
	if !last {
		return
	}
	f.ctx.cancel()
	<-f.done
	all.mu.Lock()
	held := f.held
	f.held = nil // who ran it for itself may leave twice
	all.mu.Unlock()
	for _, other := range held {
		all.leave(other)
	}
}

// await gives the verdict on a question that is in flight, or will be. One that was on its way for
// long may reach its limit soon after, which says nothing to who came late.
func (l *lookup) await(ctx context.Context, q validate.Question) *validate.Verdict {
	joined := time.Now()
	v, late := l.awaitOnce(ctx, q)
	if late && time.Since(joined) < validate.QuestionTime/2 {
		v, _ = l.awaitOnce(ctx, q)
	}
	return v
}

// awaitOnce also reports whether the question in flight has reached its limit.
func (l *lookup) awaitOnce(ctx context.Context, q validate.Question) (v *validate.Verdict, late bool) {
	f := l.prefetched.take(q)
	if f == nil {
		if f, v = l.join(ctx, q, l.speculative); v != nil {
			return v, false
		}
	}
	select {
	case <-f.done:
		v = f.verdict
	case <-ctx.Done():
		v = unanswered(q, ctx.Err())
	}
	if v.Status == validate.Indeterminate {
		l.resolver.inflights.leave(f)
	} else {
		l.hold(f)
	}
	select {
	case <-f.done: // by itself, or because nobody else waits for it
		if err := l.charge(f); err != nil {
			return validate.OverBudget(q, err), false
		}
		late = f.late && ctx.Err() == nil
	default:
	}
	return v, late
}

// hold keeps what is done for others who need it, until the lookup ends.
func (l *lookup) hold(f *inflight) { l.held = append(l.held, f) }

// charge pays for what it and those that it waited for spent, each once.
func (l *lookup) charge(f *inflight) error {
	l.judge.Budget.Refund(advance)
	if err := l.chargeOnce(f); err != nil {
		return err
	}
	for _, below := range f.awaited {
		if err := l.chargeOnce(below); err != nil {
			return err
		}
	}
	return nil
}

// chargeOnce pays for one, unless it was paid.
func (l *lookup) chargeOnce(f *inflight) error {
	if slices.Contains(l.awaited, f) {
		return nil
	}
	if err := l.judge.Budget.Pay(f.spent); err != nil {
		l.judge.Budget.Exhaust() // what cannot be paid was done all the same
		return err
	}
	l.awaited = append(l.awaited, f)
	return nil
}

// allExchanges returns those of the lookup and of all that it waited for: copies, by which an answer
// that is kept keeps no question in flight.
func (l *lookup) allExchanges() []Exchange {
	count := len(l.exchanges)
	for _, f := range l.awaited {
		count += len(f.exchanges)
	}
	if count == 0 {
		return nil
	}
	all := append(make([]Exchange, 0, count), l.exchanges...)
	for _, f := range l.awaited {
		all = append(all, f.exchanges...)
	}
	return all
}
