package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// A failover is one query on its way from server to server.
type failover struct {
	pool       *Pool
	query      *Query
	zone       string // at which capability is judged
	validating bool   // the query has the DO bit

	avoided   []*poolServer // are in Query.Avoid
	refusals  []refusal     // gave a reply that is no answer
	incapable []Capability  // were passed over for that
	errs      []error       // failed otherwise

	passedOver []error // all of these and why, in order
}

type refusal struct {
	server *poolServer
	reply  *Reply
}

// candidates returns the servers to ask, those that rest last, and notes the others.
func (r *failover) candidates() []*poolServer {
	var awake, resting []*poolServer
	now := r.pool.now()
	for _, s := range r.pool.servers {
		if slices.Contains(r.query.Avoid, s.name) {
			r.avoided = append(r.avoided, s)
			continue
		}
		if c := r.pool.cachedCapability(s, r.zone); r.validating && c.Incapable() {
			r.passOver(c)
			continue
		}
		if r.pool.backoffReason(s, now) != nil {
			resting = append(resting, s)
		} else {
			awake = append(awake, s)
		}
	}
	if r.pool.Equal {
		rand.Shuffle(len(awake), func(i, j int) { awake[i], awake[j] = awake[j], awake[i] })
	}
	return append(awake, resting...)
}

// passOver notes a server that is incapable.
func (r *failover) passOver(c Capability) {
	r.incapable = append(r.incapable, c)
	r.passedOver = append(r.passedOver, &CapabilityError{Servers: []Capability{c}})
}

// accept returns a reply for the caller, with what is wrong with the servers that
// were asked before, or would have been but for their rest.
func (r *failover) accept(reply *Reply, left []*poolServer) *Reply {
	for _, s := range left {
		if err := r.pool.backoffReason(s, r.pool.now()); err != nil {
			r.passedOver = append(r.passedOver, &Error{Server: s.name, Err: &backoffError{err}})
		}
	}
	reply.PassedOver = append(r.passedOver, reply.PassedOver...)
	return reply
}

// ask returns the reply of a server if it is one to rely on, or notes what is wrong
// and returns nil. The server is the first of so many that are left to be asked.
func (r *failover) ask(ctx context.Context, s *poolServer, left int) *Reply {
	limit := maxTry
	if _, recursive := s.exchanger.(*Recursor); recursive {
		limit = maxRecursion
	} else if left > 1 {
		limit = defaultTimeout // no time for TCP after UDP: others may be better
	}
	untested := r.validating && !r.pool.cachedCapability(s, r.zone).Capable()
	try := ctx
	if untested || left > 1 || !endsWithin(ctx, limit) {
		var cancel context.CancelFunc
		try, cancel = withShare(ctx, left, limit)
		defer cancel()
	}
	if untested {
		// A server that swallows queries with the DO bit shows it by the probe.
		probe := time.AfterFunc(probeDelay, func() { r.pool.capability(try, s, r.zone) })
		defer probe.Stop()
	}
	reply, err := exchange(try, s.exchanger, r.query)
	if err != nil {
		r.fail(ctx, s, err)
		return nil
	}
	r.pool.setBackoff(s, nil)
	switch {
	case isRefusal(reply.Msg):
		r.refusals = append(r.refusals, refusal{s, reply})
		r.passedOver = append(r.passedOver, newError(reply.Server, reply.Network, r.query, refusalError(reply.Msg)))
		return nil
	case r.query.Msg.RecursionDesired && isReferral(reply.Msg):
		r.note(newError(reply.Server, reply.Network, r.query, errLame))
		return nil
	case !r.validating || has(reply.Msg.Answer, dns.TypeRRSIG) || has(reply.Msg.Ns, dns.TypeRRSIG):
		return reply
	}
	c := r.pool.capability(try, s, r.zone)
	switch {
	case c.Capable():
		return reply // the zone is unsigned, as far as the server is concerned
	case c.Incapable():
		r.passOver(c)
	default:
		r.note(newError(reply.Server, reply.Network, r.query, &unknownCapabilityError{c.Err}))
	}
	return nil
}

func (r *failover) note(err error) {
	r.errs = append(r.errs, err)
	r.passedOver = append(r.passedOver, err)
}

// fail notes the error of a server.
func (r *failover) fail(ctx context.Context, s *poolServer, err error) {
	if incapable, ok := errors.AsType[*CapabilityError](err); ok {
		r.incapable = append(r.incapable, incapable.Servers...) // it is a Pool itself
		r.passedOver = append(r.passedOver, err)
		return
	}
	if errors.Is(err, ErrExhausted) {
		r.avoided = append(r.avoided, s)
		return
	}
	if c := r.pool.cachedCapability(s, r.zone); r.validating && c.Incapable() {
		r.passOver(c)
		return
	}
	switch {
	case isUnusableReply(err):
		r.pool.setBackoff(s, nil) // it answered; other names may fare better
	case ended(ctx) == nil:
		r.pool.setBackoff(s, err) // not where the caller was out of patience
	}
	if _, ok := errors.AsType[*Error](err); !ok {
		err = newError(s.name, "", r.query, err)
	}
	r.note(err)
}

// conclude decides what to say when no server had a reply to rely on; see
// Pool.Exchange.
func (r *failover) conclude(ctx context.Context) (*Reply, error) {
	// SERVFAIL is about the name; other refusals are most often about us. The last
	// server is as good as the first one.
	slices.Reverse(r.refusals)
	slices.SortStableFunc(r.refusals, func(a, b refusal) int {
		return serverFailure(b.reply.Msg) - serverFailure(a.reply.Msg)
	})
	if !r.validating {
		if len(r.refusals) > 0 {
			return r.accept(r.refusals[0].reply, nil), nil
		}
		return nil, r.failure(nil)
	}
	var unjudged []error
	avoidedCapable, avoidedIncapable := false, false
	for i, s := range r.avoided {
		switch c := r.capability(ctx, s, len(r.avoided)-i+len(r.refusals)); {
		case c.Capable():
			avoidedCapable = true
		case c.Incapable():
			avoidedIncapable = true
			r.incapable = append(r.incapable, c)
		default:
			unjudged = append(unjudged, c.Err)
		}
	}
	if avoidedIncapable && !avoidedCapable {
		// Whatever did not validate was the fault of a server, not of the zone.
		return nil, &CapabilityError{Servers: r.account(r.refusals)}
	}
	var others []refusal
	for i, f := range r.refusals {
		switch c := r.capability(ctx, f.server, len(r.refusals)-i); {
		case c.Capable():
			return r.accept(f.reply, nil), nil
		case c.Incapable():
			r.incapable = append(r.incapable, c)
		default:
			others = append(others, f)
		}
	}
	switch {
	case len(r.incapable) > 0 && !avoidedCapable:
		return nil, &CapabilityError{Servers: r.account(others)}
	case len(others) > 0:
		return r.accept(others[0].reply, nil), nil
	}
	return nil, r.failure(unjudged)
}

// capability is that of the Pool, within a share of the time.
func (r *failover) capability(ctx context.Context, s *poolServer, left int) Capability {
	try, cancel := withShare(ctx, left, maxTry)
	defer cancel()
	return r.pool.capability(try, s, r.zone)
}

// account lists the incapable servers, and the others with why they are no help.
func (r *failover) account(others []refusal) []Capability {
	servers := slices.Clone(r.incapable)
	for _, f := range others {
		servers = append(servers, Capability{Server: f.reply.Server, Zone: r.zone,
			Err: newError(f.reply.Server, f.reply.Network, r.query, refusalError(f.reply.Msg))})
	}
	for _, err := range r.errs {
		c := Capability{Zone: r.zone, Err: err}
		if e, ok := errors.AsType[*Error](err); ok {
			c.Server = e.Server
		}
		servers = append(servers, c)
	}
	return servers
}

// failure is the error when there is nothing at all to show.
func (r *failover) failure(unjudged []error) error {
	switch {
	case len(r.errs) == 1:
		return r.errs[0]
	case len(r.errs) > 1:
		return allFailedError(r.errs)
	case len(unjudged) > 0:
		return exhaustedError(append([]error{ErrExhausted}, unjudged...))
	}
	return ErrExhausted
}

// withShare gives a server its part of the time that is left for so many of them.
func withShare(ctx context.Context, left int, limit time.Duration) (context.Context, context.CancelFunc) {
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/time.Duration(left))
	}
	return context.WithTimeout(ctx, limit)
}

// endsWithin reports whether a context ends by itself within that time.
func endsWithin(ctx context.Context, limit time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= limit
}
