package sign

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// sha1Length is the length of an NSEC3 hash in octets; SHA-1 is the only one
// there is (RFC 5155 §11).
const sha1Length = 20

// nsec makes the NSEC chain: a record for each owner with authoritative data or a delegation,
// but not for empty non-terminals (RFC 4035 §2.3).
func (c *contents) nsec() []dns.RR {
	types := c.types()
	owners := slices.SortedFunc(maps.Keys(types), canonical.Name.Compare)
	chain := make([]dns.RR, len(owners))
	for i, owner := range owners {
		next := owners[(i+1)%len(owners)]
		chain[i] = &dns.NSEC{
			Hdr: dns.RR_Header{
				Name: owner.String(), Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: c.ttl,
			},
			NextDomain: next.String(),
			TypeBitMap: bitmap(types[owner], dns.TypeRRSIG, dns.TypeNSEC),
		}
	}
	return chain
}

// nsec3 makes the NSEC3 chain: a record for each owner and each empty
// non-terminal (RFC 5155 §7.1).
func (z *Zone) nsec3(c *contents) ([]dns.RR, error) {
	types := make(map[canonical.Name][]uint16)
	for owner, list := range c.types() {
		signed, cut := c.cuts[owner]
		switch {
		case cut && !signed && z.Denial == NSEC3OptOut:
			continue // and so are empty non-terminals only above such
		case cut && !signed:
			types[owner] = bitmap(list)
		default:
			types[owner] = bitmap(list, dns.TypeRRSIG)
		}
		for above := owner; above != c.apex; {
			above = above.Parent()
			if _, ok := types[above]; !ok {
				types[above] = nil // overwritten when its turn comes, if it is no empty one
			}
		}
	}

	type link struct {
		hash  string
		types []uint16
	}
	links := make([]link, 0, len(types))
	for owner, list := range types {
		hash := dns.HashName(owner.String(), dns.SHA1, z.Iterations, z.Salt)
		if hash == "" {
			return nil, fmt.Errorf("sign: cannot hash %s with salt %q", owner, z.Salt)
		}
		links = append(links, link{hash, list})
	}
	// Base32hex keeps the order of the hashes (RFC 4648 §7).
	slices.SortFunc(links, func(a, b link) int { return cmp.Compare(a.hash, b.hash) })

	var flags uint8
	if z.Denial == NSEC3OptOut {
		flags = 1 // RFC 5155 §3.1.2.1
	}
	chain := make([]dns.RR, len(links))
	for i, l := range links {
		owner := strings.ToLower(l.hash) + "."
		if !c.apex.IsRoot() {
			owner += c.apex.String()
		}
		chain[i] = &dns.NSEC3{
			Hdr:        dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: c.ttl},
			Hash:       dns.SHA1,
			Flags:      flags,
			Iterations: z.Iterations,
			SaltLength: uint8(len(z.Salt) / 2),
			Salt:       z.Salt,
			HashLength: sha1Length,
			NextDomain: links[(i+1)%len(links)].hash,
			TypeBitMap: l.types,
		}
	}
	return chain, nil
}

// nsec3param is what an authoritative server would need (RFC 5155 §4).
func (z *Zone) nsec3param() dns.RR {
	return &dns.NSEC3PARAM{
		Hdr:        dns.RR_Header{Name: z.Apex, Rrtype: dns.TypeNSEC3PARAM, Class: dns.ClassINET},
		Hash:       dns.SHA1,
		Iterations: z.Iterations,
		SaltLength: uint8(len(z.Salt) / 2),
		Salt:       z.Salt,
	}
}

func bitmap(types []uint16, more ...uint16) []uint16 {
	list := slices.Concat(types, more)
	slices.Sort(list)
	return list
}
