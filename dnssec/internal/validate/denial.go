package validate

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
func (val *Validator) judgeDenial(ctx context.Context, q Question, rcode int, authority []*RRset) *Verdict {
	shape := NoData
	if rcode == dns.RcodeNameError {
		shape = NameError
	}
	var sigs []*dns.RRSIG
	var problem *fault
	var tried *Verdict
	for _, set := range authority {
		if set.Type == dns.TypeNSEC || set.Type == dns.TypeNSEC3 {
			sigs = append(sigs, set.Sigs...)
		}
		if len(set.Sigs) == 0 && (set.Type == dns.TypeNSEC || set.Type == dns.TypeNSEC3 || set.Type == dns.TypeSOA) {
			problem = because(set.Reason(CodeRRSIGsMissing, "no signature"), errNoSignature)
		}
	}
	var room [maxSigners]canonical.Name
	for _, zone := range val.signersAmong(room[:0], q, sigs) {
		keys := val.signerKeys(ctx, q, zone)
		switch keys.Status {
		case Secure:
		case Insecure:
			v := insecure(keys.Reason, earlier(DenialExpiry(val.Now, q, authority), keys.Expires), keys)
			v.Shape = shape
			return v
		case Indeterminate:
			return failure(keys)
		default:
			problem = problem.or(because(keys.Why(), errSigner))
			continue
		}
		v, failed := val.judgeProof(q, shape, zone, keys, authority)
		if v != nil {
			return v
		}
		problem, tried = problem.or(failed), cmp.Or(tried, keys)
	}
	reason := q.Reason(CodeNSECMissing, "no NSEC or NSEC3 record proves that there is none")
	if problem != nil {
		reason = problem.reason
	}
	v := val.unlessInsecure(ctx, q, DenialExpiry(val.Now, q, authority), reason, tried)
	v.Shape = shape
	return v
}

// madeUp reports whether IPv6 addresses may be made by a resolver for networks without IPv4 (DNS64):
// they have no signature. It is to leave that to whoever validates (RFC 6147 §5.5, item 3); PowerDNS
// Recursor 4.8 does not, and encloses the proof that there are none. The proof is the zone's word, and
// counts then: whoever could put records without a signature beside it could as well have left
// them out. What a name server of the zone says is judged as it stands.
func madeUp(set *RRset, msg *dns.Msg) bool {
	return set.Type == dns.TypeAAAA && len(set.Sigs) == 0 && msg.RecursionAvailable
}

// judgeProof gives the verdict when the records of a zone prove the denial, or
// when that cannot be found out; otherwise nil and the reason.
func (val *Validator) judgeProof(q Question, claimed Shape, zone canonical.Name, keys *Verdict, authority []*RRset) (*Verdict, *fault) {
	var shape Shape
	var proof denial.Proof
	denials, err := val.prove(zone, keys, authority, func(records *denial.Records) (err error) {
		shape, proof, err = denies(records, q, claimed)
		return err
	})
	if errors.Is(err, denial.ErrUnproven) {
		return nil, unproven(denials.problem, zone, q)
	}
	if err != nil {
		return OverBudget(q, err), nil
	}
	v := proven(denials.sets, earlier(denials.until, keys.Expires), keys)
	v.Shape, v.unsigned = shape, proof.Delegation
	if end, ok := soaEnd(val.Now, q, authority); ok {
		v.Expires = earlier(v.Expires, end)
	}
	val.weaken(v, proof, zone, q)
	return v, nil
}

// denies tries what a reply of the claimed shape may prove, and returns the shape that is
// proven.
func denies(records *denial.Records, q Question, claimed Shape) (Shape, denial.Proof, error) {
	if claimed == NameError {
		proof, err := records.NameError(q.Name)
		if !errors.Is(err, denial.ErrUnproven) {
			return NameError, proof, err
		}
	}
	// Servers say NXDOMAIN for an empty non-terminal; what is proven counts, but
	// not an opt-out span, which leaves open what is there.
	proof, err := records.NoData(q.Name, q.Type)
	if err == nil && claimed == NameError && proof.OptOut {
		err = denial.ErrUnproven
	}
	if proof.Nonexistent {
		return NameError, proof, err // RFC 9824 §3.1: the rcode may be either
	}
	return NoData, proof, err
}

// hashCost bounds the work on NSEC3 records.
func (val *Validator) hashCost() denial.Cost {
	return denial.Cost{Iterations: cmp.Or(val.MaxIterations, denial.MaxIterations), Spend: val.Budget.spendHashes}
}

// unproven is the reason when the records that are left prove nothing: what was
// wrong with the others, if there were any.
func unproven(problem *fault, zone canonical.Name, q Question) *fault {
	if problem != nil {
		return problem
	}
	return faultOf(denial.ErrUnproven, zone, q, 0)
}

// weaken makes a verdict insecure where the proof proves no more than that.
func (val *Validator) weaken(v *Verdict, proof denial.Proof, zone canonical.Name, q Question) {
	var reason Reason
	switch {
	case proof.IterationsExceeded:
		// RFC 9276 §3.2, RFC 5155 §10.3
		reason = q.Reason(CodeNSEC3IterationsTooBig, fmt.Sprintf("the zone's NSEC3 records have more than %d iterations", val.hashCost().Iterations))
	case proof.OptOut:
		// RFC 5155 §9.2: the name may exist as an unsigned delegation.
		reason = q.Reason(CodeOther, "the name lies in an opt-out span, where unsigned delegations may be")
	default:
		return
	}
	reason = inZone(zone, reason)
	if val.aboveAnchor(zone, q) {
		*v = Verdict{Status: Bogus, Reason: &reason, Made: val.Now, Expires: val.Now.Add(bogusTTL)}
		return
	}
	v.Status, v.Reason = Insecure, &reason
}

// denials are the NSEC and NSEC3 RRsets of a zone that a proof rests on. Their signatures
// hold.
type denials struct {
	sets    []SignedSet
	until   time.Time // when the first of them expires
	problem *fault    // of the one that came nearest
}

// prove makes a proof by the records of a reply, and verifies what it rests on, and no more:
// a signature that does not hold costs the proof its record, not the others. The error is
// the budget's, or ErrUnproven.
func (val *Validator) prove(zone canonical.Name, keys *Verdict, authority []*RRset, attempt func(*denial.Records) error) (denials, error) {
	var candidates []candidate
	var records []dns.RR
	for _, set := range authority {
		if (set.Type == dns.TypeNSEC || set.Type == dns.TypeNSEC3) && set.Name.Below(zone) {
			candidates, records = append(candidates, candidate{RRset: set}), append(records, set.toRead()...)
		}
	}
	choice := denial.New(zone, records, val.hashCost())
	var problem *fault
	for tried := 0; ; {
		proof := attempt(choice)
		if proof != nil && !errors.Is(proof, denial.ErrUnproven) {
			return denials{}, proof
		}
		used, bad := choice.Used(), false
		for i := range candidates {
			set := &candidates[i]
			if set.needed = set.among(used); !set.needed || set.sig != nil {
				continue
			}
			if tried++; tried > maxDenials {
				return denials{problem: problem}, denial.ErrUnproven
			}
			sig, failed, err := val.verifyDenial(set.RRset, zone, keys)
			if err != nil {
				return denials{}, err
			}
			if sig == nil {
				problem, bad = problem.or(failed), true
				choice.Without(set.toRead())
				continue
			}
			set.sig = sig
		}
		if !bad {
			return val.denialsOf(candidates, keys, problem), proof
		}
	}
}

// A candidate is an NSEC or NSEC3 RRset for a proof.
type candidate struct {
	*RRset
	sig    *dns.RRSIG // that holds; nil until it was verified
	needed bool       // by the last attempt
}

// among reports whether one of the records is in use.
func (c *candidate) among(used []dns.RR) bool {
	return slices.ContainsFunc(c.toRead(), func(rr dns.RR) bool { return slices.Contains(used, rr) })
}

// verifyDenial verifies one NSEC or NSEC3 RRset, as verify does.
func (val *Validator) verifyDenial(set *RRset, zone canonical.Name, keys *Verdict) (*dns.RRSIG, *fault, error) {
	sig, failed, err := val.verify(set, zone, keys.Keys())
	if sig == nil || err != nil {
		return nil, failed, err
	}
	if _, expanded := rrsig.ExpandedFrom(set.Name, sig.Labels); expanded {
		// No NSEC in the chain has this owner: the wildcard's was renamed.
		expanded := inZone(zone, set.Reason(CodeBogus, "expanded from a wildcard, as proofs of non-existence must not be"))
		return nil, because(expanded, rrsig.ErrSignature), nil
	}
	return sig, nil, nil
}

func (val *Validator) denialsOf(candidates []candidate, keys *Verdict, problem *fault) denials {
	needed := 0
	for _, set := range candidates {
		if set.needed {
			needed++
		}
	}
	all := denials{sets: make([]SignedSet, 0, needed), until: val.Now.Add(MaxDenialTTL), problem: problem}
	for _, set := range candidates {
		if set.needed {
			all.sets = append(all.sets, signed(set.RRset, set.sig, keys.Keys()))
			all.until = earlier(all.until, val.expiry(set.Records, set.sig))
		}
	}
	return all
}

// judgeExpansion completes the verdict on an RRset that a wildcard gave: the name
// itself, or rather the next closer one, must not exist (RFC 4035 §5.3.4).
func (val *Validator) judgeExpansion(ctx context.Context, q Question, zone canonical.Name, labels int, keys *Verdict, authority []*RRset, v *Verdict) *Verdict {
	if q.Type == dns.TypeDS || q.Type == dns.TypeDNAME {
		// No delegation or DNAME of a name comes from a wildcard (RFC 4592 §4.2, §4.4).
		return val.bogus(inZone(zone, q.Reason(CodeBogus, "expanded from a wildcard, as records of its type must not be")))
	}
	var proof denial.Proof
	denials, err := val.prove(zone, keys, authority, func(records *denial.Records) (err error) {
		proof, err = records.Wildcard(q.Name, labels)
		return err
	})
	if err != nil {
		if errors.Is(err, denial.ErrUnproven) {
			return val.unlessInsecure(ctx, q, v.Expires, unproven(denials.problem, zone, q).reason, keys)
		}
		return OverBudget(q, err)
	}
	v.Proof = append(v.Proof, denials.sets...)
	v.Expires = earlier(v.Expires, denials.until)
	val.weaken(v, proof, zone, q)
	return v
}
