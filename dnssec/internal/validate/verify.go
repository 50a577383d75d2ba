package validate

import (
	"cmp"
	"errors"
	"sync"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// verify looks for one signature of the zone that holds; one is enough (RFC 6840
// §5.11). It returns the signature, or nil and what is wrong; the error is the
// budget's.
func (val *Validator) verify(set *RRset, zone canonical.Name, keys []*rrsig.Key) (*dns.RRSIG, *fault, error) {
	if err := set.Malformed(); err != nil {
		return nil, faultOf(err, zone, set.Question, 0), nil
	}
	var problem *fault
	tries := 0
	for _, sig := range set.Sigs {
		failed, err := val.try(set, sig, zone, keys, &tries)
		if err != nil {
			return nil, problem, err
		}
		if failed == nil {
			return sig, nil, nil
		}
		found := faultOf(failed, zone, set.Question, sig.KeyTag)
		found.reason.Sig = sig
		problem = problem.or(found)
	}
	if problem == nil {
		problem = faultOf(errNoSignature, zone, set.Question, 0)
	}
	return nil, problem, nil
}

// try checks one signature by the keys that it names, and returns what is wrong with it;
// nil if it holds. The error is the budget's. Whether there is a key that could have made
// it is looked at before its time, and comes first in the order of faults.
func (val *Validator) try(set *RRset, sig *dns.RRSIG, zone canonical.Name, keys []*rrsig.Key, tries *int) (failed, err error) {
	timely := rrsig.Check(&set.canonical, sig, zone, val.Now, val.Skew)
	if errors.Is(timely, rrsig.ErrMismatch) {
		return timely, nil
	}
	for _, key := range keys {
		if !key.Named(sig) {
			continue
		}
		if unfit := cmp.Or(rrsig.ZoneKey(key.Record), key.Usable(), timely); unfit != nil {
			failed = nearer(failed, unfit)
			continue
		}
		if *tries++; *tries > maxSignaturesPerRRset {
			return failed, ErrBudget
		}
		wrong, err := val.verifyOnce(set, sig, key)
		if wrong == nil || err != nil {
			return nil, err
		}
		failed = nearer(failed, wrong)
	}
	return cmp.Or(failed, errNoKey), nil
}

// A scratch is room for what most signatures cover, and for what identifies the check of one. It
// is used again: on the stack of a question in flight there is no room for it.
type scratch struct {
	signed   [512]byte
	identity [1024]byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// verifyOnce checks a signature by a key of the zone, unless it is known to be good. It returns
// what is wrong, nil if the signature is good; the error is the budget's. The caller has checked
// the rest of it, its time above all.
func (val *Validator) verifyOnce(set *RRset, sig *dns.RRSIG, key *rrsig.Key) (problem, err error) {
	if err := val.Budget.spendSignature(0, set.canonical.SignedSize()); err != nil {
		return nil, err
	}
	room := scratches.Get().(*scratch)
	defer scratches.Put(room)
	data, problem := set.canonical.AppendSignedData(room.signed[:0], sig)
	if problem != nil {
		return problem, nil
	}
	check := val.Signatures.fingerprint(room.identity[:0], data, sig, key.Record)
	if val.Signatures.has(check) {
		return nil, nil
	}
	if err := val.Budget.spendSignature(key.Cost(), 0); err != nil {
		return nil, err
	}
	if problem := val.Verifying.VerifyData(key, data, sig); problem != nil {
		return problem, nil
	}
	val.Signatures.remember(check)
	return nil, nil
}
