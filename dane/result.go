package dane

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"
)

// An Outcome is what a sender of mail gets who tries the hosts of a domain in
// order.
type Outcome uint8

const (
	// OutcomeFailure: the message must not be delivered now. The zero Outcome.
	OutcomeFailure Outcome = iota
	// OutcomeNone: it is delivered without authentication by DANE.
	OutcomeNone
	// OutcomeSuccess: it is delivered to a host that DANE has authenticated.
	OutcomeSuccess
)

var outcomes = []string{"failure", "none", "success"}

// String returns "failure", "none" or "success".
func (o Outcome) String() string { return levelName(outcomes, "outcome", o) }

// MarshalText returns the same text as String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText inverts MarshalText.
func (o *Outcome) UnmarshalText(text []byte) error { return parseLevel(outcomes, "outcome", text, o) }

// A Result is what [Checker.Verify] found out about a domain. It prints as a transcript and
// as JSON; see [Result.WriteTranscript] and [Result.MarshalJSON].
type Result struct {
	// Name of the domain as it was given.
	Name string
	// Outcome of delivery.
	Outcome Outcome
	// Err says why the outcome is OutcomeFailure, or, with OutcomeNone, why no better host came
	// first; nil with OutcomeSuccess. It is that of the first host that failed, of type
	// *Error.
	Err error
	// MTASTS: an MTA-STS policy of the domain may apply, since the outcome is OutcomeNone
	// without DANE's doing. Otherwise it must not override DANE (RFC 8461 §2).
	MTASTS bool
	// Expires is when the first of the DNS answers must be forgotten, and the verdict
	// with them. Zero if a lookup failed, or the resolver does not tell: then it holds
	// for this once.
	Expires time.Time
	// Profile is what the policy wants. With Audit the outcome is what DANE would do,
	// and nothing that a sender acts on.
	Profile Profile
	// Mandatory: DANE was judged to be mandatory.
	Mandatory bool
	// Unresolved: no DNS server that is capable of DNSSEC answered, so that nothing
	// is known about the domain. The Outcome is OutcomeFailure.
	Unresolved bool
	// Local: it is for a lack of this machine that the Outcome is OutcomeFailure, such as no
	// file descriptor, or no route to the only addresses of a host: nothing is known about the
	// domain. See [Failure.Local].
	Local bool
	// Planned: no server was connected to, as Plan does it.
	Planned bool
	// Domain and its MX records; nil if Name is not a domain name.
	Domain *Domain
	// Hosts that were looked up, in the order in which they are tried.
	Hosts []HostResult
	// Started and Elapsed tell when it was, and how long it took.
	Started time.Time
	Elapsed time.Duration
}

// A HostResult is a host, and what it answered.
type HostResult struct {
	*Host
	// Attempts at its addresses, at most four, in order. There are none where the action
	// needs no connection.
	Attempts []Attempt

	planned bool // it is not to be connected to
}

// Permanent reports whether the outcome is OutcomeFailure, and trying again will not change it.
func (r *Result) Permanent() bool { return r.Outcome == OutcomeFailure && r.Failure().Permanent }

// Lookups returns the questions that were asked, in order.
func (r *Result) Lookups() []Lookup {
	count := 0
	for range r.AllLookups() {
		count++
	}
	if count == 0 && r.Domain == nil {
		return nil
	}
	lookups := make([]Lookup, 0, count)
	for l := range r.AllLookups() {
		lookups = append(lookups, *l)
	}
	return lookups
}

// AllLookups goes through what Lookups returns, where it is in the Result: they are no copies.
func (r *Result) AllLookups() iter.Seq[*Lookup] {
	return func(yield func(*Lookup) bool) {
		if r.Domain == nil || !r.Domain.Routed && !yield(&r.Domain.Lookup) {
			return
		}
		for i := range r.Hosts {
			lookups := r.Hosts[i].Lookups
			for j := range lookups {
				if !yield(&lookups[j]) {
					return
				}
			}
		}
	}
}

// failed returns the error for which the host was not delivered to, nil if it was.
func (h *HostResult) failed() error {
	if h.Err != nil {
		return h.Err
	}
	for _, a := range h.Attempts {
		if a.Err != nil {
			return (&Error{Domain: h.Domain, Host: h.Name, Err: a.Err, host: h.Host, verified: a.verified(h.Host)}).conclude()
		}
	}
	return nil
}

// delivered reports whether a message would go to the host: to one of its addresses,
// in order, if it needs a connection.
func (h *HostResult) delivered() bool {
	if h.Err != nil || h.Action == Skip {
		return false
	}
	return !h.needsAttempt() || slices.ContainsFunc(h.Attempts, func(a Attempt) bool { return a.Err == nil })
}

// needsAttempt reports whether it takes a connection to know that the host is fit.
func (h *HostResult) needsAttempt() bool {
	return !h.planned && (h.Action == MustAuthenticate || h.Action == MustEncrypt)
}

// cancelled returns the error of a host that was given up before it was known what it
// does; nil of others.
func (h *HostResult) cancelled() error {
	if errors.Is(h.Err, context.Canceled) {
		return h.Err
	}
	for _, a := range h.Attempts {
		if errors.Is(a.Err, context.Canceled) {
			return &Error{Domain: h.Domain, Host: h.Name, Err: a.Err}
		}
	}
	return nil
}

// decider returns the host that the outcome is about: the one that is delivered to,
// or else the first; nil if there is no host.
func (r *Result) decider() *HostResult {
	for i := range r.Hosts {
		if r.Outcome != OutcomeFailure && r.Hosts[i].delivered() {
			return &r.Hosts[i]
		}
	}
	if len(r.Hosts) > 0 {
		return &r.Hosts[0]
	}
	return nil
}

// action returns what is to be done with the host that decides; Skip if there is no host.
func (r *Result) action() Action {
	if h := r.decider(); h != nil {
		return h.Action
	}
	return Skip
}

// conclude sets what follows from the rest.
func (r *Result) conclude() {
	if h := r.decider(); h != nil && r.Outcome == OutcomeNone {
		r.MTASTS = h.MTASTS
	}
	if err := r.lack(); err != nil {
		r.Err, r.Local = err, true
	}
	var end expiry
	for l := range r.AllLookups() {
		end.add(l)
	}
	r.Expires = end.time()
}

// Failure classifies Result.Err. It is permanent if that of every host was, at each of its
// addresses, and nothing was left out.
func (r *Result) Failure() Failure {
	var host *Host
	e, _ := errors.AsType[*Error](r.Err)
	for i := range r.Hosts {
		if h := &r.Hosts[i]; e != nil && e.Host == h.Name {
			host = h.Host
			break
		}
	}
	failure := classify(r.Err, host, false)
	if failure.Permanent && host != nil && r.mayPass() {
		failure.setPermanent(false)
	}
	return failure
}

// mayPass reports whether a host has failed in a way that is not permanent, or has not been
// tried.
func (r *Result) mayPass() bool {
	if r.Domain != nil && r.Domain.Omitted > 0 {
		return true
	}
	for i := range r.Hosts {
		h := &r.Hosts[i]
		if h.Omitted > 0 || h.Err != nil && !classify(h.Err, h.Host, false).Permanent {
			return true
		}
		for _, a := range h.Attempts {
			if a.Err != nil && !classify(a.Err, h.Host, a.verified(h.Host)).Permanent {
				return true
			}
		}
	}
	return false
}
