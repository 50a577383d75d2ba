package dnssec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/denial"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// maxDenials bounds the NSEC or NSEC3 RRsets that are verified for one proof: the longest
// one needs three (RFC 5155 §7.2). A reply may hold many more, such as those for the
// aliases that led to the name; they are not looked at.
const maxDenials = 8

// judgeDenial validates a reply without an answer: NODATA or NXDOMAIN (RFC 4035
// §5.4, RFC 5155 §8).
func (val *validator) judgeDenial(ctx context.Context, q question, rcode int, authority []*rrset) *verdict {
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
	for _, zone := range val.signers(q, sigs) {
		keys := val.signerKeys(ctx, q, zone)
		switch keys.status {
		case Secure:
		case Insecure:
			v := val.insecure(keys.reason, earlier(denialExpiry(val.now, q, authority), keys.expires), keys)
			v.shape = shape
			return v
		case Indeterminate:
			return failure(keys)
		default:
			problem = problem.or(because(keys.reason, errSigner))
			continue
		}
		v, failed := val.judgeProof(q, shape, zone, keys, authority)
		if v != nil {
			return v
		}
		problem, tried = problem.or(failed), cmp.Or(tried, keys)
	}
	if problem == (fault{}) {
		problem.reason = q.reason(EDENSECMissing, "no NSEC or NSEC3 record proves that there is none")
	}
	v := val.unlessInsecure(ctx, q, denialExpiry(val.now, q, authority), problem.reason, tried)
	v.shape = shape
	return v
}

// judgeProof gives the verdict when the records of a zone prove the denial, or
// when that cannot be found out; otherwise nil and the reason.
func (val *validator) judgeProof(q question, claimed shape, zone canonical.Name, keys *verdict, authority []*rrset) (*verdict, fault) {
	var shape shape
	var proof denial.Proof
	denials, err := val.prove(zone, keys, authority, func(records *denial.Records) (err error) {
		shape, proof, err = denies(records, q, claimed)
		return err
	})
	if errors.Is(err, denial.ErrUnproven) {
		return nil, unproven(denials.problem, zone, q)
	}
	if err != nil {
		return overBudget(q, err), fault{}
	}
	v := &verdict{
		status: Secure, shape: shape, delegation: proof.Delegation, proof: denials.sets, on: keys,
		expires: earlier(denials.until, keys.expires),
	}
	if end, ok := soaEnd(val.now, q, authority); ok {
		v.expires = earlier(v.expires, end)
	}
	val.weaken(v, proof, zone, q)
	return v, fault{}
}

// denies tries what a reply of the claimed shape may prove, and returns the shape that is
// proven.
func denies(records *denial.Records, q question, claimed shape) (shape, denial.Proof, error) {
	if claimed == nameError {
		proof, err := records.NameError(q.name)
		if !errors.Is(err, denial.ErrUnproven) {
			return nameError, proof, err
		}
	}
	// Servers say NXDOMAIN for an empty non-terminal; what is proven counts, but
	// not an opt-out span, which leaves open what is there.
	proof, err := records.NoData(q.name, q.qtype)
	if err == nil && claimed == nameError && proof.OptOut {
		err = denial.ErrUnproven
	}
	if proof.Nonexistent {
		return nameError, proof, err // RFC 9824 §3.1: the rcode may be either
	}
	return noData, proof, err
}

// hashCost bounds the work on NSEC3 records.
func (val *validator) hashCost() denial.Cost {
	return denial.Cost{Iterations: cmp.Or(val.maxIterations, denial.MaxIterations), Spend: val.budget.spendHashes}
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
func (val *validator) weaken(v *verdict, proof denial.Proof, zone canonical.Name, q question) {
	var reason Reason
	switch {
	case proof.IterationsExceeded:
		// RFC 9276 §3.2, RFC 5155 §10.3
		reason = q.reason(EDENSEC3IterationsTooBig, fmt.Sprintf("the zone's NSEC3 records have more than %d iterations", val.hashCost().Iterations))
	case proof.OptOut:
		// RFC 5155 §9.2: the name may exist as an unsigned delegation.
		reason = q.reason(EDEOther, "the name lies in an opt-out span, where unsigned delegations may be")
	default:
		return
	}
	reason = in(zone, reason)
	if val.aboveAnchor(zone, q) {
		*v = verdict{status: Bogus, reason: reason, made: val.now, expires: val.now.Add(bogusTTL)}
		return
	}
	v.status, v.reason = Insecure, reason
}

// denials are the NSEC and NSEC3 RRsets of a zone that a proof rests on. Their signatures
// hold.
type denials struct {
	sets    []signedSet
	until   time.Time // when the first of them expires
	problem fault     // of the one that came nearest
}

// prove makes a proof by the records of a reply, and verifies what it rests on, and no more:
// a signature that does not hold costs the proof its record, not the others. The error is
// the budget's, or ErrUnproven.
func (val *validator) prove(zone canonical.Name, keys *verdict, authority []*rrset, attempt func(*denial.Records) error) (denials, error) {
	var candidates []*rrset
	var records []dns.RR
	for _, set := range authority {
		if (set.qtype == dns.TypeNSEC || set.qtype == dns.TypeNSEC3) && set.name.Below(zone) {
			candidates, records = append(candidates, set), append(records, set.toRead()...)
		}
	}
	choice := denial.New(zone, records, val.hashCost())
	verified := make(map[*rrset]*dns.RRSIG, 4)
	var problem fault
	for tried := 0; ; {
		proof := attempt(choice)
		if proof != nil && !errors.Is(proof, denial.ErrUnproven) {
			return denials{}, proof
		}
		needed := needs(candidates, choice.Used())
		bad := false
		for _, set := range needed {
			if verified[set] != nil {
				continue
			}
			if tried++; tried > maxDenials {
				return denials{problem: problem}, denial.ErrUnproven
			}
			sig, failed, err := val.verifyDenial(set, zone, keys)
			if err != nil {
				return denials{}, err
			}
			if sig == nil {
				problem, bad = problem.or(failed), true
				choice.Without(set.toRead())
				continue
			}
			verified[set] = sig
		}
		if !bad {
			return val.denialsOf(needed, verified, problem), proof
		}
	}
}

// needs returns the sets that hold records in use.
func needs(sets []*rrset, used []dns.RR) []*rrset {
	var needed []*rrset
	for _, set := range sets {
		if slices.ContainsFunc(set.toRead(), func(rr dns.RR) bool { return slices.Contains(used, rr) }) {
			needed = append(needed, set)
		}
	}
	return needed
}

// verifyDenial verifies one NSEC or NSEC3 RRset, as verify does.
func (val *validator) verifyDenial(set *rrset, zone canonical.Name, keys *verdict) (*dns.RRSIG, fault, error) {
	sig, failed, err := val.verify(set, zone, keys.keys)
	if sig == nil || err != nil {
		return nil, failed, err
	}
	if _, expanded := rrsig.ExpandedFrom(set.name, sig); expanded {
		// No NSEC in the chain has this owner: the wildcard's was renamed.
		expanded := in(zone, set.reason(EDEBogus, "expanded from a wildcard, as proofs of non-existence must not be"))
		return nil, because(expanded, rrsig.ErrSignature), nil
	}
	return sig, fault{}, nil
}

func (val *validator) denialsOf(sets []*rrset, sigs map[*rrset]*dns.RRSIG, problem fault) denials {
	all := denials{until: val.now.Add(maxDenialTTL), problem: problem}
	for _, set := range sets {
		all.sets = append(all.sets, signedSet{set.records, sigs[set]})
		all.until = earlier(all.until, val.expiry(set.records, sigs[set]))
	}
	return all
}

// judgeExpansion completes the verdict on an RRset that a wildcard gave: the name
// itself, or rather the next closer one, must not exist (RFC 4035 §5.3.4).
func (val *validator) judgeExpansion(ctx context.Context, q question, zone canonical.Name, labels int, keys *verdict, authority []*rrset, v *verdict) *verdict {
	if q.qtype == dns.TypeDS || q.qtype == dns.TypeDNAME {
		// No delegation or DNAME of a name comes from a wildcard (RFC 4592 §4.2, §4.4).
		return val.bogus(in(zone, q.reason(EDEBogus, "expanded from a wildcard, as records of its type must not be")))
	}
	var proof denial.Proof
	denials, err := val.prove(zone, keys, authority, func(records *denial.Records) (err error) {
		proof, err = records.Wildcard(q.name, labels)
		return err
	})
	if err != nil {
		if errors.Is(err, denial.ErrUnproven) {
			return val.unlessInsecure(ctx, q, v.expires, unproven(denials.problem, zone, q).reason, keys)
		}
		return overBudget(q, err)
	}
	v.proof = append(v.proof, denials.sets...)
	v.expires = earlier(v.expires, denials.until)
	val.weaken(v, proof, zone, q)
	return v
}
