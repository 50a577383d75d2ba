package validate

import (
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

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
