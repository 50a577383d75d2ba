package upstream

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// A round is one query on its way from server to server.
type round struct {
	pool       *Pool
	query      *Query
	zone       string // at which capability is judged
	validating bool   // the query has the DO bit

	avoided   []*server    // are in Query.Avoid
	refusals  []refusal    // gave a reply that is no answer
	incapable []Capability // were passed over for that
	errs      []error      // failed otherwise
}

type refusal struct {
	server *server
	reply  *Reply
}

// candidates returns the servers to ask, those that rest last, and notes the others.
func (r *round) candidates() []*server {
	var awake, resting []*server
	now := r.pool.now()
	for _, s := range r.pool.servers {
		if slices.Contains(r.query.Avoid, s.name) {
			r.avoided = append(r.avoided, s)
			continue
		}
		if c := r.pool.known(s, r.zone); r.validating && c.Incapable() {
			r.incapable = append(r.incapable, c)
			continue
		}
		r.pool.mu.Lock()
		rests := now.Before(s.restsUntil)
		r.pool.mu.Unlock()
		if rests {
			resting = append(resting, s)
		} else {
			awake = append(awake, s)
		}
	}
	return append(awake, resting...)
}

// ask returns the reply of a server if it is one to rely on, or notes what is wrong
// and returns nil. The server is the first of so many that are left to be asked.
func (r *round) ask(ctx context.Context, s *server, left int) *Reply {
	try, cancel := share(ctx, left)
	defer cancel()
	reply, err := exchange(try, s.exchanger, r.query)
	if err != nil {
		r.fail(ctx, s, err)
		return nil
	}
	r.pool.rest(s, false)
	switch {
	case isRefusal(reply.Msg):
		r.refusals = append(r.refusals, refusal{s, reply})
		return nil
	case r.query.Msg.RecursionDesired && isReferral(reply.Msg):
		r.errs = append(r.errs, failed(reply.Server, reply.Network, r.query, errLame))
		return nil
	case !r.validating || has(reply.Msg.Answer, dns.TypeRRSIG) || has(reply.Msg.Ns, dns.TypeRRSIG):
		return reply
	}
	c := r.pool.judge(try, s, r.zone)
	switch {
	case c.Capable():
		return reply // the zone is unsigned, as far as the server is concerned
	case c.Incapable():
		r.incapable = append(r.incapable, c)
	default:
		r.errs = append(r.errs, failed(reply.Server, reply.Network, r.query, &unjudgedError{c.Err}))
	}
	return nil
}

// fail notes the error of a server.
func (r *round) fail(ctx context.Context, s *server, err error) {
	if incapable, ok := errors.AsType[*CapabilityError](err); ok {
		r.incapable = append(r.incapable, incapable.Servers...) // it is a Pool itself
		return
	}
	if errors.Is(err, ErrExhausted) {
		r.avoided = append(r.avoided, s)
		return
	}
	if ctx.Err() == nil {
		r.pool.rest(s, true) // not where the caller was out of patience
	}
	if _, ok := errors.AsType[*Error](err); !ok {
		err = failed(s.name, "", r.query, err)
	}
	r.errs = append(r.errs, err)
}

// conclude decides what to say when no server had a reply to rely on; see
// Pool.Exchange.
func (r *round) conclude(ctx context.Context) (*Reply, error) {
	// SERVFAIL is about the name; other refusals are most often about us. The last
	// server is as good as the first one.
	slices.Reverse(r.refusals)
	slices.SortStableFunc(r.refusals, func(a, b refusal) int {
		return serverFailure(b.reply.Msg) - serverFailure(a.reply.Msg)
	})
	if !r.validating {
		if len(r.refusals) > 0 {
			return r.refusals[0].reply, nil
		}
		return nil, r.failure(nil)
	}
	var unjudged []error
	avoidedCapable, avoidedIncapable := false, false
	for i, s := range r.avoided {
		switch c := r.judge(ctx, s, len(r.avoided)-i+len(r.refusals)); {
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
		switch c := r.judge(ctx, f.server, len(r.refusals)-i); {
		case c.Capable():
			return f.reply, nil
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
		return others[0].reply, nil
	}
	return nil, r.failure(unjudged)
}

// judge is that of the Pool, within a share of the time.
func (r *round) judge(ctx context.Context, s *server, left int) Capability {
	try, cancel := share(ctx, left)
	defer cancel()
	return r.pool.judge(try, s, r.zone)
}

// account lists the incapable servers, and the others with why they are no help.
func (r *round) account(others []refusal) []Capability {
	servers := slices.Clone(r.incapable)
	for _, f := range others {
		servers = append(servers, Capability{Server: f.reply.Server, Zone: r.zone,
			Err: failed(f.reply.Server, f.reply.Network, r.query, errors.New("server answered "+rcode(f.reply.Msg)))})
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
func (r *round) failure(unjudged []error) error {
	switch {
	case len(r.errs) == 1:
		return r.errs[0]
	case len(r.errs) > 1:
		return failures(r.errs)
	case len(unjudged) > 0:
		return exhaustion(append([]error{ErrExhausted}, unjudged...))
	}
	return ErrExhausted
}

// share gives a server its part of the time that is left for so many of them.
func share(ctx context.Context, left int) (context.Context, context.CancelFunc) {
	limit := maxTry
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/time.Duration(left))
	}
	return context.WithTimeout(ctx, limit)
}

func serverFailure(msg *dns.Msg) int {
	if msg.Rcode == dns.RcodeServerFailure {
		return 1
	}
	return 0
}

// isReferral reports whether a reply only says where to ask: no answer, and name
// servers without an SOA record (RFC 2308 §2.2). It would look like a denial.
func isReferral(msg *dns.Msg) bool {
	return msg.Rcode == dns.RcodeSuccess && len(msg.Answer) == 0 &&
		has(msg.Ns, dns.TypeNS) && !has(msg.Ns, dns.TypeSOA)
}
