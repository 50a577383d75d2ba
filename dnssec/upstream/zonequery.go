package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// A step is what the servers of a zone gave: where to go on, or a reply.
type step struct {
	next    *delegation
	reply   *Reply
	replied bool // some server sent a reply, be it of no use
}

// A zoneQuery is one question to the servers of one zone.
type zoneQuery struct {
	*resolution
	zone     *delegation
	question dns.Question
	avoid    []string

	asked   []netip.AddrPort
	unheard int // of those asked, that no packet was sent to
	replied bool
	avoided bool             // some server is in Query.Avoid
	silent  []netip.AddrPort // did not answer
	refusal *Reply           // from a server that gave no answer
	errs    []error          // of servers that were asked in vain
}

// askZone asks servers of a zone until one refers to a zone below or gives a reply
// to rely on. Those that are silent, and were not before, are asked once more, with
// more patience and over TCP, after all others.
func (r *resolution) askZone(ctx context.Context, t *task, zone *delegation, question dns.Question) (step, error) {
	if err := r.silences.on(zone.name, question, r.now()); err != nil && len(t.avoid) == 0 {
		return step{}, err // RFC 9520 §3.2
	}
	z := &zoneQuery{resolution: r, zone: zone, question: question}
	if question == t.question {
		z.avoid = t.avoid
	}
	for len(z.asked)-z.unheard < maxServersAsked {
		if next := z.candidates(); len(next) > 0 {
			for _, address := range next {
				if o, done, err := z.ask(ctx, address, 1); done {
					return o, err
				}
			}
		} else if !r.findServers(ctx, t, zone, z.avoided && len(z.errs) == 0) {
			break
		}
		if err := ended(ctx); err != nil {
			return step{}, err
		}
	}
	for _, address := range z.silent[:min(len(z.silent), maxAskedAgain)] {
		if o, done, err := z.ask(ctx, address, 2); done {
			return o, err
		}
	}
	return z.conclude(ctx)
}

// candidates are the servers to ask next, in order.
func (z *zoneQuery) candidates() []netip.AddrPort {
	var next []netip.AddrPort
	for _, address := range z.sorted(z.zone) {
		if slices.Contains(z.asked, address) {
			continue
		}
		if len(z.avoid) > 0 && slices.Contains(z.avoid, address.String()) {
			z.asked, z.avoided = append(z.asked, address), true
			continue
		}
		if next = append(next, address); len(z.asked)-z.unheard+len(next) >= maxServersAsked {
			break
		}
	}
	return next
}

// ask asks one server, and reports whether that settles the matter.
func (z *zoneQuery) ask(ctx context.Context, address netip.AddrPort, attempts int) (o step, done bool, err error) {
	if attempts == 1 {
		z.asked = append(z.asked, address)
	}
	if z.queries.Add(1) > maxResolutionQueries || z.tries.Add(1) > maxTries {
		return step{}, true, fmt.Errorf("%w: more than %d queries", errLimit, maxResolutionQueries)
	}
	wasSilent := z.isSilent(address)
	reply, err := z.exchange(ctx, address, z.message(), attempts)
	if over := ended(ctx); over != nil {
		return step{}, true, z.because(over)
	}
	if err != nil {
		z.errs = append(z.errs, err)
		switch {
		case isUnreachable(err): // as all of IPv6 is for many
			z.unheard++
			z.queries.Add(-1)
		case isTimeout(err) && !wasSilent:
			z.silent = append(z.silent, address)
		}
		return step{}, false, nil
	}
	z.replied = true
	switch kind, cut := classify(z.zone.name, z.question, reply.Msg); kind {
	case referral:
		next := newDelegation(z.zone, cut, reply, z.Recursor)
		if z.question.Qtype == dns.TypeDS && z.question.Name == cut {
			// Servers that do not know better answer with what is a proof, too.
			if len(next.proof) > 0 {
				if reply := next.answerDS(z.query, z.now()); reply != nil {
					return step{reply: reply, replied: true}, true, nil
				}
			}
			z.errs = append(z.errs, z.failed(reply, errLame))
			break
		}
		z.cuts.put(next, z.now())
		return step{next: next, replied: true}, true, nil
	case answer:
		reply.PassedOver = z.errs
		keepBailiwick(z.zone.name, reply.Msg)
		return step{reply: reply, replied: true}, true, nil
	case refused:
		if z.refusal == nil || serverFailure(reply.Msg) > serverFailure(z.refusal.Msg) {
			z.refusal = reply
		}
		z.errs = append(z.errs, z.failed(reply, refusalError(reply.Msg)))
	default:
		z.errs = append(z.errs, z.failed(reply, errLame))
	}
	z.zone.setLame(address, z.now())
	z.cuts.grown(z.zone)
	return step{}, false, nil
}

// isUnreachable reports whether there was no way to send a packet.
func isUnreachable(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Network != "udp" || isTimeout(err) {
		return false // a packet was sent before
	}
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial"
}

// message is the query for authoritative servers.
func (z *zoneQuery) message() *dns.Msg {
	msg := *z.query.Msg // Exchange changes nothing in it
	msg.Question = []dns.Question{z.question}
	msg.RecursionDesired = false
	return &msg
}

func (z *zoneQuery) failed(reply *Reply, err error) error {
	return &Error{Server: reply.Server, Network: reply.Network, Name: z.question.Name, Type: z.question.Qtype, Err: err}
}

// conclude decides what to say when no server was of use.
func (z *zoneQuery) conclude(ctx context.Context) (step, error) {
	if z.zone.name == "." && len(z.errs) > 0 {
		z.priming.forget() // back to the hints
	}
	switch over := ended(ctx); {
	case over != nil:
		return step{}, z.because(over)
	case z.refusal != nil:
		z.refusal.PassedOver = z.errs
		return step{reply: z.refusal, replied: true}, nil
	case len(z.errs) > 0:
		err := z.because(nil)
		if !z.replied {
			z.silences.put(z.zone.name, z.question, err, z.now())
		}
		return step{replied: z.replied}, err
	case z.avoided:
		return step{}, ErrExhausted
	}
	return step{}, fmt.Errorf("zone %s has no name server with an address that may be asked", z.zone.name)
}

// because names the zone and its servers' errors.
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
	const most = 4 // a line is for a human
	text := fmt.Sprintf("no server of zone %s gave an answer: %s", e.zone, texts(e.errs[:min(len(e.errs), most)]))
	if more := len(e.errs) - most; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return printable.Line(text)
}

func (e *zoneError) Unwrap() []error { return e.errs }
