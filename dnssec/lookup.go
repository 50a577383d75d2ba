package dnssec

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A lookup is one call of [Resolver.Lookup], or one question in flight: it sees one instant, one
// set of anchors, and one budget. It is used by one goroutine.
//
// A question takes this way, and this file follows it from top to bottom. answer asks for the
// name, and for each name that an alias leads to. Ask takes the verdict from the first that
// knows it: the lookup itself, the cache (cache.go), and the NSEC cache, which denies names
// without asking (validate.NSECCache). What nobody knows is in flight or will be: all who ask it
// meanwhile wait for one verdict (inflight.go). resolve finds that verdict: exchange sends the
// query, judgeReply has the reply judged (package validate), and while it is judged, the keys
// and DS records that it rests on are on their way already (prefetch.go). To the judge, Ask is
// the door to the network (validate.Source): for each of them the way begins anew. A reply that does
// not validate is asked for at other servers (others.go), since one wrong server must not break a zone, and
// an alias that came without its DNAME record is proven by that (dname.go).
type lookup struct {
	resolver  *Resolver
	judge     validate.Validator // with the instant, the anchors and the budget
	known     findings           // what this lookup found, failures included
	room      room
	exchanges []Exchange // for what it asked by itself

	inflight    *inflight   // that it is made for; nil if it is a caller's
	awaited     []*inflight // that it waited for and paid
	held        []*inflight // those of them that others may need, too
	prefetched  prefetched  // that it may have to wait for
	speculative bool        // it was begun before it is known to be needed
	suggest     *suggester  // of WithAhead, if the caller has one
	ahead       bool        // nobody waits for it: it is what a suggester suggested

	margin time.Duration // of WithPrefetch: how long what the cache has must hold

	fresh bool     // the cache is not read: other servers are asked for the keys, too
	avoid []string // servers whose answers did not validate

	budget validate.Budget // of its own, if it is made for a question in flight
}

// usualFindings is how many questions most lookups have: their own, and keys and DS records.
const usualFindings = 4

// A room is where a lookup has what grows, as long as there is enough of it.
type room struct {
	known                     [usualFindings]finding
	awaited, held, prefetched [usualFindings]*inflight
}

// lookupWith is one lookup by a set of anchors.
func (r *Resolver) lookupWith(ctx context.Context, q validate.Question, now time.Time, anchors *validate.Anchors, budget *validate.Budget) (*Answer, error) {
	l := r.newLookup(now, anchors, budget)
	defer l.end()
	l.suggest, l.margin = suggesterFrom(ctx), prefetchFrom(ctx)
	return l.answer(ctx, q.Name, q.Type)
}

// lookups have room for those to come. They are empty.
var lookups = sync.Pool{New: func() any { return new(lookup) }}

// newLookup returns a lookup, with the validator that judges for it, that may have been in use
// before: who has it gives it back.
func (r *Resolver) newLookup(now time.Time, anchors *validate.Anchors, budget *validate.Budget) *lookup {
	l := lookups.Get().(*lookup)
	l.resolver, l.known, l.awaited, l.held = r, l.room.known[:0], l.room.awaited[:0], l.room.held[:0]
	l.prefetched = l.room.prefetched[:0]
	l.judge = validate.Validator{
		Now: now, Skew: r.clockSkew(), Anchors: anchors, Negative: r.negative,
		Algorithms: rrsig.Algorithms(r.Algorithms), MaxIterations: r.MaxIterations,
		Budget: budget, Signatures: &r.signatures, Verifying: &r.verifying, Source: l,
	}
	if !r.NoAggressiveUse {
		l.judge.Denials = &r.denials
	}
	if r.tracker != nil {
		l.judge.Observe = func(ctx context.Context, set *validate.RRset) { r.observe(ctx, now, set) }
	}
	return l
}

// giveBack makes the lookup one that others can use. It leads to nothing any more, and nothing to it.
func (l *lookup) giveBack() {
	*l = lookup{}
	lookups.Put(l)
}

// maxAliases bounds the aliases followed; unbound allows 11 and BIND 16.
const maxAliases = 12

var errAliases = errors.New("aliases go in a circle, or on for too long")

// answer follows the aliases from a name and gives the weakest status.
func (l *lookup) answer(ctx context.Context, name canonical.Name, qtype uint16) (*Answer, error) {
	asked := name.String()
	own := &packed[noRecord]{Answer: Answer{Name: asked, Type: qtype, RCode: dns.RcodeServerFailure, Status: Secure}}
	answer := &own.Answer // with room for what it rests on, and for the usual records
	answer.findings = own.findings[:0]
	defer func() { answer.exchanges = l.allExchanges() }()
	for {
		q := validate.Question{Name: name, Type: qtype}
		v := l.Ask(ctx, q)
		answer.findings = append(answer.findings, finding{q, v})
		status, reason := statusOf(v.Status), reasonOf(v.Reason)
		if status < answer.Status {
			answer.Status, answer.Reason = status, reason
		}
		if v.Failed() {
			return answer, &Error{Name: asked, Type: qtype, Status: status, Reason: reason, Server: v.Server, Err: v.Err()}
		}
		answer.expireBy(v.Expires)
		switch v.Shape {
		case validate.Data:
			answer.RCode = dns.RcodeSuccess
			answer.Records = appendCopies(own.records[:0], v.Records, secondsLeft(v.Expires, l.judge.Now))
			return answer, nil
		case validate.NoData:
			answer.RCode = dns.RcodeSuccess
			return answer, nil
		case validate.NameError:
			answer.RCode = dns.RcodeNameError
			return answer, nil
		}
		answer.Aliases = append(answer.Aliases, Alias{
			Name: name.String(), Target: v.Target().String(), Type: v.Records[0].Header().Rrtype, Status: status,
		})
		name = v.Target()
		answer.Name = name.String()
		seen := slices.ContainsFunc(answer.Aliases, func(a Alias) bool { return a.Name == answer.Name })
		if seen || len(answer.Aliases) > maxAliases {
			answer.Status = Indeterminate
			answer.Reason = Reason{Name: answer.Name, Type: qtype, Text: errAliases.Error()}
			return answer, &Error{Name: asked, Type: qtype, Reason: answer.Reason, Server: v.Server, Err: errAliases}
		}
	}
}

// inProgress is the verdict on a question until there is one.
var inProgress = new(validate.Verdict)

// Ask gives the verdict on one question: from what is known, or from the network.
func (l *lookup) Ask(ctx context.Context, q validate.Question) *validate.Verdict {
	switch v := l.known.get(q); v {
	case nil:
	case inProgress:
		return l.judge.Circle(q)
	default:
		return v
	}
	l.known.set(q, inProgress)
	var v *validate.Verdict
	if !l.fresh && !l.prefetched.has(q) {
		v = l.cached(q)
	}
	if v == nil && !l.fresh {
		if v = l.judge.Deny(q); v != nil && !l.lasts(v) {
			v = nil
		}
	}
	switch {
	case v != nil:
	case l.mayAwait(q):
		v = l.await(ctx, q)
	default:
		v = l.resolve(ctx, q)
	}
	l.known.set(q, v)
	return v
}

func (l *lookup) cached(q validate.Question) *validate.Verdict {
	v := l.resolver.cache.get(q, l.judge.Now, l.judge.Anchors.Generation)
	if v != nil && !l.lasts(v) {
		return nil
	}
	return v
}

// Recall returns what is known of a question without asking, and nil if nothing is. If the
// question is prefetched, it waits for that, but no longer than for another prefetched one
// beside it.
func (l *lookup) Recall(ctx context.Context, q, beside validate.Question) *validate.Verdict {
	if q != beside {
		l.prefetched.await(ctx, q, beside)
	}
	switch v := l.known.get(q); {
	case v == inProgress:
		return nil
	case v != nil:
		return v
	case l.fresh:
		return nil
	}
	return l.cached(q)
}

// resolve gives the verdict on one question from the network, and caches it.
func (l *lookup) resolve(ctx context.Context, q validate.Question) *validate.Verdict {
	query := l.query(q, l.avoid)
	name := query.Msg.Question[0].Name
	reply, err := l.exchange(ctx, query)
	v := l.judgeReply(ctx, q, reply, err)
	final := !l.fresh || !v.Failed() // another server may be the worse one
	if v.Status == validate.Bogus && !l.fresh {
		v, final = l.askOthers(ctx, q, v, reply)
		if v.Status == validate.Bogus && final {
			if made := l.askDNAME(ctx, q, reply.Msg, reply.Server); made != nil {
				v = made
			}
		}
	}
	if v.Status != validate.Indeterminate && final && l.replaces(q, v) {
		l.resolver.cache.put(q, name, v, l.judge.Anchors.Generation)
		if !l.resolver.NoAggressiveUse {
			l.resolver.denials.Add(v, l.judge.Anchors.Generation)
		}
	}
	return v
}

// query is the message for a question.
func (l *lookup) query(q validate.Question, avoid []string) *upstream.Query {
	zone, anchored := l.judge.Anchors.Enclosing(q.Name)
	if !anchored {
		return newQuery(q, "", avoid)
	}
	return newQuery(q, zone.String(), avoid)
}

// exchange sends a query, and keeps what came of it.
func (l *lookup) exchange(ctx context.Context, query *upstream.Query) (*upstream.Reply, error) {
	if err := l.judge.Budget.SpendQuery(); err != nil {
		return nil, err
	}
	start := time.Now()
	asked := query.Msg.Question[0]
	reply, err := exchange(ctx, l.resolver.upstream, query)
	elapsed := time.Since(start)
	if err == nil {
		l.resolver.replied.note(start.Add(elapsed))
	}
	if !errors.Is(err, upstream.ErrExhausted) {
		l.exchanges = append(l.exchanges, exchangeOf(asked.Name, asked.Qtype, reply, err, elapsed))
	}
	return reply, err
}

// judgeReply is the verdict by what came of a query.
func (l *lookup) judgeReply(ctx context.Context, q validate.Question, reply *upstream.Reply, err error) *validate.Verdict {
	if err != nil {
		return unanswered(q, err)
	}
	if err := l.judge.Budget.SpendReply(reply.Msg); err != nil {
		return validate.OverBudget(q, err)
	}
	if !validate.Refuses(reply.Msg) {
		l.prefetch(ctx, q, reply.Msg)
	}
	if l.inflight != nil && l.inflight.Question == q {
		l.inflight.answered(reply.Msg)
	}
	return l.judge.Judge(ctx, q, reply.Msg, reply.Server)
}
