package dane

import (
	"slices"

	"github.com/danesmtp/danesmtp/dnssec"
)

// A Step is what one step of the way to a certificate gave, in a Decision.
type Step string

// The steps. StepBogus stands for all lookups that fail (RFC 7672 §2.1.1).
const (
	StepAny      Step = ""
	StepSecure   Step = "secure"
	StepInsecure Step = "insecure"
	StepBogus    Step = "bogus"
	StepNone     Step = "no record"
	StepUnusable Step = "unusable"
	StepMatch    Step = "success"
	StepMismatch Step = "failure"
	StepNotBogus Step = "any but bogus"
)

// A Decision is a row of the table that turns what was found into an outcome.
type Decision struct {
	MX, Address, TLSA, Certificate Step
	Outcome                        Outcome
	// Text says what to do and why, for the log.
	Text string
}

// Texts of the tables.
const (
	deliver      = "deliver"
	untrusted    = "defer: certificate not trusted"
	withoutDANE  = "defer: destination without DNSSEC"
	noTLSA       = "defer: no TLSA record"
	noUsableTLSA = "defer: no usable TLSA record"
	failedTLSA   = "defer: TLSA lookup error"
	noHost       = "defer: host not found"
	noAddress    = "defer: host has no address"
	fallBack     = "fall back to the TLS setting"
	encrypt      = "deliver with TLS, without authentication"
)

// mandatory is the table for mandatory DANE (RFC 7672 §6).
var mandatory = []Decision{
	{StepSecure, StepSecure, StepSecure, StepMatch, OutcomeSuccess, deliver},
	{StepSecure, StepSecure, StepSecure, StepMismatch, OutcomeFailure, untrusted},
	{StepSecure, StepSecure, StepInsecure, StepAny, OutcomeFailure, withoutDANE},
	{StepSecure, StepSecure, StepNone, StepAny, OutcomeFailure, noTLSA},
	{StepSecure, StepSecure, StepUnusable, StepAny, OutcomeFailure, noUsableTLSA},
	{StepSecure, StepSecure, StepBogus, StepAny, OutcomeFailure, failedTLSA},
	{StepSecure, StepInsecure, StepAny, StepAny, OutcomeFailure, withoutDANE},
	{StepSecure, StepBogus, StepAny, StepAny, OutcomeFailure, noHost},
	{StepSecure, StepNone, StepAny, StepAny, OutcomeFailure, noAddress},
	{StepInsecure, StepNone, StepAny, StepAny, OutcomeFailure, noAddress},
	{StepInsecure, StepNotBogus, StepAny, StepAny, OutcomeFailure, withoutDANE},
	{StepInsecure, StepBogus, StepAny, StepAny, OutcomeFailure, noHost},
	{StepBogus, StepAny, StepAny, StepAny, OutcomeFailure, noHost},
}

// opportunistic is the table for opportunistic DANE (RFC 7672 §2.2).
var opportunistic = []Decision{
	{StepSecure, StepSecure, StepSecure, StepMatch, OutcomeSuccess, deliver},
	{StepSecure, StepSecure, StepSecure, StepMismatch, OutcomeFailure, untrusted},
	{StepSecure, StepSecure, StepInsecure, StepAny, OutcomeNone, fallBack},
	{StepSecure, StepSecure, StepNone, StepAny, OutcomeNone, fallBack},
	{StepSecure, StepSecure, StepUnusable, StepAny, OutcomeNone, encrypt},
	{StepSecure, StepSecure, StepBogus, StepAny, OutcomeFailure, failedTLSA},
	{StepSecure, StepInsecure, StepAny, StepAny, OutcomeNone, fallBack},
	{StepSecure, StepBogus, StepAny, StepAny, OutcomeFailure, noHost},
	{StepSecure, StepNone, StepAny, StepAny, OutcomeFailure, noAddress},
	{StepInsecure, StepNone, StepAny, StepAny, OutcomeFailure, noAddress},
	{StepInsecure, StepNotBogus, StepAny, StepAny, OutcomeNone, fallBack},
	{StepInsecure, StepBogus, StepAny, StepAny, OutcomeFailure, noHost},
	{StepBogus, StepAny, StepAny, StepAny, OutcomeFailure, noHost},
}

// Decisions returns the table for a level, the first row that fits counting. There
// is none for DANENone.
func Decisions(level DANELevel) []Decision {
	switch level {
	case DANEMandatory:
		return slices.Clone(mandatory)
	case DANEOpportunistic:
		return slices.Clone(opportunistic)
	}
	return nil
}

// Decision returns the row of the tables that the outcome is by. There is none if
// the tables do not cover what happened: a server that cannot be connected to or
// offers no STARTTLS, a domain that accepts no mail, or DANE that is off. The reason
// is in Failure then.
func (r *Result) Decision() (Decision, bool) {
	if r.Domain == nil || r.Unresolved || r.Planned {
		return Decision{}, false
	}
	row := Decision{MX: stepOf(r.Domain.Status), Outcome: r.Outcome}
	if r.Domain.Lookup.Err != nil {
		row.MX = StepBogus
	} else if h := r.decider(); h != nil {
		row.Address, row.TLSA, row.Certificate = h.steps()
	} else {
		return Decision{}, false
	}
	for _, known := range Decisions(r.Profile.DANE) {
		if fits(known.MX, row.MX) && fits(known.Address, row.Address) && fits(known.TLSA, row.TLSA) &&
			fits(known.Certificate, row.Certificate) && known.Outcome == row.Outcome {
			return known, true
		}
	}
	return Decision{}, false
}

func fits(known, seen Step) bool {
	return known == StepAny || known == seen || known == StepNotBogus && seen != StepBogus
}

func stepOf(s dnssec.Status) Step {
	switch s {
	case dnssec.Secure:
		return StepSecure
	case dnssec.Insecure:
		return StepInsecure
	}
	return StepBogus
}

// steps returns what the host's lookups and probes gave.
func (h *HostResult) steps() (address, record, certificate Step) {
	best := dnssec.Indeterminate
	for _, a := range h.Addresses {
		best = max(best, a.Status)
	}
	failed := slices.ContainsFunc(h.Lookups, func(l Lookup) bool { return l.Err != nil })
	switch address = stepOf(best); {
	case len(h.Addresses) == 0 && len(h.Lookups) > 0 && !failed:
		return StepNone, "", ""
	case h.TLSA == nil:
		return address, "", ""
	}
	// TLSA records are asked for below a secure name only, be it an alias to an
	// insecure address (RFC 7672 §2.2.2).
	address = StepSecure
	switch {
	case h.TLSA.Err != nil:
		return address, StepBogus, ""
	case len(h.Records) == 0 && len(h.TLSA.Records) == 0:
		return address, StepNone, ""
	case len(h.Records) == 0:
		return address, StepInsecure, ""
	case !slices.ContainsFunc(h.Records, usable):
		return address, StepUnusable, ""
	}
	for _, a := range h.Attempts {
		switch classify(a.Err, h.Host).ResultType {
		case "":
			if a.Authenticated && a.Err == nil {
				return address, StepSecure, StepMatch
			}
		case CertificateNotTrusted, CertificateExpired, CertificateHostMismatch:
			certificate = StepMismatch
		}
	}
	return address, StepSecure, certificate
}
