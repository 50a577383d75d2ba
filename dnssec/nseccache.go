package dnssec

import (
	"container/list"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"
	"weak"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/weight"
)

// spans are NSEC and NSEC3 records that proved a denial, and may prove others while they
// live (RFC 8198 §5). They are bounded by memory, and those of the least recently used
// zone are forgotten first. The zero spans are none; they are safe for concurrent use.
type spans struct {
	mu     sync.Mutex
	zones  map[canonical.Name]*list.Element
	recent list.List // of *zoneSpans, most recent first
	weight int
}

// zoneSpans are those of one zone, all signed by the same keys. They keep nothing else in
// memory: without the keys they are of no use.
type zoneSpans struct {
	zone       canonical.Name
	keys       weak.Pointer[verdict]
	generation int
	nsec       []span // in canonical order
	nsec3      []span // all with the same parameters
	weight     int
}

// A span is an RRset of type NSEC or NSEC3.
type span struct {
	owner   canonical.Name
	set     signedSet
	server  string
	made    time.Time
	expires time.Time
	listed  bool // its types show that the owner is no delegation or DNAME
}

// add keeps what proved a denial.
func (s *spans) add(v *verdict, generation int) {
	if v.status != Secure || v.shape != noData && v.shape != nameError || v.on == nil {
		return
	}
	for _, set := range v.proof {
		if len(set.records) != 1 {
			continue
		}
		zone, err := canonical.ParseName(set.sig.SignerName)
		if err != nil {
			continue
		}
		owner, err := canonical.ParseName(set.records[0].Header().Name)
		if err != nil {
			continue
		}
		if new := (span{owner, set, v.server, v.made, v.expires, v.shape == nameError}); new.spans() {
			s.addSpan(zone, v.on, generation, new)
		}
	}
}

func (s *spans) addSpan(zone canonical.Name, keys *verdict, generation int, new span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.zones == nil {
		s.zones = make(map[canonical.Name]*list.Element)
	}
	element := s.zones[zone]
	if element == nil {
		element = s.recent.PushFront(&zoneSpans{zone: zone})
		s.zones[zone] = element
	}
	s.recent.MoveToFront(element)
	z := element.Value.(*zoneSpans)
	if z.keys.Value() != keys || z.generation != generation || z.weight > maxSpanBytesOfZone {
		s.weight -= z.weight
		*z = zoneSpans{zone: zone, keys: weak.Make(keys), generation: generation, weight: perZone + 2*weight.Rounded(len(zone))}
		s.weight += z.weight
	}
	s.weight -= z.weight
	z.add(new)
	s.weight += z.weight
	for s.weight > spanBytes {
		last := s.recent.Back()
		s.weight -= last.Value.(*zoneSpans).weight
		delete(s.zones, last.Value.(*zoneSpans).zone)
		s.recent.Remove(last)
	}
}

// perZone is what a zone weighs besides its spans and name, with its places in the list and
// in the map, which may be half empty.
const perZone = 384

// add keeps one.
func (z *zoneSpans) add(new span) {
	all := &z.nsec
	if record, ok := new.set.records[0].(*dns.NSEC3); ok {
		all = &z.nsec3
		if len(*all) > 0 {
			if first := (*all)[0].set.records[0].(*dns.NSEC3); first.Iterations != record.Iterations || first.Salt != record.Salt {
				for _, old := range *all {
					z.weight -= old.weigh()
				}
				*all = nil // the zone has a new chain
			}
		}
	}
	z.weight += new.weigh()
	i, found := search(*all, new.owner)
	after := i
	if found {
		z.weight -= (*all)[i].weigh()
		after++
	}
	*all = slices.Concat((*all)[:i], []span{new}, (*all)[after:]) // others may be reading the old one
}

func (s span) weigh() int {
	return int(unsafe.Sizeof(s)) + weight.Rounded(len(s.owner)) + weighSet(s.set)
}

// maxSpanLabels bounds the labels below a zone's apex of names that are denied without
// asking.
const maxSpanLabels = 6

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
		if now.Before(s.expires) && s.made.Sub(now) <= questionTime && !slices.Contains(found, s) {
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
