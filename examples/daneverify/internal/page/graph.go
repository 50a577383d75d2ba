package page

import (
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
)

// A graph is the chain of trust of all answers together: zones, what is in them, and what
// vouches for what.
type graph struct {
	zones   []zone
	nodes   []node
	edges   []edge
	omitted int // nodes beyond the limits
}

type zone struct {
	name   string // with the final dot; empty for what has no evidence at all
	parent int    // the closest zone above that is shown; -1 if there is none
	status dnssec.Status
}

// A kind is what a node is. The order is that in which they stand in their zone.
type kind uint8

const (
	keyNode    kind = iota // a key, or the keys that should be there
	setNode                // an RRset that was asked for, an alias among them
	denialNode             // the proof that something is not there
	dsNode                 // the DS records of a zone below
	noDSNode               // the proof that a zone below has none
)

type node struct {
	kind   kind
	zone   int
	label  string // "KSK 20326", "DS", "MX", "no AAAA"
	name   string // owner, with the final dot; of a key its algorithm
	status dnssec.Status
	anchor bool // a trust anchor vouches for the key

	signer int // the node of the key that signed it; -1 if there is none
	since  time.Time
	until  time.Time // of that signature
	reason string    // why it is not secure
}

// An edge says that one node vouches for another, or should.
type edge struct {
	from, to int
	status   dnssec.Status
}

// A graphBuilder makes a graph of lookups, one link after the other.
type graphBuilder struct {
	graph
	byZone  map[string]int
	byNode  map[nodeKey]int
	byEdge  map[edge]bool
	signing map[int]int // by zone: the key that signed its keys
}

// A nodeKey tells nodes apart.
type nodeKey struct {
	zone  int
	kind  kind
	what  string // owner; of a key nothing
	rtype uint16
	tag   uint16
}

func newGraph(lookups []dane.Lookup) graph {
	b := &graphBuilder{
		byZone: make(map[string]int), byNode: make(map[nodeKey]int), byEdge: make(map[edge]bool), signing: make(map[int]int),
	}
	for i := range lookups {
		b.lookup(&lookups[i])
	}
	b.parents()
	return b.graph
}

// lookup adds the evidence of one answer, from the anchor down.
func (b *graphBuilder) lookup(l *dane.Lookup) {
	last := -1 // what the next link rests on
	for _, link := range l.Chain {
		if link.Status != dnssec.Secure {
			continue // it is what follows
		}
		if n := b.secure(l, link); n >= 0 {
			last = n
		}
	}
	if l.Status != dnssec.Secure {
		b.unproven(l, last)
	}
}

// secure adds an RRset that was verified, and returns its node; -1 if there is no place.
func (b *graphBuilder) secure(l *dane.Lookup, link dnssec.Link) int {
	z := b.zone(link.Zone)
	if z < 0 {
		b.omitted++
		return -1
	}
	key := b.key(z, link)
	if key < 0 {
		return -1
	}
	if link.Type == dns.TypeDNSKEY {
		b.keySet(z, key, link)
		return key
	}
	n := node{kind: setNode, zone: z, label: dns.Type(link.Type).String(), name: link.Name}
	switch link.Type {
	case dns.TypeDS:
		n.kind = dsNode
	case dns.TypeNSEC, dns.TypeNSEC3:
		n.kind, n.label, n.name = denied(l, link)
	}
	n.status, n.signer, n.since, n.until = dnssec.Secure, key, link.Inception, link.Expiration
	i := b.node(nodeKey{zone: z, kind: n.kind, what: n.name + " " + n.label, rtype: link.Type}, n)
	b.edge(key, i, dnssec.Secure)
	return i
}

// denied says what an NSEC or NSEC3 record proves for a lookup: as a rule that there is no
// such record, of an answer that is not signed that there is no DS record above it, and of
// one that is there that no closer name is.
func denied(l *dane.Lookup, link dnssec.Link) (k kind, label, name string) {
	switch {
	case l.Status == dnssec.Insecure && dns.IsSubDomain(link.Zone, l.Reason.Zone) && l.Reason.Zone != "":
		return noDSNode, "no DS", l.Reason.Zone
	case l.Status == dnssec.Secure && len(l.Records) == 0 && l.RCode == dns.RcodeNameError:
		return denialNode, "no such name", dns.Fqdn(l.Name)
	case l.Status == dnssec.Secure && len(l.Records) == 0:
		return denialNode, "no " + dns.Type(l.Type).String(), dns.Fqdn(l.Name)
	}
	return denialNode, dns.Type(link.Type).String(), link.Name
}

// key returns the node of the key that made a signature.
func (b *graphBuilder) key(z int, link dnssec.Link) int {
	i := b.node(nodeKey{zone: z, kind: keyNode, tag: link.KeyTag}, node{
		kind: keyNode, zone: z, label: keyLabel("ZSK", link.KeyTag), name: algorithmName(link.Algorithm), status: dnssec.Secure, signer: -1,
	})
	if i < 0 || link.Type == dns.TypeDNSKEY {
		return i
	}
	// One key that signs keys and records alike is a CSK.
	if ksk, ok := b.signing[z]; ok && ksk == i {
		b.nodes[i].label = keyLabel("CSK", link.KeyTag)
	} else if ok {
		b.nodes[i].signer, b.nodes[i].since, b.nodes[i].until = ksk, b.nodes[ksk].since, b.nodes[ksk].until
		b.edge(ksk, i, dnssec.Secure)
	}
	return i
}

// keySet marks the key that has signed the keys of its zone, and ties it to the DS records
// above.
func (b *graphBuilder) keySet(z, key int, link dnssec.Link) {
	n := &b.nodes[key]
	if _, known := b.signing[z]; !known {
		b.signing[z] = key
		n.label = keyLabel("KSK", link.KeyTag)
	}
	n.since, n.until = link.Inception, link.Expiration
	n.anchor = n.anchor || link.Anchor
	if ds := b.delegation(link.Zone); ds >= 0 && !link.Anchor {
		n.signer = ds
		b.edge(ds, key, dnssec.Secure)
	}
}

// delegation returns the node of the DS records of a zone, or of the proof that it has none;
// -1 if there is neither.
func (b *graphBuilder) delegation(zone string) int {
	for i := range b.nodes {
		n := &b.nodes[i]
		if n.name == zone && (n.kind == dsNode || n.kind == noDSNode) {
			return i
		}
	}
	return -1
}

// unproven adds what a lookup that is not secure ends with: where the chain breaks, and what
// was asked for.
func (b *graphBuilder) unproven(l *dane.Lookup, last int) {
	owner, reason := dns.Fqdn(strings.ToLower(l.Name)), l.Reason
	if len(l.Chain) > 0 && l.Chain[len(l.Chain)-1].Status != dnssec.Secure {
		owner = l.Chain[len(l.Chain)-1].Name // at the end of the aliases
	}
	z := b.zone(b.zoneOf(reason.Zone, owner))
	if z < 0 {
		b.omitted++
		return
	}
	if len(b.inZone(z)) == 0 {
		b.zones[z].status = l.Status
	} else {
		b.zones[z].status = min(b.zones[z].status, l.Status)
	}
	asked := node{
		kind: setNode, zone: z, label: dns.Type(l.Type).String(), name: owner, status: l.Status, signer: -1, reason: reason.String(),
	}
	if asked.reason == "" && l.Err != nil {
		asked.reason = l.Err.Error()
	}
	if reason.Name != "" && l.Status == dnssec.Bogus && (reason.Type == dns.TypeDNSKEY || reason.Type == dns.TypeDS) {
		fault := asked
		fault.label, fault.name = dns.Type(reason.Type).String(), reason.Name
		if reason.Type == dns.TypeDNSKEY {
			fault.kind = keyNode
		}
		i := b.node(nodeKey{zone: z, kind: fault.kind, what: fault.name, rtype: reason.Type}, fault)
		b.edge(last, i, l.Status)
		last = i
	} else if key := b.keyOf(z, reason.KeyTag); key >= 0 {
		last = key // it is the record's own signature that is wrong, or missing
	}
	i := b.node(nodeKey{zone: z, kind: setNode, what: owner + " " + asked.label, rtype: l.Type}, asked)
	b.edge(last, i, l.Status)
}

// keyOf returns the node of a key that is proven to be of a zone, of the one with a tag if it is
// there; -1 if there is none.
func (b *graphBuilder) keyOf(z int, tag uint16) int {
	if i, ok := b.byNode[nodeKey{zone: z, kind: keyNode, tag: tag}]; ok {
		return i
	}
	last := -1
	for _, i := range b.inZone(z) {
		if n := &b.nodes[i]; n.kind == keyNode && n.status == dnssec.Secure {
			last = i
		}
	}
	return last
}

// zoneOf returns the zone that a name which is not proven is shown in.
func (b *graphBuilder) zoneOf(known, owner string) string {
	if known != "" {
		return known
	}
	best := ""
	for name := range b.byZone {
		if name != "" && dns.IsSubDomain(name, owner) && (best == "" || dns.CountLabel(name) > dns.CountLabel(best)) {
			best = name
		}
	}
	return best
}

func (b *graphBuilder) inZone(z int) (nodes []int) {
	for i := range b.nodes {
		if b.nodes[i].zone == z {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

// zone returns the index of a zone, which is made if it is new; -1 if there is no place.
func (b *graphBuilder) zone(name string) int {
	if i, ok := b.byZone[name]; ok {
		return i
	}
	if len(b.zones) == maxZones {
		return -1
	}
	b.zones = append(b.zones, zone{name: name, parent: -1, status: dnssec.Secure})
	b.byZone[name] = len(b.zones) - 1
	return len(b.zones) - 1
}

// node returns the index of a node, which is made if it is new; -1 if there is no place.
func (b *graphBuilder) node(key nodeKey, n node) int {
	if i, ok := b.byNode[key]; ok {
		return i
	}
	if len(b.nodes) == maxNodes || len(b.inZone(n.zone)) == maxNodesOfZone {
		b.omitted++
		return -1
	}
	b.nodes = append(b.nodes, n)
	b.byNode[key] = len(b.nodes) - 1
	return len(b.nodes) - 1
}

func (b *graphBuilder) edge(from, to int, status dnssec.Status) {
	e := edge{from, to, status}
	if from < 0 || to < 0 || from == to || b.byEdge[e] {
		return
	}
	b.byEdge[e] = true
	b.edges = append(b.edges, e)
}

// parents finds for each zone the closest one above it.
func (b *graphBuilder) parents() {
	for i := range b.zones {
		best := -1
		for j, other := range b.zones {
			if i == j || other.name == "" || b.zones[i].name == "" || other.name == b.zones[i].name || !dns.IsSubDomain(other.name, b.zones[i].name) {
				continue
			}
			if best < 0 || dns.CountLabel(other.name) > dns.CountLabel(b.zones[best].name) {
				best = j
			}
		}
		b.zones[i].parent = best
	}
}
