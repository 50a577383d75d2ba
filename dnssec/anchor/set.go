package anchor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// An Anchor is one trusted key of a zone. One of DS and Key is set, or neither: then
// the zone had trust anchors and has none any more (RFC 5011 §5), so that what is below
// it is below no anchor, unless one of a zone above.
type Anchor struct {
	Zone string      // lower case, with the final dot
	DS   *dns.DS     // the digest of a key
	Key  *dns.DNSKEY // the key itself

	// From and Until bound when the anchor is in force: from the first instant on,
	// and before the second (RFC 9718 §2). Zero is unbounded.
	From, Until time.Time
}

func (a Anchor) inForce(now time.Time) bool {
	return !now.Before(a.From) && (a.Until.IsZero() || now.Before(a.Until))
}

// gone reports whether it is the mark of a zone that has no anchor any more.
func (a Anchor) gone() bool { return a.DS == nil && a.Key == nil }

// A Set is trust anchors of any number of zones. The zero Set trusts nothing,
// with which every lookup fails. A Set must not be changed while it is in use.
type Set []Anchor

// Anchors returns the anchors that are in force at an instant: all of them, where
// none has a period. It makes a Set the simplest source of anchors that a resolver
// can take. Where a zone has anchors, but none in force, the error wraps ErrNone:
// what is below the zone must not pass for unsigned because its anchors lapsed.
func (s Set) Anchors(now time.Time) (Set, error) {
	lapsed := func(a Anchor) bool { return !a.inForce(now) }
	if !slices.ContainsFunc(s, lapsed) {
		return s, nil
	}
	inForce := slices.DeleteFunc(slices.Clone(s), lapsed)
	for _, a := range s {
		if !slices.ContainsFunc(inForce, func(b Anchor) bool { return b.Zone == a.Zone }) {
			return nil, fmt.Errorf("anchor: %w of %s is in force at %s", ErrNone, a.Zone, now.UTC().Format(time.RFC3339))
		}
	}
	return inForce, nil
}

// Equal reports whether two sets have the same anchors in the same order.
func (s Set) Equal(other Set) bool {
	return slices.EqualFunc(s, other, func(a, b Anchor) bool {
		switch {
		case a.Zone != b.Zone, !a.From.Equal(b.From), !a.Until.Equal(b.Until),
			(a.DS == nil) != (b.DS == nil), (a.Key == nil) != (b.Key == nil):
			return false
		case a.DS != nil:
			return a.DS == b.DS || a.DS.KeyTag == b.DS.KeyTag && a.DS.Algorithm == b.DS.Algorithm &&
				a.DS.DigestType == b.DS.DigestType && strings.EqualFold(a.DS.Digest, b.DS.Digest)
		case a.Key != nil:
			return a.Key == b.Key || a.Key.Flags == b.Key.Flags && a.Key.Algorithm == b.Key.Algorithm && a.Key.PublicKey == b.Key.PublicKey
		}
		return true
	})
}

// Zone returns the anchors of the zone with this name.
func (s Set) Zone(name string) Set {
	zone, err := canonical.ParseName(name)
	if err != nil {
		return nil
	}
	var found Set
	for _, a := range s {
		if owner, err := canonical.ParseName(a.Zone); err == nil && owner == zone && !a.gone() {
			found = append(found, a)
		}
	}
	return found
}

// Enclosing returns the closest zone with an anchor that name is at or below,
// and false where there is none.
func (s Set) Enclosing(name string) (zone string, found bool) {
	below, err := canonical.ParseName(name)
	if err != nil {
		return "", false
	}
	var closest canonical.Name
	for _, a := range s {
		owner, err := canonical.ParseName(a.Zone)
		if err == nil && !a.gone() && below.Below(owner) && (!found || owner.Labels() > closest.Labels()) {
			closest, found = owner, true
		}
	}
	if !found {
		return "", false
	}
	return closest.String(), true
}
