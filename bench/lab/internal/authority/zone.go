// Package authority answers for the signed zones of the laboratory, as the servers of
// the root, of a top-level domain and of the domains below do.
package authority

import (
	"maps"
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/bench/lab/internal/zone"
)

// An rrset is one with its signatures.
type rrset struct{ records, signatures []dns.RR }

// A Zone is one to be answered from. It is not changed once it is made, and may be used
// concurrently.
type Zone struct {
	apex   string
	names  map[string]map[uint16]*rrset // an empty non-terminal has an empty map
	owners []string                     // of NSEC records, in canonical order
	nsec3  map[string]*rrset            // by hash
	hashes []string                     // in order
}

// NewZone makes one of all its records.
func NewZone(records []dns.RR) *Zone {
	z := &Zone{names: map[string]map[uint16]*rrset{}, nsec3: map[string]*rrset{}}
	for _, rr := range records {
		z.add(rr)
	}
	for name, sets := range z.names {
		if sets[dns.TypeNSEC] != nil {
			z.owners = append(z.owners, name)
		}
	}
	for _, name := range slices.Collect(maps.Keys(z.names)) {
		for name != z.apex {
			if name = zone.Parent(name); z.names[name] == nil {
				z.names[name] = map[uint16]*rrset{}
			}
		}
	}
	slices.SortFunc(z.owners, zone.Compare)
	z.hashes = slices.Sorted(maps.Keys(z.nsec3))
	return z
}

// add files a record, or a signature beside what it covers. The owner of an NSEC3 record
// is no name of the zone.
func (z *Zone) add(rr dns.RR) {
	name, kind := rr.Header().Name, rr.Header().Rrtype
	sig, signature := rr.(*dns.RRSIG)
	switch {
	case signature:
		kind = sig.TypeCovered
	case kind == dns.TypeSOA:
		z.apex = name
	}
	var set *rrset
	if kind == dns.TypeNSEC3 {
		hash := dns.SplitDomainName(name)[0]
		if z.nsec3[hash] == nil {
			z.nsec3[hash] = new(rrset)
		}
		set = z.nsec3[hash]
	} else {
		if z.names[name] == nil {
			z.names[name] = map[uint16]*rrset{}
		}
		if z.names[name][kind] == nil {
			z.names[name][kind] = new(rrset)
		}
		set = z.names[name][kind]
	}
	if signature {
		set.signatures = append(set.signatures, rr)
	} else {
		set.records = append(set.records, rr)
	}
}

// cut returns the delegation at or above a name, or "". At the delegation itself, DS is
// the parent's (RFC 4035 §3.1.4.1).
func (z *Zone) cut(name string, kind uint16) string {
	found := ""
	for at := name; at != z.apex; at = zone.Parent(at) {
		if z.names[at][dns.TypeNS] != nil && (at != name || kind != dns.TypeDS) {
			found = at // the highest one counts
		}
	}
	return found
}
