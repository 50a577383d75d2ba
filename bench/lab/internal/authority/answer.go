package authority

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/bench/lab/internal/zone"
)

// An answer is a reply while it is made.
type answer struct {
	*Zone
	*dns.Msg
	dnssec bool // the query had the DO bit
}

// answer replies to a question about a name in the zone, without an OPT record.
func (z *Zone) answer(query *dns.Msg, dnssec bool) *dns.Msg {
	a := &answer{z, new(dns.Msg).SetReply(query), dnssec}
	a.Compress = true
	name, kind := dns.CanonicalName(query.Question[0].Name), query.Question[0].Qtype
	if cut := z.cut(name, kind); cut != "" {
		a.refer(cut)
		return a.Msg
	}
	a.Authoritative = true
	sets, exists := z.names[name]
	if set := sets[kind]; set != nil {
		a.Answer = a.with(a.Answer, set)
		return a.Msg
	}
	a.Ns = a.with(a.Ns, z.names[z.apex][dns.TypeSOA])
	if !exists {
		a.Rcode = dns.RcodeNameError
	}
	if dnssec {
		a.deny(name, exists)
	}
	return a.Msg
}

// with appends an RRset, its signatures where they are wanted, to a section.
func (a *answer) with(section []dns.RR, set *rrset) []dns.RR {
	section = append(section, set.records...)
	if a.dnssec {
		section = append(section, set.signatures...)
	}
	return section
}

// prove appends an RRset that proves something to the authority section, once.
func (a *answer) prove(set *rrset) {
	if !slices.Contains(a.Ns, set.records[0]) {
		a.Ns = a.with(a.Ns, set)
	}
}

// refer sends the client to the servers of a delegation, with its DS records or the
// proof that there are none (RFC 4035 §3.1.4).
func (a *answer) refer(cut string) {
	servers := a.names[cut][dns.TypeNS].records
	a.Ns = append(a.Ns, servers...)
	switch ds := a.names[cut][dns.TypeDS]; {
	case !a.dnssec:
	case ds != nil:
		a.prove(ds)
	default:
		a.deny(cut, true)
	}
	for _, server := range servers {
		if glue := a.names[server.(*dns.NS).Ns][dns.TypeA]; glue != nil {
			a.Extra = append(a.Extra, glue.records...)
		}
	}
}

// deny proves that a name does not exist, or has no such type.
func (a *answer) deny(name string, exists bool) {
	switch {
	case len(a.hashes) > 0 && exists:
		if !a.match(name) { // a delegation that was left out (RFC 5155 §7.2.4)
			a.enclose(name)
		}
	case len(a.hashes) > 0:
		a.cover(zone.Below("*", a.enclose(name)))
	case len(a.owners) > 0:
		a.coverByName(name)
		if !exists {
			a.coverByName(zone.Below("*", a.encloser(name)))
		}
	}
}

// encloser returns the closest name above that exists.
func (z *Zone) encloser(name string) string {
	for z.names[name] == nil {
		name = zone.Parent(name)
	}
	return name
}

// coverByName adds the NSEC record at or before a name.
func (a *answer) coverByName(name string) {
	i, found := slices.BinarySearchFunc(a.owners, name, zone.Compare)
	if !found {
		i = (i - 1 + len(a.owners)) % len(a.owners)
	}
	a.prove(a.names[a.owners[i]][dns.TypeNSEC])
}

// match adds the NSEC3 record of a name, if it has one.
func (a *answer) match(name string) bool {
	set := a.nsec3[zone.Hash(name)]
	if set != nil {
		a.prove(set)
	}
	return set != nil
}

// cover adds the NSEC3 record that covers a name.
func (a *answer) cover(name string) {
	i, _ := slices.BinarySearch(a.hashes, zone.Hash(name))
	a.prove(a.nsec3[a.hashes[(i-1+len(a.hashes))%len(a.hashes)]])
}

// enclose adds the closest encloser proof for a name, and returns the closest encloser
// (RFC 5155 §7.2.1).
func (a *answer) enclose(name string) string {
	next, encloser := name, zone.Parent(name)
	for !a.match(encloser) {
		next, encloser = encloser, zone.Parent(encloser)
	}
	a.cover(next)
	return encloser
}
