package dnssec

import (
	"context"
	"errors"
	"slices"

	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// maxOtherServers is how many further servers are asked when an answer does
// not validate, before it is believed to be the zone's fault.
const maxOtherServers = 2

// askOthers asks other servers when an answer did not validate, first for the answer alone, then
// for the keys that it rests on, too: either may be what was wrong. If no server has a better
// one, it asks for what a server has checked. final is false if the caller ran out of time or
// budget meanwhile, which says nothing about the zone.
func (l *lookup) askOthers(ctx context.Context, q validate.Question, first *validate.Verdict, reply *upstream.Reply) (best *validate.Verdict, final bool) {
	if first.Server == "" {
		return first, true
	}
	avoid := []string{first.Server}
	for range maxOtherServers {
		again := l.askNetwork(ctx, q, avoid)
		if again.Status == validate.Bogus && !slices.Contains(avoid, again.Server) {
			again = l.askFresh(ctx, q, avoid)
		}
		switch _, incapable := errors.AsType[*upstream.CapabilityError](again.Err()); {
		case incapable:
			return again, true // what looked broken was the server's doing
		case ranOut(ctx, again):
			return first, false
		case slices.Contains(avoid, again.Server):
			return first, true // whom to avoid means nothing there
		case again.Server == "":
			return l.askChecking(ctx, q, first, reply)
		case !again.Failed():
			return again, true
		}
		avoid = append(avoid, again.Server)
	}
	return l.askChecking(ctx, q, first, reply)
}

// ranOut reports whether a verdict is for want of the caller's time or budget.
func ranOut(ctx context.Context, v *validate.Verdict) bool {
	return v.Err() != nil && (ctx.Err() != nil || errors.Is(v.Err(), context.Canceled) || errors.Is(v.Err(), ErrBudget))
}

// askChecking asks once more, and leaves it to the server to check what it sends, if it is
// one that resolves for others: with CD it sends whatever it has (RFC 4035 §3.2.2), and that
// may be a denial that a signer made for another type (Unbound 1.17), or what has failed to
// validate there, too. Without CD it has to fetch that anew, or to say SERVFAIL. That it
// has checked a reply counts for nothing: the reply is judged as any other.
//
// Deviation: RFC 6840 §5.9 wants CD in every query of a validating resolver. It is clear in
// this one alone, instead of which there would be a failure.
func (l *lookup) askChecking(ctx context.Context, q validate.Question, first *validate.Verdict, reply *upstream.Reply) (best *validate.Verdict, final bool) {
	if !reply.Msg.RecursionAvailable {
		return first, true
	}
	query := l.query(q, nil)
	query.Msg.CheckingDisabled = false
	checked, err := l.exchange(ctx, query)
	if err == nil && validate.SameRecords(checked.Msg, reply.Msg) {
		return first, true
	}
	again := l.judgeReply(ctx, q, checked, err)
	switch {
	case ranOut(ctx, again):
		return first, false
	case again.Failed():
		return first, true
	}
	return again, true
}

// askNetwork sends the question and judges the reply.
func (l *lookup) askNetwork(ctx context.Context, q validate.Question, avoid []string) *validate.Verdict {
	reply, err := l.exchange(ctx, l.query(q, avoid))
	return l.judgeReply(ctx, q, reply, err)
}

// askFresh asks once more, and for the keys and DS records on the way, too, whatever
// is known of them. If that is of no use, what was known before counts again.
func (l *lookup) askFresh(ctx context.Context, q validate.Question, avoid []string) *validate.Verdict {
	known := l.known
	l.known = findings{{q, known.get(q)}}
	l.fresh, l.avoid = true, avoid
	v := l.askNetwork(ctx, q, avoid)
	l.fresh, l.avoid = false, nil
	if v.Failed() {
		l.known = known
		return v
	}
	for _, f := range known {
		if l.known.get(f.question) == nil {
			l.known.set(f.question, f.verdict)
		}
	}
	return v
}
