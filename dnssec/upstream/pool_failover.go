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
	zone       string // at which the servers are probed
	validating bool   // the query has the DO bit

	avoided   []*poolServer // are in Query.Avoid
	refusals  []refusal     // gave a reply that is no answer
	incapable []Capability  // were passed over for that
	errs      []error       // failed otherwise

	passedOver []error // all of these and why, in order

	space [4]*poolServer // for the candidates, if that is enough
}

type refusal struct {
	server *poolServer
	reply  *Reply
}

// candidates returns the servers to ask, those in backoff last, and notes the others.
func (f *failover) candidates() []*poolServer {
	var inBackoff []*poolServer
	ready := f.space[:0]
	now := f.pool.now()
	for _, s := range f.pool.servers {
		if slices.Contains(f.query.Avoid, s.name) {
			f.avoided = append(f.avoided, s)
			continue
		}
		if c := f.pool.cachedCapability(s, f.zone); f.validating && c.Incapable() {
			f.passOver(c)
			continue
		}
		if f.pool.backoffReason(s, now) != nil {
			inBackoff = append(inBackoff, s)
		} else {
			ready = append(ready, s)
		}
	}
	if f.pool.Equal {
		rand.Shuffle(len(ready), func(i, j int) { ready[i], ready[j] = ready[j], ready[i] })
	}
	return append(ready, inBackoff...)
}

// passOver notes a server that is incapable.
func (f *failover) passOver(c Capability) {
	f.incapable = append(f.incapable, c)
	f.passedOver = append(f.passedOver, &CapabilityError{Servers: []Capability{c}})
}

// accept returns a reply for the caller, with what is wrong with the servers that were
// asked before it, and with those in backoff that were to be asked after it.
func (f *failover) accept(reply *Reply, left []*poolServer) *Reply {
	for _, s := range left {
		if err := f.pool.backoffReason(s, f.pool.now()); err != nil {
			f.passedOver = append(f.passedOver, &Error{Server: s.name, Err: &backoffError{err}})
		}
	}
	reply.PassedOver = append(f.passedOver, reply.PassedOver...)
	return reply
}

// ask returns the reply of a server if it is one to rely on. Otherwise it notes what is
// wrong, and returns nil. left is how many servers are to be asked, this one included.
func (f *failover) ask(ctx context.Context, s *poolServer, left int) *Reply {
	limit := s.timeLimit(left)
	untested := f.validating && !f.pool.isCapable(s, f.zone)
	if !untested && left == 1 && endsWithin(ctx, limit) {
		return f.askWithin(ctx, ctx, s)
	}
	try, cancel := withShare(ctx, left, limit)
	defer cancel()
	if untested {
		// The probe finds out a server that drops queries with the DO bit.
		probe := time.AfterFunc(probeDelay, func() { f.pool.capability(try, s, f.zone) })
		defer probe.Stop()
	}
	return f.askWithin(ctx, try, s)
}

// askWithin is ask with a context for the server, which ends with that of the query or before.
func (f *failover) askWithin(ctx, try context.Context, s *poolServer) *Reply {
	reply, err := exchange(try, s.exchanger, f.query)
	if err != nil {
		f.fail(ctx, s, err)
		return nil
	}
	f.pool.setBackoff(s, nil)
	switch {
	case isRefusal(reply.Msg):
		f.refusals = append(f.refusals, refusal{s, reply})
		f.passedOver = append(f.passedOver, newError(reply.Server, reply.Network, f.query, refusalError(reply.Msg)))
		return nil
	case f.query.Msg.RecursionDesired && isReferral(reply.Msg):
		f.note(newError(reply.Server, reply.Network, f.query, errLame))
		return nil
	case !f.validating || has(reply.Msg.Answer, dns.TypeRRSIG) || has(reply.Msg.Ns, dns.TypeRRSIG):
		return reply
	}
	return f.unsigned(try, s, reply)
}

// unsigned returns a reply without signatures if its server would have passed them on.
func (f *failover) unsigned(ctx context.Context, s *poolServer, reply *Reply) *Reply {
	c := f.pool.capability(ctx, s, f.zone)
	switch {
	case c.Capable():
		return reply // the zone is unsigned, as far as the server is concerned
	case c.Incapable():
		f.passOver(c)
	default:
		f.note(newError(reply.Server, reply.Network, f.query, &unknownCapabilityError{c.Err}))
	}
	return nil
}

// note notes the error of a server.
func (f *failover) note(err error) {
	f.errs = append(f.errs, err)
	f.passedOver = append(f.passedOver, err)
}

// fail notes the error of a server, and puts it in backoff if it did not reply.
func (f *failover) fail(ctx context.Context, s *poolServer, err error) {
	if incapable, ok := errors.AsType[*CapabilityError](err); ok {
		f.incapable = append(f.incapable, incapable.Servers...) // it is a Pool itself
		f.passedOver = append(f.passedOver, err)
		return
	}
	if errors.Is(err, ErrExhausted) {
		f.avoided = append(f.avoided, s)
		return
	}
	if c := f.pool.cachedCapability(s, f.zone); f.validating && c.Incapable() {
		f.passOver(c)
		return
	}
	switch {
	case isUnusableReply(err):
		f.pool.setBackoff(s, nil) // it answered; other names may fare better
	case isStarved(err):
	case ended(ctx) == nil:
		f.pool.setBackoff(s, err) // not where the caller did not wait
	}
	if _, ok := errors.AsType[*Error](err); !ok {
		err = newError(s.name, "", f.query, err)
	}
	f.note(err)
}

// conclude decides on the outcome when no server had a reply to rely on; see
// [Pool.Exchange].
func (f *failover) conclude(ctx context.Context) (*Reply, error) {
	// SERVFAIL is about the name; other refusals are most often about us. The last
	// server is as good as the first one.
	slices.Reverse(f.refusals)
	slices.SortStableFunc(f.refusals, func(a, b refusal) int {
		return serverFailure(b.reply.Msg) - serverFailure(a.reply.Msg)
	})
	if !f.validating {
		if len(f.refusals) > 0 {
			return f.accept(f.refusals[0].reply, nil), nil
		}
		return nil, f.failure(nil)
	}
	var unknown []error
	avoidedCapable, avoidedIncapable := false, false
	for i, s := range f.avoided {
		switch c := f.capability(ctx, s, len(f.avoided)-i+len(f.refusals)); {
		case c.Capable():
			avoidedCapable = true
		case c.Incapable():
			avoidedIncapable = true
			f.incapable = append(f.incapable, c)
		default:
			unknown = append(unknown, c.Err)
		}
	}
	if avoidedIncapable && !avoidedCapable {
		// Whatever did not validate was the fault of a server, not of the zone.
		return nil, &CapabilityError{Servers: f.account(f.refusals)}
	}
	var others []refusal
	for i, refused := range f.refusals {
		switch c := f.capability(ctx, refused.server, len(f.refusals)-i); {
		case c.Capable():
			return f.accept(refused.reply, nil), nil
		case c.Incapable():
			f.incapable = append(f.incapable, c)
		default:
			others = append(others, refused)
		}
	}
	switch {
	case len(f.incapable) > 0 && !avoidedCapable:
		return nil, &CapabilityError{Servers: f.account(others)}
	case len(others) > 0:
		return f.accept(others[0].reply, nil), nil
	}
	return nil, f.failure(unknown)
}

// capability is that of the Pool, within a share of the time.
func (f *failover) capability(ctx context.Context, s *poolServer, left int) Capability {
	try, cancel := withShare(ctx, left, maxTry)
	defer cancel()
	return f.pool.capability(try, s, f.zone)
}

// account lists the incapable servers, and the others with the reason why they are of no
// use.
func (f *failover) account(others []refusal) []Capability {
	servers := slices.Clone(f.incapable)
	for _, refused := range others {
		servers = append(servers, Capability{Server: refused.reply.Server, Zone: f.zone,
			Err: newError(refused.reply.Server, refused.reply.Network, f.query, refusalError(refused.reply.Msg))})
	}
	for _, err := range f.errs {
		c := Capability{Zone: f.zone, Err: err}
		if e, ok := errors.AsType[*Error](err); ok {
			c.Server = e.Server
		}
		servers = append(servers, c)
	}
	return servers
}

// failure is the error where no server gave a reply.
func (f *failover) failure(unknown []error) error {
	switch {
	case len(f.errs) == 1:
		return f.errs[0]
	case len(f.errs) > 1:
		return allFailedError(f.errs)
	case len(unknown) > 0:
		return exhaustedError(append([]error{ErrExhausted}, unknown...))
	}
	return ErrExhausted
}

// withShare gives one server its share of the time until the deadline, where so many are
// left to be asked, and no more than the limit.
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
