package dnssec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/denial"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// maxDenials bounds the NSEC or NSEC3 RRsets of one reply that are verified: the
// longest proof needs three (RFC 5155 §7.2).
const maxDenials = 8

// judgeDenial validates a reply without an answer: NODATA or NXDOMAIN (RFC 4035
// §5.4, RFC 5155 §8).
func (l *lookup) judgeDenial(ctx context.Context, q question, rcode int, authority []*rrset) *verdict {
	shape := noData
	if rcode == dns.RcodeNameError {
		shape = nameError
	}
	var sigs []*dns.RRSIG
	var problem fault
	var tried *verdict
	for _, set := range authority {
		if set.qtype == dns.TypeNSEC || set.qtype == dns.TypeNSEC3 {
			sigs = append(sigs, set.sigs...)
		}
		if len(set.sigs) == 0 && (set.qtype == dns.TypeNSEC || set.qtype == dns.TypeNSEC3 || set.qtype == dns.TypeSOA) {
			problem = because(set.reason(EDERRSIGsMissing, "no signature"), errNoSignature)
		}
	}
	for _, zone := range l.signers(q, sigs) {
		keys := l.signerKeys(ctx, q, zone)
		switch keys.status {
		case Secure:
		case Insecure:
			v := l.insecure(keys.reason, earlier(denialExpiry(l.now, authority), keys.expires), keys)
			v.shape = shape
			return v
		case Indeterminate:
			return failure(keys)
		default:
			problem = problem.or(because(keys.reason, errSigner))
			continue
		}
		v, failed := l.judgeProof(q, shape, zone, keys, authority)
		if v != nil {
			return v
		}
		problem, tried = problem.or(failed), cmp.Or(tried, keys)
	}
	if problem == (fault{}) {
		problem.reason = q.reason(EDENSECMissing, "no NSEC or NSEC3 record proves that there is none")
	}
	v := l.unlessInsecure(ctx, q, denialExpiry(l.now, authority), problem.reason, tried)
	v.shape = shape
	return v
}

// judgeProof gives the verdict when the records of a zone prove the denial, or
// when that cannot be found out; otherwise nil and the reason.
func (l *lookup) judgeProof(q question, shape shape, zone canonical.Name, keys *verdict, authority []*rrset) (*verdict, fault) {
	denials, err := l.verifiedDenials(zone, keys, authority)
	if err != nil {
		return indeterminate(q, err), fault{}
	}
	var proof denial.Proof
	err = denial.ErrUnproven
	if shape == nameError {
		proof, err = denial.NameError(zone, denials.records, q.name, l.hashCost())
	}
	if errors.Is(err, denial.ErrUnproven) {
		// Servers say NXDOMAIN for an empty non-terminal; what is proven counts, but
		// not an opt-out span, which leaves open what is there.
		var noDataErr error
		proof, noDataErr = denial.NoData(zone, denials.records, q.name, q.qtype, l.hashCost())
		if noDataErr == nil && shape == nameError && proof.OptOut {
			noDataErr = denial.ErrUnproven
		}
		if noDataErr == nil {
			shape, err = noData, nil
		} else if shape == noData || !errors.Is(noDataErr, denial.ErrUnproven) {
			err = noDataErr
		}
	}
	if errors.Is(err, denial.ErrUnproven) {
		return nil, unproven(denials.problem, zone, q)
	}
	if err != nil {
		return indeterminate(q, err), fault{}
	}
	if proof.Nonexistent {
		shape = nameError // RFC 9824 §3.1: the rcode may be either
	}
	v := &verdict{status: Secure, shape: shape, delegation: proof.Delegation, expires: earlier(denials.until, keys.expires), proof: denials.sets, on: keys}
	l.weaken(v, proof, zone, q)
	return v, fault{}
}

// hashCost bounds the work on NSEC3 records.
func (l *lookup) hashCost() denial.Cost {
	return denial.Cost{Iterations: cmp.Or(l.resolver.MaxIterations, denial.MaxIterations), Spend: l.budget.spendHashes}
}

// unproven is the reason when the records that are left prove nothing: what was
// wrong with the others, if there were any.
func unproven(problem fault, zone canonical.Name, q question) fault {
	if problem != (fault{}) {
		return problem
	}
	return faultOf(denial.ErrUnproven, zone, q, 0)
}

// weaken makes a verdict insecure where the proof proves no more than that.
func (l *lookup) weaken(v *verdict, proof denial.Proof, zone canonical.Name, q question) {
	var reason Reason
	switch {
	case proof.IterationsExceeded:
		// RFC 9276 §3.2, RFC 5155 §10.3
		reason = q.reason(EDENSEC3IterationsTooBig, fmt.Sprintf("the zone's NSEC3 records have more than %d iterations", l.hashCost().Iterations))
	case proof.OptOut:
		// RFC 5155 §9.2: the name may exist as an unsigned delegation.
		reason = q.reason(EDEOther, "the name lies in an opt-out span, where unsigned delegations may be")
	default:
		return
	}
	reason = in(zone, reason)
	if l.aboveAnchor(zone, q) {
		*v = *l.bogus(reason)
		return
	}
	v.status, v.reason = Insecure, reason
}

// denials are the NSEC and NSEC3 RRsets of a zone whose signatures hold.
type denials struct {
	sets    []signedSet
	records []dns.RR  // of all sets
	until   time.Time // when the first signature expires
	problem fault     // of the one that came nearest
}

// verifiedDenials returns those of a reply. The error is the budget's.
func (l *lookup) verifiedDenials(zone canonical.Name, keys *verdict, authority []*rrset) (denials, error) {
	verified, tried := denials{until: l.now.Add(maxDenialTTL)}, 0
	for _, set := range authority {
		if set.qtype != dns.TypeNSEC && set.qtype != dns.TypeNSEC3 || len(set.records) == 0 || !set.name.Below(zone) {
			continue
		}
		if tried++; tried > maxDenials {
			break
		}
		sig, failed, err := l.verify(set, zone, keys.keys)
		if err != nil {
			return denials{}, err
		}
		if sig == nil {
			verified.problem = verified.problem.or(failed)
			continue
		}
		if _, expanded := rrsig.ExpandedFrom(set.name, sig); expanded {
			// No NSEC in the chain has this owner: the wildcard's was renamed.
			expanded := in(zone, set.reason(EDEBogus, "expanded from a wildcard, as proofs of non-existence must not be"))
			verified.problem = verified.problem.or(because(expanded, rrsig.ErrSignature))
			continue
		}
		verified.sets = append(verified.sets, signedSet{set.records, sig})
		verified.records = append(verified.records, set.toRead()...)
		verified.until = earlier(verified.until, l.expiry(set.records, sig))
	}
	return verified, nil
}

// denialExpiry is how long an unproven denial from an insecure zone is kept: by
// the SOA's minimum and TTL (RFC 2308 §5).
func denialExpiry(now time.Time, authority []*rrset) time.Time {
	until := now.Add(bogusTTL)
	for _, set := range authority {
		for _, rr := range set.records {
			if soa, ok := rr.(*dns.SOA); ok {
				ttl := time.Duration(min(soa.Minttl, soa.Hdr.Ttl)) * time.Second
				until = now.Add(min(ttl, maxDenialTTL))
			}
		}
	}
	return until
}
