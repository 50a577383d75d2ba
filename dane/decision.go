package dane

import (
	"slices"

	"github.com/danesmtp/danesmtp/dnssec"
)

// A step is what one step of the way to a certificate gave, in a decision.
type step string

// The steps. stepBogus stands for all lookups that fail (RFC 7672 §2.1.1).
const (
	stepAny      step = ""
	stepSecure   step = "secure"
	stepInsecure step = "insecure"
	stepBogus    step = "bogus"
	stepAbsent   step = "no record"
	stepUnusable step = "unusable"
	stepMatch    step = "success"
	stepMismatch step = "failure"
	stepNotBogus step = "any but bogus"
)

// A decision is a row of the table that turns what was found into an outcome.
type decision struct {
	MX, Address, TLSA, Certificate step
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
var mandatory = []decision{
	{stepSecure, stepSecure, stepSecure, stepMatch, OutcomeSuccess, deliver},
	{stepSecure, stepSecure, stepSecure, stepMismatch, OutcomeFailure, untrusted},
	{stepSecure, stepSecure, stepInsecure, stepAny, OutcomeFailure, withoutDANE},
	{stepSecure, stepSecure, stepAbsent, stepAny, OutcomeFailure, noTLSA},
	{stepSecure, stepSecure, stepUnusable, stepAny, OutcomeFailure, noUsableTLSA},
	{stepSecure, stepSecure, stepBogus, stepAny, OutcomeFailure, failedTLSA},
	{stepSecure, stepInsecure, stepAny, stepAny, OutcomeFailure, withoutDANE},
	{stepSecure, stepBogus, stepAny, stepAny, OutcomeFailure, noHost},
	{stepSecure, stepAbsent, stepAny, stepAny, OutcomeFailure, noAddress},
	{stepInsecure, stepAbsent, stepAny, stepAny, OutcomeFailure, noAddress},
	{stepInsecure, stepNotBogus, stepAny, stepAny, OutcomeFailure, withoutDANE},
	{stepInsecure, stepBogus, stepAny, stepAny, OutcomeFailure, noHost},
	{stepBogus, stepAny, stepAny, stepAny, OutcomeFailure, noHost},
}

// opportunistic is the table for opportunistic DANE (RFC 7672 §2.2).
var opportunistic = []decision{
	{stepSecure, stepSecure, stepSecure, stepMatch, OutcomeSuccess, deliver},
	{stepSecure, stepSecure, stepSecure, stepMismatch, OutcomeFailure, untrusted},
	{stepSecure, stepSecure, stepInsecure, stepAny, OutcomeNone, fallBack},
	{stepSecure, stepSecure, stepAbsent, stepAny, OutcomeNone, fallBack},
	{stepSecure, stepSecure, stepUnusable, stepAny, OutcomeNone, encrypt},
	{stepSecure, stepSecure, stepBogus, stepAny, OutcomeFailure, failedTLSA},
	{stepSecure, stepInsecure, stepAny, stepAny, OutcomeNone, fallBack},
	{stepSecure, stepBogus, stepAny, stepAny, OutcomeFailure, noHost},
	{stepSecure, stepAbsent, stepAny, stepAny, OutcomeFailure, noAddress},
	{stepInsecure, stepAbsent, stepAny, stepAny, OutcomeFailure, noAddress},
	{stepInsecure, stepNotBogus, stepAny, stepAny, OutcomeNone, fallBack},
	{stepInsecure, stepBogus, stepAny, stepAny, OutcomeFailure, noHost},
	{stepBogus, stepAny, stepAny, stepAny, OutcomeFailure, noHost},
}

// decisions returns the table for a level, in which the first row that fits counts; nil for
// DANENone.
func decisions(level DANELevel) []decision {
	switch level {
	case DANEMandatory:
		return slices.Clone(mandatory)
	case DANEOpportunistic:
		return slices.Clone(opportunistic)
	}
	return nil
}

// decision returns the row of the tables that gives the outcome, and false if the tables do
// not cover what happened: a server that cannot be connected to or offers no STARTTLS, a
// domain that accepts no mail, or DANE that is off. Failure has the reason then.
func (r *Result) decision() (decision, bool) {
	if r.Domain == nil || r.Unresolved || r.Planned {
		return decision{}, false
	}
	row := decision{MX: stepOf(r.Domain.Status), Outcome: r.Outcome}
	if r.Domain.Lookup.Err != nil {
		row.MX = stepBogus
	} else if h := r.decider(); h != nil {
		row.Address, row.TLSA, row.Certificate = h.steps()
	} else {
		return decision{}, false
	}
	for _, known := range decisions(r.Profile.DANE) {
		if fits(known.MX, row.MX) && fits(known.Address, row.Address) && fits(known.TLSA, row.TLSA) &&
			fits(known.Certificate, row.Certificate) && known.Outcome == row.Outcome {
			return known, true
		}
	}
	return decision{}, false
}

func fits(known, seen step) bool {
	return known == stepAny || known == seen || known == stepNotBogus && seen != stepBogus
}

func stepOf(s dnssec.Status) step {
	switch s {
	case dnssec.Secure:
		return stepSecure
	case dnssec.Insecure:
		return stepInsecure
	}
	return stepBogus
}

// steps returns what the host's lookups and attempts gave.
func (h *HostResult) steps() (address, record, certificate step) {
	best := dnssec.Indeterminate
	for _, a := range h.Addresses {
		best = max(best, a.Status)
	}
	failed := slices.ContainsFunc(h.Lookups, func(l Lookup) bool { return l.Err != nil })
	switch address = stepOf(best); {
	case len(h.Addresses) == 0 && len(h.Lookups) > 0 && !failed:
		return stepAbsent, "", ""
	case h.TLSA == nil:
		return address, "", ""
	}
	// TLSA records are asked for below a secure name only, which may be an alias to an
	// insecure address (RFC 7672 §2.2.2).
	address = stepSecure
	switch {
	case h.TLSA.Err != nil:
		return address, stepBogus, ""
	case len(h.Records) == 0 && len(h.TLSA.Records) == 0:
		return address, stepAbsent, ""
	case len(h.Records) == 0:
		return address, stepInsecure, ""
	case !slices.ContainsFunc(h.Records, usable):
		return address, stepUnusable, ""
	}
	for _, a := range h.Attempts {
		switch classify(a.Err, h.Host, false).ResultType {
		case "":
			if a.Authenticated && a.Err == nil {
				return address, stepSecure, stepMatch
			}
		case CertificateNotTrusted, CertificateExpired, CertificateHostMismatch:
			certificate = stepMismatch
		}
	}
	return address, stepSecure, certificate
}
