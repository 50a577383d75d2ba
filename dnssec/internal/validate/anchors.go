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

// NewAnchors returns the trust anchors of a generation. One without DS and Key is left out.
func NewAnchors(generation int, anchors ...Anchor) *Anchors {
	all := &Anchors{Generation: generation}
	for _, a := range anchors {
		if a.DS != nil || a.Key != nil {
			all.all = append(all.all, a)
		}
	}
	return all
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

// AnchorOf returns the closest trust anchor above an RRset, and whether there is one.
func (val *Validator) AnchorOf(q Question) (canonical.Name, bool) {
	zone, ok := val.Anchors.Enclosing(q.Enclosed())
	if _, negative := val.negativeAnchor(q.Enclosed(), zone); !ok || negative {
		return "", false
	}
	return zone, true
}

// negativeAnchor returns the negative anchor that has effect at a name whose closest
// trust anchor is that of a zone, and whether there is one.
func (val *Validator) negativeAnchor(name, anchored canonical.Name) (NegativeAnchor, bool) {
	for _, n := range val.Negative {
		if n.Zone.IsRoot() || !name.Below(n.Zone) || !val.Now.Before(n.Expires) {
			continue
		}
		if !anchored.Below(n.Zone) {
			return n, true
		}
	}
	return NegativeAnchor{}, false
}

// unanchored is the reason why validation does not apply to a question, and until
// when that is so.
func (val *Validator) unanchored(q Question) (Reason, time.Time) {
	top, _ := val.Anchors.Enclosing(q.Enclosed())
	if n, ok := val.negativeAnchor(q.Enclosed(), top); ok {
		reason := q.Reason(CodeOther, "a negative trust anchor is configured: "+n.Reason)
		return inZone(n.Zone, reason), n.Expires
	}
	return q.Reason(CodeOther, "no trust anchor encloses the name"), val.Now.Add(maxTTL)
}

// sameAnchor reports whether a name above the question has the same nearest trust
// anchor: a DNAME above the anchor has no say below it.
func (val *Validator) sameAnchor(q Question, above canonical.Name) bool {
	below, _ := val.AnchorOf(q)
	zone, _ := val.AnchorOf(Question{above, dns.TypeDNAME})
	return below == zone
}

// aboveAnchor reports whether the zone lies above the nearest trust anchor of an RRset.
func (val *Validator) aboveAnchor(zone canonical.Name, q Question) bool {
	nearest, ok := val.AnchorOf(q)
	return ok && !zone.Below(nearest)
}
