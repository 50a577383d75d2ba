package dnssec

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A lookup is one call of Resolver.Lookup: it sees one instant, one set of
// anchors, and one budget. It is used by one goroutine.
type lookup struct {
	resolver  *Resolver
	judge     validate.Validator
	now       time.Time
	trusted   *validate.Anchors
	budget    *validate.Budget
	known     findings   // what this lookup found, failures included
	exchanges []Exchange // for what it asked by itself

	flight      *flight   // that it is made for; nil for a caller's lookup
	shared      []*flight // that it waited for and paid
	held        []*flight // those of them that others may need, too
	ahead       prefetch
	aheadOfNeed bool   // the flight was begun for a prefetch
	next        *ahead // of WithAhead; nil for none

	fresh bool     // the cache is not read: for a second opinion on the keys
	avoid []string // servers that gave the first opinion
}

// maxAliases bounds the aliases followed; unbound allows 11 and BIND 16.
const maxAliases = 12

var errAliases = errors.New("aliases go in a circle, or on for too long")

// answer follows the aliases from a name and gives the weakest status.
func (l *lookup) answer(ctx context.Context, name canonical.Name, qtype uint16) (*Answer, error) {
	first := validate.Question{Name: name, Type: qtype}
	answer := &Answer{Name: name.String(), Type: qtype, RCode: dns.RcodeServerFailure, Status: Secure}
	defer func() { answer.exchanges = l.allExchanges() }()
	for {
		v := l.ask(ctx, validate.Question{Name: name, Type: qtype})
		answer.findings = append(answer.findings, finding{validate.Question{Name: name, Type: qtype}, v})
		status, reason := statusOf(v.Status), reasonOf(v.Reason)
		if status < answer.Status {
			answer.Status, answer.Reason = status, reason
		}
		if v.Failed() {
			return answer, &Error{Name: first.Name.String(), Type: qtype, Status: status, Reason: reason, Server: v.Server, Err: v.Err}
		}
		answer.expireBy(v.Expires)
		switch v.Shape {
		case validate.Data:
			answer.RCode = dns.RcodeSuccess
			answer.Records = copies(v.Records, secondsLeft(v.Expires, l.now))
			return answer, nil
		case validate.NoData:
			answer.RCode = dns.RcodeSuccess
			return answer, nil
		case validate.NameError:
			answer.RCode = dns.RcodeNameError
			return answer, nil
		}
		answer.Aliases = append(answer.Aliases, Alias{
			Name: name.String(), Target: v.Target.String(), Type: v.Records[0].Header().Rrtype, Status: status,
		})
		name = v.Target
		answer.Name = name.String()
		seen := slices.ContainsFunc(answer.Aliases, func(a Alias) bool { return a.Name == answer.Name })
		if seen || len(answer.Aliases) > maxAliases {
			answer.Status = Indeterminate
			answer.Reason = Reason{Name: answer.Name, Type: qtype, Text: errAliases.Error()}
			return answer, &Error{Name: first.Name.String(), Type: qtype, Reason: answer.Reason, Server: v.Server, Err: errAliases}
		}
	}
}

// ask gives the verdict on one question, from the cache or from the network. A
// reply that does not validate is asked for at other servers too, and as others ask for it,
// since one wrong server must not break a zone.
func (l *lookup) ask(ctx context.Context, q validate.Question) *validate.Verdict {
	switch v := l.known.on(q); v {
	case nil:
	case unfinished:
		return l.judge.Bogus(q.Reason(validate.CodeBogus, "the chain of trust goes in a circle: to prove these records, they would have to be proven already"))
	default:
		return v
	}
	l.known.set(q, unfinished)
	var v *validate.Verdict
	if !l.fresh && !l.ahead.has(q) {
		v = l.resolver.cache.get(q, l.now, l.trusted.Generation)
	}
	if v == nil && !l.fresh {
		v = l.judge.Deny(q)
	}
	switch {
	case v != nil:
	case l.mayAwait(q):
		v = l.share(ctx, q)
	default:
		v = l.find(ctx, q)
	}
	l.known.set(q, v)
	return v
}

// recall returns what is known of a question without asking, nil for nothing. If its flight
// began ahead of need, it waits for that, but no longer than for the flight of another.
func (l *lookup) recall(ctx context.Context, q, beside validate.Question) *validate.Verdict {
	if q != beside {
		l.ahead.await(ctx, q, l.ahead.find(beside))
	}
	switch v := l.known.on(q); {
	case v == unfinished:
		return nil
	case v != nil:
		return v
	case l.fresh:
		return nil
	}
	return l.resolver.cache.get(q, l.now, l.trusted.Generation)
}

// unfinished is the verdict on a question until there is one. Whatever rests on it fails: a
// zone whose replies lead back to the question proves nothing.
var unfinished = new(validate.Verdict)

// find gives the verdict on one question from the network, and caches it.
func (l *lookup) find(ctx context.Context, q validate.Question) *validate.Verdict {
	reply, err := l.exchange(ctx, l.query(q, l.avoid))
	v := l.opinion(ctx, q, reply, err)
	final := !l.fresh || !v.Failed() // a second server may be the worse one
	if v.Status == validate.Bogus && !l.fresh {
		v, final = l.secondOpinion(ctx, q, v, reply)
	}
	if v.Status != validate.Indeterminate && final {
		l.resolver.cache.put(q, v, l.trusted.Generation)
		if !l.resolver.NoAggressiveUse {
			l.resolver.denials.Add(v, l.trusted.Generation)
		}
	}
	return v
}

// askNetwork sends the question and judges the reply.
func (l *lookup) askNetwork(ctx context.Context, q validate.Question, avoid []string) *validate.Verdict {
	reply, err := l.exchange(ctx, l.query(q, avoid))
	return l.opinion(ctx, q, reply, err)
}

// exchange sends a query, and keeps what came of it.
func (l *lookup) exchange(ctx context.Context, query *upstream.Query) (*upstream.Reply, error) {
	if err := l.budget.SpendQuery(); err != nil {
		return nil, err
	}
	start := time.Now()
	asked := query.Msg.Question[0]
	reply, err := exchange(ctx, l.resolver.upstream, query)
	if !errors.Is(err, upstream.ErrExhausted) {
		l.exchanges = append(l.exchanges, exchangeOf(asked.Name, asked.Qtype, reply, err, time.Since(start)))
	}
	return reply, err
}

// opinion is the verdict by what came of a query.
func (l *lookup) opinion(ctx context.Context, q validate.Question, reply *upstream.Reply, err error) *validate.Verdict {
	if err != nil {
		return unanswered(q, err)
	}
	if err := l.budget.SpendReply(reply.Msg); err != nil {
		return validate.OverBudget(q, err)
	}
	if !validate.Refuses(reply.Msg) {
		l.prefetch(ctx, q, reply.Msg)
	}
	if l.flight != nil && l.flight.Question == q {
		l.flight.answered(reply.Msg)
	}
	return l.judge.Judge(ctx, q, reply.Msg, reply.Server)
}

// A finding is a question and the verdict on it.
type finding struct {
	question validate.Question
	verdict  *validate.Verdict
}

// findings has one for each question. They are few.
type findings []finding

// on returns the verdict on a question; nil if there is none.
func (all findings) on(q validate.Question) *validate.Verdict {
	for _, f := range all {
		if f.question == q {
			return f.verdict
		}
	}
	return nil
}

func (all *findings) set(q validate.Question, v *validate.Verdict) {
	for i, f := range *all {
		if f.question == q {
			(*all)[i].verdict = v
			return
		}
	}
	*all = append(*all, finding{q, v})
}
