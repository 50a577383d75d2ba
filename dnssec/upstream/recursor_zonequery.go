package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// A zoneResult is what the servers of a zone gave: where to go on, or a reply.
type zoneResult struct {
	next      *delegation
	reply     *Reply
	failed    bool // some server gave no reply that is of use
	childSide bool // some server answered for the zone below the one that it is asked for
}

// A zoneQuery is one question to the servers of one zone.
type zoneQuery struct {
	*resolution
	task      *task
	zone      *delegation
	question  dns.Question
	minimised bool // the question is less than the task's
	avoid     []string
	knownOnly bool   // ask servers with known addresses only
	glueOf    string // the zone whose servers' addresses are the question, if it is that

	asked          []netip.AddrPort
	useless        int    // how many of those asked gave nothing of use
	timeouts       int    // how many of those did not reply
	familyFailures [2]int // of servers with IPv4 addresses, and with IPv6 addresses
	lookedFor      []string
	unsettled      error // why some name servers were not looked for, though another question may find them
	replied        bool
	childSide      bool
	avoided        bool             // some server is in Query.Avoid
	silent         []netip.AddrPort // did not reply, and may be asked again
	refusal        *Reply           // from a server that gave no answer
	errs           []error          // of the servers that gave no answer

	// What is sent; see message.
	sent      Query
	msg       dns.Msg
	questions [1]dns.Question

	space [2]netip.AddrPort // for asked, if that is enough
}

// newQuery returns a question to the servers of a zone.
func (r *resolution) newQuery(t *task, zone *delegation, question dns.Question) *zoneQuery {
	z := new(zoneQuery)
	z.set(r, t, zone, question)
	return z
}

// set makes z a question to the servers of a zone, whatever it was before.
func (z *zoneQuery) set(r *resolution, t *task, zone *delegation, question dns.Question) {
	*z = zoneQuery{}
	z.resolution, z.task, z.zone, z.question, z.minimised = r, t, zone, question, question != t.question
	z.asked = z.space[:0]
	if !z.minimised {
		z.avoid = t.avoid
	}
}

// run asks servers of the zone until one gives a referral to a zone below, or a reply that is of
// use: one server after the other. Those that do not reply, but did so before, are asked
// once more after all others, for longer and over TCP. A minimised question is not asked
// again: it is the question itself that has to be answered.
func (z *zoneQuery) run(ctx context.Context) (zoneResult, error) {
	if err := z.failures.get(z.failureKey(), z.now()); err != nil && len(z.task.avoid) == 0 {
		return zoneResult{failed: true}, err // RFC 9520 §3.2
	}
	for z.mayAsk() {
		if address, ok := z.best(); ok {
			if o, done, err := z.ask(ctx, address, 1); done {
				return o, err
			}
		} else if z.knownOnly || !z.findServers(ctx) {
			break
		}
		if err := ended(ctx); err != nil {
			return zoneResult{}, err
		}
	}
	if z.minimised {
		z.task.dropped = append(z.task.dropped, z.silent...)
		return z.conclude(ctx)
	}
	for _, address := range z.silent[:min(len(z.silent), maxAskedAgain)] {
		if o, done, err := z.ask(ctx, address, 2); done {
			return o, err
		}
	}
	return z.conclude(ctx)
}

// mayAsk reports whether one more server may be asked.
func (z *zoneQuery) mayAsk() bool {
	if z.minimised {
		return z.useless < maxMinimisedAsked
	}
	return z.useless < maxServersAsked && z.timeouts < maxSilentAsked
}

// best returns the server to ask next. IPv4 or IPv6 often fails as a whole, so the family
// with fewer failures is preferred.
func (z *zoneQuery) best() (netip.AddrPort, bool) {
	var penalties [2]time.Duration
	for i, failures := range z.familyFailures {
		penalties[i] = time.Duration(failures) * silentPenalty
	}
	for {
		address, ok := z.servers.best(z.zone, z.asked, penalties)
		if !ok || len(z.avoid) == 0 || !slices.Contains(z.avoid, address.String()) {
			return address, ok
		}
		z.asked, z.avoided = append(z.asked, address), true
	}
}

// family is 0 for IPv4 and 1 for IPv6.
func family(server netip.AddrPort) int {
	if server.Addr().Is4() {
		return 0
	}
	return 1
}

// ask asks one server. done reports whether no other server is to be asked.
func (z *zoneQuery) ask(ctx context.Context, address netip.AddrPort, attempts int) (o zoneResult, done bool, err error) {
	if attempts == 1 {
		z.asked = append(z.asked, address)
	}
	if !z.mayQuery() || z.tries.Add(1) > maxTries {
		return zoneResult{}, true, fmt.Errorf("%w: more than %d queries", errLimit, maxResolutionQueries)
	}
	wasSilent := z.servers.isSilent(address)
	reply, err := z.servers.exchange(ctx, address, z.zone.name, z.message(), attempts, z.mayQuery)
	if over := ended(ctx); over != nil {
		return zoneResult{}, true, z.because(over)
	}
	if err != nil {
		z.errs = append(z.errs, err)
		z.familyFailures[family(address)]++
		switch dropped := slices.Contains(z.task.dropped, address); {
		case isUnreachable(err): // as all of IPv6 is for many
			z.queries.Add(-1)
			return zoneResult{}, false, nil
		case isTimeout(err):
			z.timeouts++
			if !wasSilent || dropped {
				z.silent = append(z.silent, address)
			}
		}
		z.useless++
		return zoneResult{}, false, nil
	}
	z.replied = true
	o, done = z.read(reply, address)
	if done && slices.Contains(z.task.dropped, address) {
		z.servers.setDropsMinimised(address)
	}
	return o, done, nil
}

// mayQuery counts a query, and reports whether there may be one more.
func (r *resolution) mayQuery() bool { return r.queries.Add(1) <= maxResolutionQueries }

// read decides what to do with a reply. done reports whether no other server is to be asked.
func (z *zoneQuery) read(reply *Reply, address netip.AddrPort) (o zoneResult, done bool) {
	switch kind, cut := classify(z.zone.name, z.question, reply.Msg); kind {
	case referral:
		next := newDelegation(z.zone, cut, reply, z.now(), &z.filter)
		if z.question.Qtype == dns.TypeDS && z.question.Name == cut {
			// Servers that do not know the rules for DS send the proof with a referral.
			if len(next.proof) > 0 {
				if reply := next.answerDS(z.query, z.now()); reply != nil {
					return zoneResult{reply: reply}, true
				}
			}
			z.errs = append(z.errs, z.failed(reply, errLame))
			break
		}
		switch {
		case cut == z.glueOf: // its delegation is known, and more of its servers
		case len(z.task.avoid) > 0: // what is known may be wrong
			z.delegations.put(next, z.now())
		default:
			next = z.delegations.getOrPut(next, z.now())
		}
		return zoneResult{next: next}, true
	case answer:
		reply.PassedOver = z.errs
		keepBailiwick(z.zone.name, reply.Msg)
		return zoneResult{reply: reply}, true
	case refused:
		if z.refusal == nil || serverFailure(reply.Msg) > serverFailure(z.refusal.Msg) {
			z.refusal = reply
		}
		z.errs = append(z.errs, z.failed(reply, refusalError(reply.Msg)))
	case childSide:
		z.childSide = true
		z.errs = append(z.errs, z.failed(reply, errChildSide))
	default:
		z.errs = append(z.errs, z.failed(reply, errLame))
	}
	z.useless++
	z.familyFailures[family(address)]++
	if !z.minimised && !z.childSide {
		z.zone.setLame(address, z.now())
		z.delegations.resized(z.zone)
	}
	return zoneResult{}, false
}

// errChildSide says that a server of the zone above a cut answered for the zone below.
var errChildSide = errors.New("the zone below the cut answered, which knows no DS records")

// isUnreachable reports whether no packet could be sent at all.
func isUnreachable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Network != "udp" || isTimeout(err) {
		return false // a packet was sent before
	}
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial"
}

// message returns the query for an authoritative server.
func (z *zoneQuery) message() *Query {
	if z.sent.Msg == nil {
		z.msg = *z.query.Msg // Exchange changes nothing in it
		z.questions[0] = z.question
		z.msg.Question = z.questions[:]
		z.msg.RecursionDesired = false
		z.sent.Msg = &z.msg
	}
	return &z.sent
}

func (z *zoneQuery) failed(reply *Reply, err error) error {
	return &Error{Server: reply.Server, Network: reply.Network, Name: z.question.Name, Type: z.question.Qtype, Err: err}
}

// conclude decides on the outcome when no server gave a reply that is of use.
func (z *zoneQuery) conclude(ctx context.Context) (zoneResult, error) {
	if z.zone.name == "." && len(z.errs) > 0 {
		z.priming.forget() // back to the hints
	}
	o := zoneResult{failed: len(z.errs) > 0, childSide: z.childSide}
	switch over := ended(ctx); {
	case over != nil:
		return zoneResult{}, z.because(over)
	case z.refusal != nil && !z.childSide:
		z.refusal.PassedOver = z.errs
		o.reply = z.refusal
		return o, nil
	case len(z.errs) > 0:
		err := z.because(z.unsettled)
		// What this machine lacked is no failure of the zone's (RFC 9520 §2), and a server that
		// was to be avoided may answer others.
		if !z.replied && z.unsettled == nil && !z.knownOnly && len(z.avoid) == 0 && !isOwnFailure(err) {
			z.failures.put(z.failureKey(), err, z.now())
		}
		return o, err
	case z.avoided:
		return o, ErrExhausted
	case z.unsettled != nil:
		return o, fmt.Errorf("zone %s has no name server with an address that may be asked: %w", z.zone.name, z.unsettled)
	}
	return o, fmt.Errorf("zone %s has no name server with an address that may be asked", z.zone.name)
}

// because returns an error with the name of the zone and the errors of its servers.
func (z *zoneQuery) because(err error) error {
	switch {
	case len(z.errs) == 0:
		return fmt.Errorf("zone %s: %w", z.zone.name, err)
	case err == nil:
		return &zoneError{zone: z.zone.name, errs: z.errs}
	}
	return &zoneError{zone: z.zone.name, errs: append([]error{err}, z.errs...)}
}

// A zoneError says that no server of a zone gave an answer.
type zoneError struct {
	zone string
	errs []error
}

func (e *zoneError) Error() string {
	const most = 4 // more would not be read
	text := fmt.Sprintf("no server of zone %s gave an answer: %s", e.zone, texts(e.errs[:min(len(e.errs), most)]))
	if more := len(e.errs) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return printable.Line(text)
}

func (e *zoneError) Unwrap() []error { return e.errs }
