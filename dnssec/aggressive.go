package dnssec

import (
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/denial"
)

// maxSpanLabels bounds the labels below a zone's apex of names that are denied without
// asking.
const maxSpanLabels = 6

// denied gives the verdict on a question whose denial is proven by what proved others (RFC
// 8198 §5), nil where none is. DS records and keys are always asked for, since the chain of
// trust rests on them. Such a denial costs a query from the budget, although none is sent.
func (l *lookup) denied(q question) *verdict {
	if q.qtype == dns.TypeDS || q.qtype == dns.TypeDNSKEY {
		return nil
	}
	top, ok := l.anchorOf(q)
	if !ok {
		return nil
	}
	z := l.resolver.spans.closest(q.name, top, l.trusted.generation)
	if z == nil || q.name.Labels() > z.zone.Labels()+maxSpanLabels {
		return nil
	}
	if len(z.nsec3) > 0 && l.budget.spendHashes(2*maxSpanLabels+2, maxSpanIterations) != nil {
		return nil
	}
	v := &verdict{status: Secure, on: z.keys, made: l.now, expires: l.now.Add(maxDenialTTL)}
	var records []dns.RR
	for _, s := range z.about(q.name, l.now) {
		records = append(records, s.set.records...)
		v.proof = append(v.proof, s.set)
		v.server, v.expires = s.server, earlier(v.expires, s.expires)
	}
	if len(records) == 0 {
		return nil
	}
	proof, err := denial.NameError(z.zone, records, q.name, l.hashCost())
	v.shape = nameError
	if err != nil {
		proof, err = denial.NoData(z.zone, records, q.name, q.qtype, l.hashCost())
		if v.shape = noData; proof.Nonexistent {
			v.shape = nameError // RFC 9824 §3.1
		}
	}
	if err != nil || proof.OptOut || proof.IterationsExceeded || l.budget.spendQuery() != nil {
		return nil
	}
	return v
}

// closest returns the spans of the closest zone that has some, from the name up to the zone
// of an anchor. They may be read, but not changed.
func (s *spans) closest(name, top canonical.Name, generation int) *zoneSpans {
	s.mu.Lock()
	defer s.mu.Unlock()
	for labels := name.Labels(); labels >= top.Labels(); labels-- {
		element := s.zones[name.Ancestor(labels)]
		if element == nil {
			continue
		}
		z := *element.Value.(*zoneSpans)
		if z.generation != generation {
			return nil
		}
		s.recent.MoveToFront(element)
		return &z
	}
	return nil
}

// about returns the spans that say something of a name: those at it and its ancestors, and
// at the wildcards that could match it, or over the places where these would be.
func (z *zoneSpans) about(name canonical.Name, now time.Time) []*span {
	var found []*span
	add := func(all []span, owner canonical.Name) {
		if len(all) == 0 {
			return
		}
		s := spanOf(all, owner)
		if now.Before(s.expires) && s.made.Sub(now) <= flightLimit && !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	addHashed := func(canonical.Name) {}
	if len(z.nsec3) > 0 {
		first := z.nsec3[0].set.records[0].(*dns.NSEC3)
		addHashed = func(name canonical.Name) {
			hash := strings.ToLower(dns.HashName(name.String(), first.Hash, first.Iterations, first.Salt))
			if len(hash) <= 63 {
				add(z.nsec3, canonical.Name(rune(len(hash)))+canonical.Name(hash)+z.zone)
			}
		}
	}
	add(z.nsec, name)
	addHashed(name)
	for ancestor := name; ancestor != z.zone; {
		ancestor = ancestor.Parent()
		addHashed(ancestor)
		if wildcard, ok := ancestor.Wildcard(); ok {
			add(z.nsec, wildcard)
			addHashed(wildcard)
		}
	}
	return found
}

// search finds the place of an owner.
func search(all []span, owner canonical.Name) (int, bool) {
	return slices.BinarySearchFunc(all, owner, func(s span, owner canonical.Name) int { return s.owner.Compare(owner) })
}

// spanOf returns the span that starts at a name or covers it, if any does: that of the closest
// owner before. The last one leads back to the first.
func spanOf(all []span, name canonical.Name) *span {
	i, found := search(all, name)
	if !found {
		i--
	}
	if i < 0 {
		i = len(all) - 1
	}
	return &all[i]
}
