package validate

import (
	"container/list"
	"slices"
	"strings"
	"sync"
	"time"
	"weak"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/weight"
)

// An NSECCache keeps NSEC and NSEC3 records that proved a denial, and may prove others while they
// live (RFC 8198 §5). It is bounded by memory, and forgets those of the least recently used zone
// first. The zero NSECCache is empty. It is safe for concurrent use.
type NSECCache struct {
	mu     sync.Mutex
	zones  map[canonical.Name]*list.Element
	recent list.List // of *zoneDenials, most recent first
	weight int
}

// zoneDenials are the records of one zone, all signed by the same keys. They do not keep the
// keys in memory, without which they are of no use.
type zoneDenials struct {
	zone       canonical.Name
	keys       weak.Pointer[Verdict]
	generation int
	nsec       []span // in canonical order
	nsec3      []span // all with the same parameters
	weight     int
}

// Add keeps what proved a denial.
func (c *NSECCache) Add(v *Verdict, generation int) {
	if v.Status != Secure || v.Shape != NoData && v.Shape != NameError || v.RestsOn == nil {
		return
	}
	for _, set := range v.Proof {
		if len(set.Records) != 1 {
			continue
		}
		owner, err := canonical.ParseName(set.Records[0].Header().Name)
		if err != nil {
			continue
		}
		zone, err := canonical.ParseNear(owner, set.Sig.SignerName)
		if err != nil {
			continue
		}
		if new := (span{owner, set, v.Server, v.Made, v.Expires, v.Shape == NameError}); new.spans() {
			c.addSpan(zone, v.RestsOn, generation, new)
		}
	}
}

func (c *NSECCache) addSpan(zone canonical.Name, keys *Verdict, generation int, new span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.zones == nil {
		c.zones = make(map[canonical.Name]*list.Element)
	}
	element := c.zones[zone]
	if element == nil {
		element = c.recent.PushFront(&zoneDenials{zone: zone})
		c.zones[zone] = element
	}
	c.recent.MoveToFront(element)
	z := element.Value.(*zoneDenials)
	if z.keys.Value() != keys || z.generation != generation || z.weight > maxSpanBytesOfZone {
		c.weight -= z.weight
		*z = zoneDenials{zone: zone, keys: weak.Make(keys), generation: generation, weight: perZone + 2*weight.Rounded(len(zone))}
		c.weight += z.weight
	}
	c.weight -= z.weight
	z.add(new)
	c.weight += z.weight
	for c.weight > spanBytes {
		last := c.recent.Back()
		c.weight -= last.Value.(*zoneDenials).weight
		delete(c.zones, last.Value.(*zoneDenials).zone)
		c.recent.Remove(last)
	}
}

// perZone is what a zone weighs besides its spans and name, with its places in the list and
// in the map, which may be half empty.
const perZone = 384

// add keeps one.
func (z *zoneDenials) add(new span) {
	all := &z.nsec
	if record, ok := new.set.Records[0].(*dns.NSEC3); ok {
		all = &z.nsec3
		if len(*all) > 0 {
			if first := (*all)[0].set.Records[0].(*dns.NSEC3); first.Iterations != record.Iterations || first.Salt != record.Salt {
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

// maxSpanLabels bounds the labels below a zone's apex of names that are denied without
// asking.
const maxSpanLabels = 6

// closest returns what is kept of the closest zone of which something is, from the name up to
// the zone of an anchor. It may be read, but not changed.
func (c *NSECCache) closest(name, top canonical.Name, generation int) *zoneDenials {
	c.mu.Lock()
	defer c.mu.Unlock()
	for labels := name.Labels(); labels >= top.Labels(); labels-- {
		element := c.zones[name.Ancestor(labels)]
		if element == nil {
			continue
		}
		z := *element.Value.(*zoneDenials)
		if z.generation != generation {
			return nil
		}
		c.recent.MoveToFront(element)
		return &z
	}
	return nil
}

// about returns the spans that say something of a name: those at it and its ancestors, and
// at the wildcards that could match it, or over the places where these would be.
func (z *zoneDenials) about(name canonical.Name, now time.Time) []*span {
	var found, unlisted []*span
	add := func(all []span, owner canonical.Name, encloser bool) {
		if len(all) == 0 {
			return
		}
		s := spanOf(all, owner)
		if encloser && s.owner == owner && !s.listed {
			unlisted = append(unlisted, s) // what may lie below it is not known
		}
		if now.Before(s.expires) && s.made.Sub(now) <= QuestionTime && !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	addHashed := func(name canonical.Name, encloser bool) {}
	if len(z.nsec3) > 0 {
		first := z.nsec3[0].set.Records[0].(*dns.NSEC3)
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
