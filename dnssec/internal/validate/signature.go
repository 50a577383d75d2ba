package validate

import (
	"cmp"
	"context"
	"errors"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// judgeSet validates an RRset (RFC 4035 §5.3). Its verdict has no shape yet.
// authority holds the proof that an answer from a wildcard needs.
func (val *Validator) judgeSet(ctx context.Context, set *RRset, authority []*RRset) *Verdict {
	if set.Type == dns.TypeDNSKEY {
		return val.judgeKeys(ctx, set)
	}
	var problem fault
	var tried *Verdict
	for _, zone := range val.signersAmong(set.Question, set.Sigs) {
		keys := val.signerKeys(ctx, set.Question, zone)
		if keys.Status != Secure {
			if keys.Status == Insecure {
				return insecure(keys.Reason, earlier(val.expiry(set.Records, nil), keys.Expires), keys)
			}
			if keys.Status == Indeterminate {
				return failure(keys)
			}
			problem = problem.or(because(keys.Reason, errSigner))
			continue
		}
		sig, failed, err := val.verify(set, zone, keys.Keys)
		if err != nil {
			return OverBudget(set.Question, err)
		}
		if sig == nil {
			problem = problem.or(failed)
			tried = cmp.Or(tried, keys)
			continue
		}
		v := &Verdict{Status: Secure, Expires: earlier(val.expiry(set.Records, sig), keys.Expires), Proof: []SignedSet{{set.Records, sig}}, RestsOn: keys}
		if labels, expanded := rrsig.ExpandedFrom(set.Name, sig); expanded {
			return val.judgeExpansion(ctx, set.Question, zone, labels, keys, authority, v)
		}
		return v
	}
	if problem == (fault{}) {
		problem.reason = set.Reason(CodeRRSIGsMissing, "no signature by an enclosing zone")
	}
	return val.unlessInsecure(ctx, set.Question, val.expiry(set.Records, nil), problem.reason, tried)
}

// verify looks for one signature of the zone that holds; one is enough (RFC 6840
// §5.11). It returns the signature, or nil and what is wrong; the error is the
// budget's.
func (val *Validator) verify(set *RRset, zone canonical.Name, keys []*rrsig.Key) (*dns.RRSIG, fault, error) {
	if set.Malformed != nil {
		return nil, faultOf(set.Malformed, zone, set.Question, 0), nil
	}
	var problem fault
	tries := 0
	for _, sig := range set.Sigs {
		failed, err := val.try(set, sig, zone, keys, &tries)
		if err != nil {
			return nil, problem, err
		}
		if failed == nil {
			return sig, fault{}, nil
		}
		problem = problem.or(faultOf(failed, zone, set.Question, sig.KeyTag))
	}
	if problem == (fault{}) {
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

// maxSigners bounds the zones that are tried as the signer of one RRset: there
// can be only one, and a reply in transition holds no more.
const maxSigners = 3

// signersAmong returns the zones that the signatures name, closest first. Only a zone
// that encloses the owner and lies at or below a trust anchor can be one (RFC 4035
// §5.3.1).
func (val *Validator) signersAmong(q Question, sigs []*dns.RRSIG) []canonical.Name {
	if _, ok := val.AnchorOf(q); !ok {
		return nil
	}
	var zones []canonical.Name
	for _, sig := range sigs {
		zone, err := canonical.ParseName(sig.SignerName)
		if err != nil || !q.Enclosed().Below(zone) {
			continue
		}
		if _, anchored := val.AnchorOf(Question{zone, dns.TypeDNSKEY}); !anchored {
			continue
		}
		zones = insertCloser(zones, zone)
	}
	return zones[:min(len(zones), maxSigners)]
}

// Signers returns the zones that may have signed what a reply says, closest first.
func (val *Validator) Signers(q Question, msg *dns.Msg) []canonical.Name {
	var sigs []*dns.RRSIG
	for _, section := range [...][]dns.RR{msg.Answer, msg.Ns} {
		for _, rr := range section {
			if sig, ok := rr.(*dns.RRSIG); ok && len(sigs) < maxRRsetSignatures {
				sigs = append(sigs, sig)
			}
		}
	}
	return val.signersAmong(q, sigs)
}

// signerKeys is zoneKeys for a signer. Where anchors are nested, any of them may lead to
// a secure verdict ("Accept Any Success", RFC 6840 §5.10); an insecure one takes the
// nearest.
func (val *Validator) signerKeys(ctx context.Context, q Question, zone canonical.Name) *Verdict {
	keys := val.zoneKeys(ctx, zone)
	if keys.Status != Secure && val.aboveAnchor(zone, q) {
		return val.bogus(keys.Reason)
	}
	return keys
}

// insertCloser adds a zone to zones that enclose one name, longest first, once.
func insertCloser(zones []canonical.Name, zone canonical.Name) []canonical.Name {
	at := 0
	for at < len(zones) && zones[at].Labels() > zone.Labels() {
		at++
	}
	if at < len(zones) && zones[at] == zone {
		return zones
	}
	zones = append(zones, "")
	copy(zones[at+1:], zones[at:])
	zones[at] = zone
	return zones
}
