package validate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/ds"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// zoneKeys gives the verdict on the keys of a zone. Secure: its records are the
// DNSKEY RRset, to which a chain leads from an anchor. Insecure: it is proven that there is no
// such chain.
func (val *Validator) zoneKeys(ctx context.Context, zone canonical.Name) *Verdict {
	q := Question{zone, dns.TypeDNSKEY}
	if keys := val.Source.Recall(ctx, q, q); keys != nil && keys.Status == Secure && keys.Shape == Data {
		return keys // as secure as what vouches for them, until that expires
	}
	_, v := val.entryPoints(ctx, zone)
	if v.Status != Secure {
		return v
	}
	keys := val.Source.Ask(ctx, q)
	if keys.Status == Secure && keys.Shape != Data {
		return val.bogusOn(v, keyless(zone))
	}
	return keys
}

// keyless is the reason when a zone must have keys and has not.
func keyless(zone canonical.Name) Reason {
	return inZone(zone, Question{zone, dns.TypeDNSKEY}.Reason(CodeDNSKEYMissing, "the zone has a DS record or trust anchor, but no key"))
}

// entryPoints returns what vouches for the keys of a zone and can be followed: its
// trust anchors, or the DS records in the zone above. There are some exactly when the verdict
// is Secure.
func (val *Validator) entryPoints(ctx context.Context, zone canonical.Name) ([]Anchor, *Verdict) {
	if anchors := val.Anchors.at(zone); len(anchors) > 0 {
		usable := val.usableAnchors(anchors)
		if len(usable) == 0 {
			return nil, noUsableAnchor(val.unsupported(anchors, zone))
		}
		return usable, &Verdict{Status: Secure, Expires: val.Now.Add(maxTTL)}
	}
	v := val.askDelegation(ctx, zone)
	switch {
	case v.Status != Secure:
		return nil, failure(v)
	case v.Shape == Data && len(v.Records) > maxKeys:
		return nil, val.bogus(inZone(zone, Question{zone, dns.TypeDS}.Reason(CodeOther, "more DS records than are looked at")))
	case v.Shape == Data:
		readable := dsAnchors(v.Records)
		usable := val.usableAnchors(readable)
		if len(usable) == 0 && len(readable) < len(v.Records) {
			// What cannot be read is no digest or algorithm that is not supported.
			return nil, val.bogusOn(v, inZone(zone, Question{zone, dns.TypeDS}.Reason(CodeBogus, "a DS record cannot be read")))
		}
		if len(usable) == 0 {
			return nil, insecure(new(val.unsupported(readable, zone)), v.Expires, v)
		}
		return usable, v
	case v.unsigned:
		return nil, insecure(new(inZone(zone, Question{zone, dns.TypeDS}.Reason(CodeOther, "the zone above proves that the delegation is not signed"))), v.Expires, v)
	}
	return nil, val.bogus(Reason{Code: CodeBogus, Name: zone.String(), Type: dns.TypeDS, Text: "the signer is not a zone: it has no delegation"})
}

// dsAnchors returns what DS records vouch for, as far as they have the form of their type.
func dsAnchors(records []dns.RR) []Anchor {
	set := make([]Anchor, 0, len(records))
	for _, rr := range records {
		if record, ok := rr.(*dns.DS); ok {
			set = append(set, Anchor{DS: record})
		}
	}
	return set
}

// judgeKeys validates the DNSKEY RRset of a zone by a key in it that an anchor or
// a DS record vouches for (RFC 4035 §5.2).
func (val *Validator) judgeKeys(ctx context.Context, set *RRset) *Verdict {
	zone := set.Name
	entries, v := val.entryPoints(ctx, zone)
	if v.Status != Secure {
		if v.Status == Insecure {
			return insecure(v.Reason, earlier(v.Expires, val.expiry(set.Records, nil)), v)
		}
		return failure(v)
	}
	if val.Observe != nil && len(val.Anchors.at(zone)) > 0 {
		val.Observe(ctx, set)
	}
	if len(set.Records) > maxKeys {
		return val.bogus(inZone(zone, Question{zone, dns.TypeDNSKEY}.Reason(CodeOther, "more keys than are looked at")))
	}
	keys := rrsig.NewKeys(val.Algorithms, set.Records)
	vouched, refused, err := val.vouchedKeys(zone, entries, keys)
	if refused != nil {
		if weaker := val.weakerDigests(zone, v, entries); len(weaker) > 0 {
			vouched, refused, err = val.vouchedKeys(zone, weaker, keys)
		}
	}
	if err != nil {
		return OverBudget(set.Question, err)
	}
	if refused != nil {
		reason := faultOf(refused, zone, set.Question, 0).reason
		if len(val.Anchors.at(zone)) > 0 {
			return noUsableAnchor(reason)
		}
		// RFC 4035 §5.2: no path that could be followed.
		return insecure(&reason, v.Expires, v)
	}
	if len(vouched) == 0 {
		return val.bogusOn(v, inZone(zone, Question{zone, dns.TypeDNSKEY}.Reason(CodeDNSKEYMissing, "no key matches a DS record or trust anchor"+has(keys))))
	}
	sig, problem, err := val.verify(set, zone, vouched)
	if err != nil {
		return OverBudget(set.Question, err)
	}
	if sig == nil {
		if problem.like(errNoKey) && slices.ContainsFunc(keys, func(key *rrsig.Key) bool { return key.Tag == problem.reason.KeyTag }) {
			problem.reason.Text = "the keys are not signed by one that a DS record or trust anchor vouches for"
		}
		return val.bogusOn(v, problem.reason)
	}
	secure := provenBy(signed(set, sig, keys), earlier(v.Expires, val.expiry(set.Records, sig)), v.unlessAnchor())
	secure.Read = &Read{Keys: keys}
	return secure
}

// maxNamed bounds the keys that a reason names.
const maxNamed = 4

// has names the keys that a zone has instead, those first that are meant to be vouched for
// (RFC 4034 §2.1.1).
func has(keys []*rrsig.Key) string {
	var text strings.Builder
	named := 0
	for _, sep := range [...]bool{true, false} {
		for _, key := range keys {
			if (key.Record.Flags&dns.SEP != 0) != sep {
				continue
			}
			switch named++; {
			case named == 1:
				fmt.Fprintf(&text, "; the zone has key %d", key.Tag)
			case named <= maxNamed:
				fmt.Fprintf(&text, ", key %d", key.Tag)
			}
		}
	}
	if named > maxNamed {
		fmt.Fprintf(&text, " and %d others", named-maxNamed)
	}
	return text.String()
}

// errUnusableAnchors says that no anchor of a zone can be followed.
var errUnusableAnchors = errors.New("no trust anchor of the zone is usable")

// noUsableAnchor is the verdict where no trust anchor of a zone can be followed. It is not
// Insecure, which would switch validation off for all that is below the anchor.
func noUsableAnchor(reason Reason) *Verdict {
	return Undecided(reason, errUnusableAnchors)
}

// usableAnchors returns the anchors that can be followed. If none can, the delegation is
// insecure (RFC 4035 §5.2, RFC 6840 §5.2). SHA-1 digests are ignored beside a SHA-2 digest that
// can be followed (RFC 4509 §3).
func (val *Validator) usableAnchors(anchors []Anchor) []Anchor {
	if !slices.ContainsFunc(anchors, func(a Anchor) bool { return !val.supports(a) || sha1(a) }) {
		return anchors
	}
	usable := make([]Anchor, 0, len(anchors))
	strong := false
	for _, a := range anchors {
		if val.supports(a) {
			usable = append(usable, a)
			strong = strong || a.DS != nil && !sha1(a)
		}
	}
	if strong {
		usable = slices.DeleteFunc(usable, sha1)
	}
	return usable
}

// sha1 reports whether an anchor is a SHA-1 digest.
func sha1(a Anchor) bool { return a.DS != nil && a.DS.DigestType == dns.SHA1 }

// supports reports whether an anchor is by an algorithm, and a digest, that is supported.
func (val *Validator) supports(a Anchor) bool {
	if a.DS == nil {
		return val.Algorithms.Supports(a.Key.Algorithm)
	}
	return val.Algorithms.SupportsDigest(a.DS.DigestType) && val.Algorithms.Supports(a.DS.Algorithm)
}

// unsupported is the reason why none of the anchors can be followed.
func (val *Validator) unsupported(anchors []Anchor, zone canonical.Name) Reason {
	name := zone.String()
	reason := Reason{Zone: name, Name: name, Type: dns.TypeDS, Code: CodeUnsupportedDigest, Text: "no DS record has a supported digest"}
	for _, a := range anchors {
		if a.DS != nil && val.Algorithms.SupportsDigest(a.DS.DigestType) {
			reason.Code, reason.Text = CodeUnsupportedAlgorithm, "no DS record has a supported algorithm"
		}
	}
	return reason
}

// weakerDigests returns the DS records that usableAnchors left out for stronger ones. They count
// where the keys of those are refused: such records are disregarded as if their algorithm were
// not supported, and a zone is insecure only if no others are left (RFC 6840 §5.2).
func (val *Validator) weakerDigests(zone canonical.Name, v *Verdict, usable []Anchor) []Anchor {
	all := val.Anchors.at(zone)
	if len(all) == 0 {
		all = dsAnchors(v.Records)
	}
	return slices.DeleteFunc(all, func(a Anchor) bool {
		return a.DS == nil || !val.supports(a) || slices.ContainsFunc(usable, func(u Anchor) bool { return u.DS == a.DS })
	})
}

// vouchedKeys returns the zone's keys that an anchor vouches for. Where each anchor
// matches only keys whose size or exponent is refused, it says why.
func (val *Validator) vouchedKeys(zone canonical.Name, anchors []Anchor, keys []*rrsig.Key) (vouched []*rrsig.Key, refused, err error) {
	followed := false // there is an anchor that matches a key that is not refused, or no key
	for _, a := range anchors {
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

func (val *Validator) vouches(a Anchor, zone canonical.Name, key *rrsig.Key) (bool, error) {
	if a.Key != nil {
		return a.Key.Algorithm == key.Record.Algorithm && a.Key.PublicKey == key.Record.PublicKey, nil
	}
	if a.DS.Algorithm != key.Record.Algorithm || a.DS.KeyTag != key.Tag {
		return false, nil
	}
	if err := val.Budget.spendKeyPair(); err != nil {
		return false, err
	}
	return ds.Matches(a.DS, zone, key.Record), nil
}
