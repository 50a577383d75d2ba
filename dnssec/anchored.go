package dnssec

import (
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// anchorOf returns the closest trust anchor above an RRset, and whether there is one.
func (val *validator) anchorOf(q question) (canonical.Name, bool) {
	zone, ok := val.trusted.enclosing(q.enclosed())
	if _, negative := val.negativeAnchor(q.enclosed(), zone); !ok || negative {
		return "", false
	}
	return zone, true
}

// negativeAnchor returns the negative anchor that has effect at a name whose closest
// trust anchor is that of a zone; "" where there is none.
func (val *validator) negativeAnchor(name, anchored canonical.Name) (NegativeAnchor, bool) {
	for _, n := range val.negative {
		zone, err := canonical.ParseName(n.Zone)
		if err != nil || zone.IsRoot() || !name.Below(zone) || !val.now.Before(n.Expires) {
			continue
		}
		if !anchored.Below(zone) {
			return n, true
		}
	}
	return NegativeAnchor{}, false
}

// unanchored is the reason why validation does not apply to a question, and until
// when that is so.
func (val *validator) unanchored(q question) (Reason, time.Time) {
	top, _ := val.trusted.enclosing(q.enclosed())
	if n, ok := val.negativeAnchor(q.enclosed(), top); ok {
		reason := q.reason(EDEOther, "a negative trust anchor is configured: "+n.Reason)
		reason.Zone = dns.CanonicalName(n.Zone)
		return reason, n.Expires
	}
	return q.reason(EDEOther, "no trust anchor encloses the name"), val.now.Add(maxTTL)
}

// sameAnchor reports whether a name above the question has the same nearest trust
// anchor: a DNAME above the anchor has no say below it.
func (val *validator) sameAnchor(q question, above canonical.Name) bool {
	below, _ := val.anchorOf(q)
	zone, _ := val.anchorOf(question{above, dns.TypeDNAME})
	return below == zone
}

// aboveAnchor reports whether the zone lies above the nearest trust anchor of an RRset.
func (val *validator) aboveAnchor(zone canonical.Name, q question) bool {
	nearest, ok := val.anchorOf(q)
	return ok && !zone.Below(nearest)
}
