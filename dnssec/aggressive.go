package dnssec

import (
	"errors"
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
	if l.resolver.NoAggressiveUse || q.qtype == dns.TypeDS || q.qtype == dns.TypeDNSKEY {
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
	about := z.about(q.name, l.now)
	if len(about) == 0 {
		return nil
	}
	keys := z.keys.Value()
	if keys == nil {
		return nil // they are forgotten
	}
	shape, used, err := l.deniedBy(z.zone, about, q)
	if err != nil || l.budget.spendQuery() != nil {
		return nil
	}
	v := &verdict{status: Secure, shape: shape, on: keys, made: l.now, expires: l.now.Add(maxDenialTTL)}
	for _, s := range about {
		if slices.Contains(used, s.set.records[0]) {
			v.proof = append(v.proof, s.set)
			v.server, v.expires = s.server, earlier(v.expires, s.expires)
		}
	}
	return v
}

// deniedBy tries the spans, and returns the shape that is proven and the records that prove it.
func (l *lookup) deniedBy(zone canonical.Name, about []*span, q question) (shape, []dns.RR, error) {
	var nsec, all []dns.RR
	for _, s := range about {
		record := s.set.records[0]
		if all = append(all, record); record.Header().Rrtype == dns.TypeNSEC {
			nsec = append(nsec, record)
		}
	}
	records, shape := denial.New(zone, all, l.hashCost()), nameError
	proof, err := records.NameError(q.name)
	if errors.Is(err, denial.ErrUnproven) {
		// The types in an NSEC3 record are not taken for another question than they were
		// sent for: nothing shows whether the list is complete.
		records, shape = denial.New(zone, nsec, l.hashCost()), noData
		proof, err = records.NoData(q.name, q.qtype)
	}
	if err == nil && (proof.OptOut || proof.IterationsExceeded) {
		err = denial.ErrUnproven
	}
	return shape, records.Used(), err
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
	var found, unlisted []*span
	add := func(all []span, owner canonical.Name, encloser bool) {
		if len(all) == 0 {
			return
		}
		s := spanOf(all, owner)
		if encloser && s.owner == owner && !s.listed {
			unlisted = append(unlisted, s) // what may lie below it is not known
		}
		if now.Before(s.expires) && s.made.Sub(now) <= flightLimit && !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	addHashed := func(name canonical.Name, encloser bool) {}
	if len(z.nsec3) > 0 {
		first := z.nsec3[0].set.records[0].(*dns.NSEC3)
		addHashed = func(name canonical.Name, encloser bool) {
			hash := strings.ToLower(dns.HashName(name.String(), first.Hash, first.Iterations, first.Salt))
			if len(hash) <= 63 {
				add(z.nsec3, canonical.Name(rune(len(hash)))+canonical.Name(hash)+z.zone, encloser)
			}
		}
	}
	add(z.nsec, name, false)
	addHashed(name, false)
	for ancestor := name; ancestor != z.zone; {
		ancestor = ancestor.Parent()
		addHashed(ancestor, true)
		if wildcard, ok := ancestor.Wildcard(); ok {
			add(z.nsec, wildcard, false)
			addHashed(wildcard, false)
		}
	}
	return slices.DeleteFunc(found, func(s *span) bool { return slices.Contains(unlisted, s) })
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
