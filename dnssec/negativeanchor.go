package dnssec

import (
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// A NegativeAnchor is a decision not to validate a zone and what is below it, for a
// time: its names are Insecure (RFC 7646). It is for zones whose owner is known to
// have made a mistake, and it switches DANE off for their mail. A trust anchor at or
// below the zone counts more than it.
type NegativeAnchor struct {
	Zone    string    // not the root, for which it has no effect
	Reason  string    // shows in Answer.Reason
	Expires time.Time // when it has no effect any more; so does the zero Time
}

// negativeAnchor returns the negative anchor that has effect at a name whose closest
// trust anchor is that of a zone; "" where there is none.
func (l *lookup) negativeAnchor(name, anchored canonical.Name) (NegativeAnchor, bool) {
	for _, n := range l.resolver.NegativeAnchors {
		zone, err := canonical.ParseName(n.Zone)
		if err != nil || zone.IsRoot() || !name.Below(zone) || !l.now.Before(n.Expires) {
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
func (l *lookup) unanchored(q question) (Reason, time.Time) {
	top, _ := l.trusted.enclosing(q.enclosed())
	if n, ok := l.negativeAnchor(q.enclosed(), top); ok {
		reason := q.reason(EDEOther, "a negative trust anchor is configured: "+n.Reason)
		reason.Zone = dns.CanonicalName(n.Zone)
		return reason, n.Expires
	}
	return q.reason(EDEOther, "no trust anchor encloses the name"), l.now.Add(maxTTL)
}
