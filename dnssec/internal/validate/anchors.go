package validate

import (
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// An Anchor vouches for a key of a zone, by the digest of it or by the key itself: a trust
// anchor, or a DS record in the zone above.
type Anchor struct {
	Zone canonical.Name
	DS   *dns.DS     // or nil
	Key  *dns.DNSKEY // instead of DS
}

// Anchors are the trust anchors that validation starts from. They are never changed.
type Anchors struct {
	// Generation is another one after the anchors have changed, since then the verdicts that
	// rest on them need not hold.
	Generation int

	all []Anchor
}

// NewAnchors returns the trust anchors of a generation. Each has DS or Key.
func NewAnchors(generation int, all ...Anchor) *Anchors {
	return &Anchors{Generation: generation, all: all}
}

// Enclosing returns the closest zone with an anchor that a name is at or below, and whether
// there is one.
func (a *Anchors) Enclosing(name canonical.Name) (closest canonical.Name, found bool) {
	for _, anchor := range a.all {
		if zone := anchor.Zone; len(zone) > len(closest) && name.Below(zone) {
			closest, found = zone, true
		}
	}
	return closest, found
}

// at returns the anchors of a zone.
func (a *Anchors) at(zone canonical.Name) []Anchor {
	var found []Anchor
	for _, anchor := range a.all {
		if anchor.Zone == zone {
			found = append(found, anchor)
		}
	}
	return found
}

// A NegativeAnchor is a decision not to validate a zone and what is below it, until it expires
// (RFC 7646). A trust anchor at or below the zone counts more than it.
type NegativeAnchor struct {
	Zone    canonical.Name // not the root, for which it has no effect
	Reason  string
	Expires time.Time
}
