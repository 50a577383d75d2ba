package dane

import (
	"net/netip"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// A Result is what Verify found out about a domain. It prints as a transcript and
// as JSON; see WriteTranscript and MarshalJSON.
type Result struct {
	// Name of the domain as it was given.
	Name string
	// Outcome of delivery.
	Outcome Outcome
	// Err says why the outcome is Failure, or, with None, why no better host came
	// first; nil with Success. It is that of the first host that failed, of type
	// *Error.
	Err error
	// Mandatory: DANE was judged to be mandatory.
	Mandatory bool
	// Unresolved: no DNS server that is capable of DNSSEC answered, so that nothing
	// is known about the domain. The Outcome is Failure.
	Unresolved bool
	// Domain and its MX records; nil if the name is none.
	Domain *Domain
	// Hosts that were looked up, in order.
	Hosts []HostResult
	// Started and Elapsed tell when it was, and how long it took.
	Started time.Time
	Elapsed time.Duration
}

// A HostResult is a host, and what it answered.
type HostResult struct {
	*Host
	// Probes of its addresses, in order; none if the host's action needs no probe.
	Probes []Probe
}

// A Probe is one connection to an address of a host.
type Probe struct {
	Addr netip.AddrPort
	// Session is what was seen until the end, or until the error.
	Session *smtpprobe.Result
	// Match is the TLSA record that the certificate matched; set where
	// Authenticated.
	Match         tlsa.Match
	Authenticated bool
	// Err says why the host cannot be delivered to at this address: of type
	// *smtpprobe.Error. That may be so although it was Authenticated, if it then
	// refused EHLO.
	Err error
}

// Permanent reports whether the outcome is a Failure that trying again will not
// change.
func (r *Result) Permanent() bool { return r.Outcome == Failure && permanent(r.Err) }

// Lookups returns the questions that were asked, in order.
func (r *Result) Lookups() []Lookup {
	if r.Domain == nil {
		return nil
	}
	lookups := []Lookup{r.Domain.Lookup}
	for _, h := range r.Hosts {
		lookups = append(lookups, h.Lookups...)
	}
	return lookups
}

// failed returns the error of the host that was not delivered to, nil if none.
func (h *HostResult) failed() error {
	if h.Err != nil {
		return h.Err
	}
	for _, p := range h.Probes {
		if p.Err != nil {
			return &Error{Domain: h.Domain, Host: h.Name, Err: p.Err}
		}
	}
	return nil
}
