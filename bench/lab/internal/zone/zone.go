// Package zone makes and signs the small zones of the laboratory.
//
// It shares no code with package dnssec, which is measured on these zones: a mistake of
// the validator must not meet the same mistake of the signer. It signs what the
// laboratory holds, and is no signer for other use: names have no escapes and no
// capitals, and there are no wildcards.
package zone

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// ttl is that of all records, in seconds: longer than any measurement.
const ttl = 3600

// Denial is how a zone proves that something does not exist.
type Denial int

// NSEC3OptOut has no proof for delegations without DS (RFC 5155 §6).
const (
	NSEC Denial = iota
	NSEC3
	NSEC3OptOut
)

// A Zone is one before it is signed. It is not changed by Sign.
type Zone struct {
	Apex    string
	Records []dns.RR // the SOA record first

	// KSK signs the keys, and ZSK the rest. They may be one; a zone without keys is
	// not signed.
	KSK, ZSK              *Key
	Denial                Denial
	Inception, Expiration time.Time
}

// Add adds records in presentation form.
func (z *Zone) Add(records ...string) error {
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			return fmt.Errorf("zone %s: %q: %w", z.Apex, text, err)
		}
		rr.Header().Ttl = ttl
		z.Records = append(z.Records, rr)
	}
	return nil
}

// DS returns the zone's DS record, or nil if it is not signed.
func (z *Zone) DS() *dns.DS {
	if z.KSK == nil {
		return nil
	}
	return z.KSK.Record.ToDS(dns.SHA256)
}

// A setKey names an RRset of a zone.
type setKey struct {
	name string
	kind uint16
}

// Sign returns all records of the zone with what DNSSEC adds, the SOA record first.
func (z *Zone) Sign() ([]dns.RR, error) {
	if z.KSK == nil {
		return z.Records, nil
	}
	records := append(slices.Clone(z.Records), z.KSK.Record)
	if z.ZSK != z.KSK {
		records = append(records, z.ZSK.Record)
	}
	content := newContents(z.Apex, records)
	for _, rr := range z.deny(content) {
		content.add(rr)
		records = append(records, rr)
	}
	for _, key := range content.signed() {
		signer := z.ZSK
		if key.kind == dns.TypeDNSKEY {
			signer = z.KSK
		}
		sig, err := z.sign(signer, content.sets[key])
		if err != nil {
			return nil, fmt.Errorf("zone %s: signing %s %s: %w", z.Apex, key.name, dns.TypeToString[key.kind], err)
		}
		records = append(records, sig)
	}
	return records, nil
}

// sign signs one RRset.
func (z *Zone) sign(key *Key, set []dns.RR) (*dns.RRSIG, error) {
	sig := &dns.RRSIG{
		Hdr:       dns.RR_Header{Ttl: ttl},
		Algorithm: key.Record.Algorithm, KeyTag: key.Record.KeyTag(), SignerName: z.Apex,
		Inception: uint32(z.Inception.Unix()), Expiration: uint32(z.Expiration.Unix()),
	}
	return sig, sig.Sign(key.signer, set)
}

// contents are the RRsets of a zone, and its delegations.
type contents struct {
	sets map[setKey][]dns.RR
	cuts map[string]bool
}

func newContents(apex string, records []dns.RR) *contents {
	c := &contents{sets: map[setKey][]dns.RR{}, cuts: map[string]bool{}}
	for _, rr := range records {
		c.add(rr)
		if name := rr.Header().Name; rr.Header().Rrtype == dns.TypeNS && name != apex {
			c.cuts[name] = true
		}
	}
	return c
}

func (c *contents) add(rr dns.RR) {
	key := setKey{rr.Header().Name, rr.Header().Rrtype}
	c.sets[key] = append(c.sets[key], rr)
}

// glue says whether an RRset is the child's: below a delegation, or at one and neither NS
// nor a part of DNSSEC.
func (c *contents) glue(key setKey) bool {
	if c.cuts[key.name] {
		return key.kind != dns.TypeNS && key.kind != dns.TypeDS && key.kind != dns.TypeNSEC
	}
	for parent := range parents(key.name) {
		if c.cuts[parent] {
			return true
		}
	}
	return false
}

// signed returns the RRsets that get a signature, in canonical order of their names.
// Delegations get none (RFC 4035 §2.2).
func (c *contents) signed() []setKey {
	keys := slices.DeleteFunc(slices.Collect(maps.Keys(c.sets)), func(key setKey) bool {
		return c.glue(key) || c.cuts[key.name] && key.kind == dns.TypeNS
	})
	slices.SortFunc(keys, func(a, b setKey) int {
		return cmp.Or(Compare(a.name, b.name), cmp.Compare(a.kind, b.kind))
	})
	return keys
}

// types returns, for each name that the zone answers for, its types.
func (c *contents) types() map[string][]uint16 {
	types := map[string][]uint16{}
	for key := range c.sets {
		if !c.glue(key) {
			types[key.name] = append(types[key.name], key.kind)
		}
	}
	return types
}
