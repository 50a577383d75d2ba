package anchor

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// An Anchor is one trusted key of a zone, as a DS record or as the key itself. If neither is
// set, all trust anchors of the zone were revoked (RFC 5011 §5): only anchors of zones above
// it count for its names.
type Anchor struct {
	Zone string      // lower case, with the final dot
	DS   *dns.DS     // the digest of a key
	Key  *dns.DNSKEY // the key itself

	// From and Until bound when the anchor is in force: from the first instant on, and
	// before the second (RFC 9718 §2). The zero time is no bound.
	From, Until time.Time
}

func (a Anchor) inForce(now time.Time) bool {
	return !now.Before(a.From) && (a.Until.IsZero() || now.Before(a.Until))
}

// gone reports whether the zone has no anchor any more.
func (a Anchor) gone() bool { return a.DS == nil && a.Key == nil }

// A Set is a list of trust anchors, of any number of zones. With the zero Set every lookup
// fails, since it trusts nothing. A Set must not be changed while it is in use.
type Set []Anchor

// Anchors returns the anchors that are in force at an instant: all of them, unless they have
// periods. It lets a Set be the Anchors of a dnssec.Resolver. If a zone has anchors, but none
// of them is in force, the error wraps [ErrNone]: names below the zone must not pass for
// unsigned because its anchors have expired.
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

// Enclosing returns the closest zone at or above the name that has an anchor. It returns
// false if there is no such zone.
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
