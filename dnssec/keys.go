package dnssec

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/ds"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// zoneKeys gives the verdict on the keys of a zone. Secure: its records are the
// DNSKEY RRset, to which a chain leads from an anchor. Insecure: it is proven
// that none does.
func (val *validator) zoneKeys(ctx context.Context, zone canonical.Name) *verdict {
	if _, v := val.trust(ctx, zone); v.status != Secure {
		return v
	}
	keys := val.ask(ctx, question{zone, dns.TypeDNSKEY})
	if keys.status == Secure && keys.shape != data {
		return val.bogus(keyless(zone))
	}
	return keys
}

// keyless is the reason when a zone must have keys and has none.
func keyless(zone canonical.Name) Reason {
	return in(zone, question{zone, dns.TypeDNSKEY}.reason(EDEDNSKEYMissing, "the zone has a DS record or trust anchor, but no key"))
}

// trust returns what vouches for the keys of a zone and can be followed: its
// trust anchors, or the DS records in the zone above. There is something exactly
// when the verdict is Secure.
func (val *validator) trust(ctx context.Context, zone canonical.Name) (anchor.Set, *verdict) {
	if anchors := val.trusted.at(zone); len(anchors) > 0 {
		usable, unsupported := val.usableTrust(anchors, zone)
		if len(usable) == 0 {
			return nil, val.unusableAnchors(unsupported)
		}
		return usable, &verdict{status: Secure, expires: val.now.Add(maxTTL)}
	}
	v := val.askDelegation(ctx, zone)
	switch {
	case v.status != Secure:
		return nil, failure(v)
	case v.shape == data && len(v.records) > maxKeys:
		return nil, val.bogus(in(zone, question{zone, dns.TypeDS}.reason(EDEOther, "more DS records than are looked at")))
	case v.shape == data:
		trusted := delegation(v.records)
		usable, unsupported := val.usableTrust(trusted, zone)
		if len(usable) == 0 && len(trusted) < len(v.records) {
			// What cannot be read is no digest or algorithm that is not supported.
			return nil, val.bogusOn(v, in(zone, question{zone, dns.TypeDS}.reason(EDEBogus, "a DS record cannot be read")))
		}
		if len(usable) == 0 {
			return nil, val.insecure(unsupported, v.expires, v)
		}
		return usable, v
	case v.delegation:
		return nil, val.insecure(in(zone, question{zone, dns.TypeDS}.reason(EDEOther, "the zone above proves that the delegation is not signed")), v.expires, v)
	}
	return nil, val.bogus(Reason{Code: EDEBogus, Name: zone.String(), Type: dns.TypeDS, Text: "the signer is not a zone: it has no delegation"})
}

// delegation returns what DS records vouch for, as far as they have the form of their type.
func delegation(records []dns.RR) anchor.Set {
	var set anchor.Set
	for _, rr := range records {
		if record, ok := rr.(*dns.DS); ok {
			set = append(set, anchor.Anchor{DS: record})
		}
	}
	return set
}

// judgeKeys validates the DNSKEY RRset of a zone by a key in it that an anchor or
// a DS record vouches for (RFC 4035 §5.2).
func (val *validator) judgeKeys(ctx context.Context, set *rrset) *verdict {
	zone := set.name
	trusted, v := val.trust(ctx, zone)
	if v.status != Secure {
		if v.status == Insecure {
			return val.insecure(v.reason, earlier(v.expires, val.expiry(set.records, nil)), v)
		}
		return failure(v)
	}
	if val.observe != nil && len(val.trusted.at(zone)) > 0 {
		val.observe(ctx, set)
	}
	if len(set.records) > maxKeys {
		return val.bogus(in(zone, question{zone, dns.TypeDNSKEY}.reason(EDEOther, "more keys than are looked at")))
	}
	keys := rrsig.NewKeys(val.algorithms, set.records)
	vouched, refused, err := val.vouchedKeys(zone, trusted, keys)
	if err != nil {
		return overBudget(set.question, err)
	}
	if refused != nil {
		reason := faultOf(refused, zone, set.question, 0).reason
		if len(val.trusted.at(zone)) > 0 {
			return val.unusableAnchors(reason)
		}
		// RFC 4035 §5.2: no path that could be followed.
		return val.insecure(reason, v.expires, v)
	}
	if len(vouched) == 0 {
		return val.bogusOn(v, in(zone, question{zone, dns.TypeDNSKEY}.reason(EDEDNSKEYMissing, "no key matches a DS record or trust anchor")))
	}
	sig, problem, err := val.verify(set, zone, vouched)
	if err != nil {
		return overBudget(set.question, err)
	}
	if sig == nil {
		if problem.like(errNoKey) && slices.ContainsFunc(keys, func(key *rrsig.Key) bool { return key.Tag == problem.reason.KeyTag }) {
			problem.reason.Text = "the keys are not signed by one that a DS record or trust anchor vouches for"
		}
		return val.bogusOn(v, problem.reason)
	}
	return &verdict{
		status: Secure, expires: earlier(v.expires, val.expiry(set.records, sig)), keys: keys,
		proof: []signedSet{{set.records, sig}}, on: v.unlessAnchor(),
	}
}

// errUnusableAnchors says that no anchor of a zone can be followed.
var errUnusableAnchors = errors.New("no trust anchor of the zone is usable")

// unusableAnchors is no insecure verdict, which would switch validation off for
// all that is below the anchor.
func (val *validator) unusableAnchors(reason Reason) *verdict {
	return &verdict{status: Indeterminate, reason: reason, err: errUnusableAnchors}
}

// usableTrust returns the anchors that can be followed. Where there is none, the
// delegation is insecure (RFC 4035 §5.2, RFC 6840 §5.2), for the reason given.
func (val *validator) usableTrust(trusted anchor.Set, zone canonical.Name) (anchor.Set, Reason) {
	algorithms := val.algorithms
	name := zone.String()
	reason := Reason{Zone: name, Name: name, Type: dns.TypeDS, Code: EDEUnsupportedDigest, Text: "no DS record has a supported digest"}
	var records []*dns.DS
	var usable anchor.Set
	for _, a := range trusted {
		if a.DS != nil {
			records = append(records, a.DS)
			if algorithms.SupportsDigest(a.DS.DigestType) {
				reason.Code, reason.Text = EDEUnsupportedAlgorithm, "no DS record has a supported algorithm"
			}
		} else if algorithms.Supports(a.Key.Algorithm) {
			usable = append(usable, a)
		}
	}
	supported := func(record *dns.DS) bool {
		return algorithms.SupportsDigest(record.DigestType) && algorithms.Supports(record.Algorithm)
	}
	for _, record := range ds.WithoutWeaker(records, supported) {
		if supported(record) {
			usable = append(usable, anchor.Anchor{DS: record})
		}
	}
	return usable, reason
}

// vouchedKeys returns the zone's keys that an anchor vouches for. Where each anchor
// matches only keys whose size or exponent is refused, it says why.
func (val *validator) vouchedKeys(zone canonical.Name, trusted anchor.Set, keys []*rrsig.Key) (vouched []*rrsig.Key, refused, err error) {
	followed := false // or matching nothing, which is no reason to
	for _, a := range trusted {
		var problem error // of the keys that match, where all are refused
		for _, key := range keys {
			match, err := val.vouches(a, zone, key)
			if err != nil {
				return nil, nil, err
			}
			if !match {
				continue
			}
			if !slices.Contains(vouched, key) {
				vouched = append(vouched, key)
			}
			if unfit := key.Usable(); errors.Is(unfit, rrsig.ErrKeyRefused) {
				problem = unfit
			} else {
				followed = true
			}
		}
		if problem == nil {
			followed = true
		}
		refused = cmp.Or(refused, problem)
	}
	if followed {
		return vouched, nil, nil
	}
	return vouched, refused, nil
}

func (val *validator) vouches(a anchor.Anchor, zone canonical.Name, key *rrsig.Key) (bool, error) {
	if a.Key != nil {
		return a.Key.Algorithm == key.Record.Algorithm && a.Key.PublicKey == key.Record.PublicKey, nil
	}
	if a.DS.Algorithm != key.Record.Algorithm || a.DS.KeyTag != key.Tag {
		return false, nil
	}
	if err := val.budget.spendKeyPair(); err != nil {
		return false, err
	}
	return ds.Matches(a.DS, zone, key.Record), nil
}
