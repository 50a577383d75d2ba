package zone

import (
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// deny returns the records that prove what does not exist.
func (z *Zone) deny(c *contents) []dns.RR {
	if z.Denial == NSEC {
		return nsec(c.types())
	}
	return z.nsec3(c)
}

func nsec(types map[string][]uint16) []dns.RR {
	names := slices.SortedFunc(maps.Keys(types), Compare)
	records := make([]dns.RR, len(names))
	for i, name := range names {
		records[i] = &dns.NSEC{
			Hdr:        dns.RR_Header{Name: name, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: ttl},
			NextDomain: names[(i+1)%len(names)],
			TypeBitMap: bitmap(types[name], dns.TypeNSEC, dns.TypeRRSIG),
		}
	}
	return records
}

// nsec3 hashes once and without salt (RFC 9276 §3.1).
func (z *Zone) nsec3(c *contents) []dns.RR {
	param := &dns.NSEC3PARAM{
		Hdr:  dns.RR_Header{Name: z.Apex, Rrtype: dns.TypeNSEC3PARAM, Class: dns.ClassINET, Ttl: ttl},
		Hash: dns.SHA1,
	}
	names := c.types()
	names[z.Apex] = append(names[z.Apex], dns.TypeNSEC3PARAM)
	bitmaps := map[string][]uint16{} // by hash
	for name, types := range names {
		insecure := c.cuts[name] && !slices.Contains(types, dns.TypeDS)
		switch {
		case insecure && z.Denial == NSEC3OptOut:
			continue
		case insecure:
			bitmaps[Hash(name)] = bitmap(types)
		default:
			bitmaps[Hash(name)] = bitmap(types, dns.TypeRRSIG)
		}
		for parent := range parents(name) { // empty non-terminals
			if dns.IsSubDomain(z.Apex, parent) && bitmaps[Hash(parent)] == nil {
				bitmaps[Hash(parent)] = []uint16{}
			}
		}
	}
	hashes := slices.Sorted(maps.Keys(bitmaps))
	records := []dns.RR{param}
	for i, hash := range hashes {
		record := &dns.NSEC3{
			Hdr:  dns.RR_Header{Name: Below(hash, z.Apex), Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: ttl},
			Hash: dns.SHA1, HashLength: 20,
			NextDomain: strings.ToUpper(hashes[(i+1)%len(hashes)]), TypeBitMap: bitmaps[hash],
		}
		if z.Denial == NSEC3OptOut {
			record.Flags = 1
		}
		records = append(records, record)
	}
	return records
}

// Hash returns the first label of a name's NSEC3 record.
func Hash(name string) string { return strings.ToLower(dns.HashName(name, dns.SHA1, 0, "")) }

func bitmap(types []uint16, more ...uint16) []uint16 {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(types, more))))
}
