package denial

import (
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// An nsecRecord proves which types are at its owner, and that there is no name between that and
// next.
type nsecRecord struct {
	owner, next canonical.Name
	typesOnly   bool // it denies no name
	types       bitmap
	record      dns.RR
}

// An nsecChain has the NSEC records of one zone.
type nsecChain struct {
	records []nsecRecord
	used    []dns.RR // those that the proof rests on
}

// newNSECChain picks the NSEC records. One that leads out of the zone is left out. One that
// leads back, but not to the apex, as the last one of the zone does (RFC 4034 §4.1.1), would
// deny nearly everything: only what it says of its owner counts, as with Unbound and BIND.
func newNSECChain(zone canonical.Name, records []dns.RR) nsecChain {
	var found nsecChain
	for i, rr := range records {
		record, ok := rr.(*dns.NSEC)
		if !ok {
			continue
		}
		owner, err := canonical.ParseNear(zone, record.Hdr.Name)
		if err != nil || !owner.Below(zone) {
			continue
		}
		next, err := canonical.ParseNear(zone, record.NextDomain)
		if err != nil || !next.Below(zone) {
			continue
		}
		leadsBack := next.Compare(owner) <= 0 && next != zone
		if found.records == nil {
			found.records = make([]nsecRecord, 0, len(records)-i)
		}
		found.records = append(found.records, nsecRecord{owner, next, leadsBack, record.TypeBitMap, rr})
	}
	return found
}

// covers reports whether the record proves that its zone has no records at name.
func (s nsecRecord) covers(name canonical.Name) bool {
	if s.typesOnly || name == s.owner || name.Below(s.owner) && s.types.hidesBelow() {
		return false
	}
	after, before := s.owner.Compare(name) < 0, name.Compare(s.next) < 0
	if s.owner.Compare(s.next) < 0 {
		return after && before
	}
	// The last NSEC of the zone.
	return after || before
}

// emptyNonTerminal reports whether name has no records, but names below it.
func (s nsecRecord) emptyNonTerminal(name canonical.Name) bool {
	return s.covers(name) && s.next != name && s.next.Below(name)
}

// closestEncloser returns the closest ancestor of a covered name that exists:
// both ends of the span exist, and with them all their ancestors.
func (s nsecRecord) closestEncloser(name canonical.Name) canonical.Name {
	left, right := name.CommonAncestor(s.owner), name.CommonAncestor(s.next)
	if right.Labels() > left.Labels() {
		return right
	}
	return left
}

// covering returns the record that proves that name does not exist at all.
func (c *nsecChain) covering(name canonical.Name) (nsecRecord, bool) {
	for _, s := range c.records {
		if s.covers(name) && !s.emptyNonTerminal(name) {
			c.used = append(c.used, s.record)
			return s, true
		}
	}
	return nsecRecord{}, false
}

func (c *nsecChain) nameError(name canonical.Name) bool {
	s, ok := c.covering(name)
	if !ok {
		return false
	}
	wildcard, ok := s.closestEncloser(name).Wildcard()
	if !ok {
		return true // no such name can exist
	}
	_, ok = c.covering(wildcard)
	return ok
}

func (c *nsecChain) noData(name canonical.Name, qtype uint16) (Proof, bool) {
	for _, s := range c.records {
		if s.owner == name && s.types.lacks(name, qtype) {
			c.used = append(c.used, s.record)
			return s.types.proof(qtype), true
		}
		if s.emptyNonTerminal(name) {
			c.used = append(c.used, s.record)
			return Proof{}, true
		}
	}
	s, ok := c.covering(name)
	if !ok {
		return Proof{}, false
	}
	wildcard, ok := s.closestEncloser(name).Wildcard()
	if !ok {
		return Proof{}, false
	}
	for _, s := range c.records {
		// The wildcard may have only names below it, such as _25._tcp.*.
		if s.emptyNonTerminal(wildcard) {
			c.used = append(c.used, s.record)
			return Proof{}, true
		}
		// RFC 4035 §3.1.3.4. A wildcard is no delegation (RFC 4592 §4.2).
		if s.owner == wildcard && !s.types.delegation() && s.types.lacks(wildcard, qtype) {
			c.used = append(c.used, s.record)
			return Proof{}, true
		}
	}
	return Proof{}, false
}

func (c *nsecChain) noCloser(name canonical.Name, labels int) bool {
	s, ok := c.covering(name)
	return ok && s.closestEncloser(name).Labels() == labels
}
