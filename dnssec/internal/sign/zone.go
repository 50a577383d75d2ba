package sign

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// A Denial is how a zone proves that something does not exist.
type Denial uint8

const (
	NSEC        Denial = iota // RFC 4034 §4
	NSEC3                     // RFC 5155
	NSEC3OptOut               // RFC 5155 §6: no record for unsigned delegations
)

// A Zone is a zone to be signed.
type Zone struct {
	Apex    string
	Records []dns.RR // unsigned, with the SOA, the NS sets and the glue

	KSK *Key // signs the DNSKEY set
	ZSK *Key // signs all else; nil means that KSK does

	Denial     Denial
	Salt       string // of NSEC3, in hexadecimal
	Iterations uint16 // of NSEC3, beyond the first

	Inception, Expiration time.Time // of the signatures
}

// An rrsetName names an RRset of a zone.
type rrsetName struct {
	owner canonical.Name
	rtype uint16
}

// contents is a zone ordered for signing.
type contents struct {
	apex canonical.Name
	sets map[rrsetName][]dns.RR
	cuts map[canonical.Name]bool // delegations; true if there is a DS set
	// hiding owners have names below them that are not the zone's to speak of:
	// delegations (RFC 4035 §2.2) and DNAMEs (RFC 6672 §2.4).
	hiding map[canonical.Name]bool
	ttl    uint32 // of the denials: RFC 9077
}

// DS returns the DS records of the zone's KSK for its parent.
func (z *Zone) DS(digests ...uint8) []*dns.DS {
	var set []*dns.DS
	for _, digest := range digests {
		set = append(set, z.KSK.Public.ToDS(digest))
	}
	return set
}

// Sign returns all records of the signed zone in canonical order, each RRset
// followed by its signature. The records given are not changed.
func (z *Zone) Sign() ([]dns.RR, error) {
	records := slices.Concat(z.Records, z.keys())
	if z.Denial != NSEC {
		records = append(records, z.nsec3param())
	}
	c, err := collect(z.Apex, records)
	if err != nil {
		return nil, err
	}
	chain := c.nsec()
	if z.Denial != NSEC {
		if chain, err = z.nsec3(c); err != nil {
			return nil, err
		}
	}
	for _, rr := range chain {
		if err := c.add(rr); err != nil {
			return nil, err
		}
	}

	var signed []dns.RR
	for _, name := range c.names() {
		set := c.sets[name]
		signed = append(signed, set...)
		if !c.signs(name) {
			continue
		}
		sig, err := z.Key(name.rtype).Sign(set, z.Inception, z.Expiration)
		if err != nil {
			return nil, err
		}
		signed = append(signed, sig)
	}
	return signed, nil
}

// Key returns the key that signs RRsets of a type.
func (z *Zone) Key(rtype uint16) *Key {
	if z.ZSK == nil || rtype == dns.TypeDNSKEY {
		return z.KSK
	}
	return z.ZSK
}

func (z *Zone) keys() []dns.RR {
	keys := []dns.RR{z.KSK.Public}
	if z.ZSK != nil && z.ZSK != z.KSK {
		keys = append(keys, z.ZSK.Public)
	}
	return keys
}

// collect orders records into RRsets, and finds what is not authoritative.
func collect(apex string, records []dns.RR) (*contents, error) {
	name, err := canonical.ParseName(apex)
	if err != nil {
		return nil, fmt.Errorf("sign: apex %q: %w", apex, err)
	}
	c := &contents{
		apex:   name,
		sets:   make(map[rrsetName][]dns.RR),
		cuts:   make(map[canonical.Name]bool),
		hiding: make(map[canonical.Name]bool),
	}
	for _, rr := range records {
		if err := c.add(rr); err != nil {
			return nil, err
		}
	}
	for set := range c.sets {
		switch {
		case set.rtype == dns.TypeNS && set.owner != c.apex:
			c.cuts[set.owner] = len(c.sets[rrsetName{set.owner, dns.TypeDS}]) > 0
			c.hiding[set.owner] = true
		case set.rtype == dns.TypeDNAME:
			c.hiding[set.owner] = true
		}
	}
	soa := c.sets[rrsetName{c.apex, dns.TypeSOA}]
	if len(soa) != 1 {
		return nil, fmt.Errorf("sign: zone %s has %d SOA records", apex, len(soa))
	}
	c.ttl = min(soa[0].Header().Ttl, soa[0].(*dns.SOA).Minttl) // RFC 9077 §3
	return c, nil
}

func (c *contents) add(rr dns.RR) error {
	h := rr.Header()
	owner, err := canonical.ParseName(h.Name)
	if err != nil || !owner.Below(c.apex) {
		return fmt.Errorf("sign: %q is no name in zone %s", h.Name, c.apex)
	}
	name := rrsetName{owner, h.Rrtype}
	rr = dns.Copy(rr)
	rr.Header().Name = owner.String()
	if set := c.sets[name]; len(set) > 0 {
		rr.Header().Ttl = set[0].Header().Ttl // RFC 2181 §5.2
	}
	c.sets[name] = append(c.sets[name], rr)
	return nil
}

// hidden reports whether name is strictly below a delegation or a DNAME.
func (c *contents) hidden(name canonical.Name) bool {
	for name != c.apex {
		if name = name.Parent(); c.hiding[name] {
			return true
		}
	}
	return false
}

// signs reports whether the zone signs the RRset: delegations and glue are the
// child's (RFC 4035 §2.2).
func (c *contents) signs(set rrsetName) bool {
	if c.hidden(set.owner) {
		return false
	}
	if _, cut := c.cuts[set.owner]; cut {
		return set.rtype == dns.TypeDS || set.rtype == dns.TypeNSEC
	}
	return true
}

// types returns the types that a denial lists for each owner: at a delegation
// only NS and DS (RFC 4035 §2.3).
func (c *contents) types() map[canonical.Name][]uint16 {
	types := make(map[canonical.Name][]uint16)
	for set := range c.sets {
		_, cut := c.cuts[set.owner]
		if c.hidden(set.owner) || cut && set.rtype != dns.TypeNS && set.rtype != dns.TypeDS {
			continue
		}
		types[set.owner] = append(types[set.owner], set.rtype)
	}
	return types
}

// names returns the RRsets in canonical order.
func (c *contents) names() []rrsetName {
	names := make([]rrsetName, 0, len(c.sets))
	for name := range c.sets {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b rrsetName) int {
		return cmp.Or(a.owner.Compare(b.owner), cmp.Compare(a.rtype, b.rtype))
	})
	return names
}
