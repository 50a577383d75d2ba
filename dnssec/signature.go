package dnssec

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
func (val *validator) judgeSet(ctx context.Context, set *rrset, authority []*rrset) *verdict {
	if set.qtype == dns.TypeDNSKEY {
		return val.judgeKeys(ctx, set)
	}
	var problem fault
	var tried *verdict
	for _, zone := range val.signers(set.question, set.sigs) {
		keys := val.signerKeys(ctx, set.question, zone)
		if keys.status != Secure {
			if keys.status == Insecure {
				return val.insecure(keys.reason, earlier(val.expiry(set.records, nil), keys.expires), keys)
			}
			if keys.status == Indeterminate {
				return failure(keys)
			}
			problem = problem.or(because(keys.reason, errSigner))
			continue
		}
		sig, failed, err := val.verify(set, zone, keys.keys)
		if err != nil {
			return overBudget(set.question, err)
		}
		if sig == nil {
			problem = problem.or(failed)
			tried = cmp.Or(tried, keys)
			continue
		}
		v := &verdict{status: Secure, expires: earlier(val.expiry(set.records, sig), keys.expires), proof: []signedSet{{set.records, sig}}, on: keys}
		if labels, expanded := rrsig.ExpandedFrom(set.name, sig); expanded {
			return val.judgeExpansion(ctx, set.question, zone, labels, keys, authority, v)
		}
		return v
	}
	if problem == (fault{}) {
		problem.reason = set.reason(EDERRSIGsMissing, "no signature by an enclosing zone")
	}
	return val.unlessInsecure(ctx, set.question, val.expiry(set.records, nil), problem.reason, tried)
}

// verify looks for one signature of the zone that holds; one is enough (RFC 6840
// §5.11). It returns the signature, or nil and what is wrong; the error is the
// budget's.
func (val *validator) verify(set *rrset, zone canonical.Name, keys []*rrsig.Key) (*dns.RRSIG, fault, error) {
	if set.malformed != nil {
		return nil, faultOf(set.malformed, zone, set.question, 0), nil
	}
	var problem fault
	tries := 0
	for _, sig := range set.sigs {
		failed, err := val.try(set, sig, zone, keys, &tries)
		if err != nil {
			return nil, problem, err
		}
		if failed == nil {
			return sig, fault{}, nil
		}
		problem = problem.or(faultOf(failed, zone, set.question, sig.KeyTag))
	}
	if problem == (fault{}) {
		problem = faultOf(errNoSignature, zone, set.question, 0)
	}
	return nil, problem, nil
}

// try checks one signature by the keys that it names, and returns what is wrong with it;
// nil if it holds. The error is the budget's. Whether there is a key that could have made
// it is looked at before its time, and comes first in the order of faults.
func (val *validator) try(set *rrset, sig *dns.RRSIG, zone canonical.Name, keys []*rrsig.Key, tries *int) (failed, err error) {
	timely := rrsig.Check(&set.canonical, sig, zone, val.now, val.skew)
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

// signers returns the zones that the signatures name, closest first. Only a zone
// that encloses the owner and lies at or below a trust anchor can be one (RFC 4035
// §5.3.1).
func (val *validator) signers(q question, sigs []*dns.RRSIG) []canonical.Name {
	if _, ok := val.anchorOf(q); !ok {
		return nil
	}
	var zones []canonical.Name
	for _, sig := range sigs {
		zone, err := canonical.ParseName(sig.SignerName)
		if err != nil || !q.enclosed().Below(zone) {
			continue
		}
		if _, anchored := val.anchorOf(question{zone, dns.TypeDNSKEY}); !anchored {
			continue
		}
		zones = insertCloser(zones, zone)
	}
	return zones[:min(len(zones), maxSigners)]
}

// signersOf returns the zones that the signatures in a reply name, as signers does.
func (val *validator) signersOf(q question, msg *dns.Msg) []canonical.Name {
	var sigs []*dns.RRSIG
	for _, section := range [...][]dns.RR{msg.Answer, msg.Ns} {
		for _, rr := range section {
			if sig, ok := rr.(*dns.RRSIG); ok && len(sigs) < maxRRsetSignatures {
				sigs = append(sigs, sig)
			}
		}
	}
	return val.signers(q, sigs)
}

// signerKeys is zoneKeys for a signer. Where anchors are nested, any of them may lead to
// a secure verdict ("Accept Any Success", RFC 6840 §5.10); an insecure one takes the
// nearest.
func (val *validator) signerKeys(ctx context.Context, q question, zone canonical.Name) *verdict {
	keys := val.zoneKeys(ctx, zone)
	if keys.status != Secure && val.aboveAnchor(zone, q) {
		return val.bogus(keys.reason)
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
