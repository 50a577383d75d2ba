package dnssectest

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// respond is answer, unless a fault of the zone says otherwise.
func (z *zone) respond(name canonical.Name, qtype uint16, reply *dns.Msg) (target canonical.Name, alias bool) {
	switch z.forQuery(name, qtype) {
	case ServFail:
		reply.Rcode = dns.RcodeServerFailure
		return "", false
	case Refused:
		reply.Rcode = dns.RcodeRefused
		return "", false
	}
	return z.answer(name, qtype, reply)
}

// answer adds to the reply what the zone says of a question (RFC 1034 §4.3.2,
// RFC 4035 §3.1). Where that is an alias, it returns the name to go on with.
func (z *zone) answer(name canonical.Name, qtype uint16, reply *dns.Msg) (target canonical.Name, alias bool) {
	if _, below := z.cutAbove(name, qtype); below {
		// A delegation to a zone that is not there.
		reply.Rcode = dns.RcodeServerFailure
		return "", false
	}
	for above := name; above != z.apex; {
		above = above.Parent()
		if set := z.sets[rrsetName{above, dns.TypeDNAME}]; set != nil {
			return z.answerDNAME(name, above, set, reply)
		}
	}
	if z.names[name] {
		return z.answerFrom(name, name, qtype, reply)
	}
	encloser := name
	for !z.names[encloser] {
		encloser = encloser.Parent()
	}
	if wildcard, ok := encloser.Wildcard(); ok && z.names[wildcard] {
		z.denyCloser(name, encloser, reply)
		return z.answerFrom(wildcard, name, qtype, reply)
	}
	reply.Rcode = dns.RcodeNameError
	z.addSet(&reply.Ns, z.sets[rrsetName{z.apex, dns.TypeSOA}], "")
	z.denyName(name, encloser, reply)
	return "", false
}

// cutAbove returns the highest cut at or above a name, and whether there is one:
// then the name, but not its DS, belongs to another zone.
func (z *zone) cutAbove(name canonical.Name, qtype uint16) (cut canonical.Name, ok bool) {
	for at := name; at != z.apex; at = at.Parent() {
		if z.cuts[at] && (at != name || qtype != dns.TypeDS) {
			cut, ok = at, true
		}
	}
	return cut, ok
}

// answerFrom answers for name with what is at owner: the same, or the wildcard
// that matches it.
func (z *zone) answerFrom(owner, name canonical.Name, qtype uint16, reply *dns.Msg) (target canonical.Name, alias bool) {
	if set := z.sets[rrsetName{owner, qtype}]; set != nil {
		z.addSet(&reply.Answer, set, name.String())
		return "", false
	}
	if set := z.sets[rrsetName{owner, dns.TypeCNAME}]; set != nil {
		z.addSet(&reply.Answer, set, name.String())
		target, err := canonical.ParseName(set.records[0].(*dns.CNAME).Target)
		return target, err == nil
	}
	z.addSet(&reply.Ns, z.sets[rrsetName{z.apex, dns.TypeSOA}], "")
	z.denyType(owner, reply)
	return "", false
}

// answerDNAME adds the DNAME and the CNAME synthesized from it (RFC 6672 §3.1).
func (z *zone) answerDNAME(name, owner canonical.Name, set *signedSet, reply *dns.Msg) (target canonical.Name, alias bool) {
	z.addSet(&reply.Answer, set, "")
	substitute, err := canonical.ParseName(set.records[0].(*dns.DNAME).Target)
	if err == nil {
		target, err = name.Substitute(owner, substitute)
	}
	if err != nil {
		reply.Rcode = dns.RcodeYXDomain
		return "", false
	}
	reply.Answer = append(reply.Answer, &dns.CNAME{
		Hdr:    dns.RR_Header{Name: name.String(), Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: set.records[0].Header().Ttl},
		Target: target.String(),
	})
	return target, true
}

// addSet adds copies of an RRset and its signatures to a section, once, with
// another owner if one is given (RFC 4035 §3.1.3.3).
func (z *zone) addSet(section *[]dns.RR, set *signedSet, owner string) {
	if set == nil {
		return
	}
	h := set.records[0].Header()
	if owner == "" {
		owner = h.Name
	}
	first := dns.Copy(set.records[0])
	first.Header().Name = owner
	// At a zone cut both zones may have an NSEC RRset (RFC 4035 §2.3).
	if slices.ContainsFunc(*section, func(rr dns.RR) bool { return dns.IsDuplicate(rr, first) }) {
		return
	}
	for _, rr := range set.records {
		*section = append(*section, dns.Copy(rr))
		(*section)[len(*section)-1].Header().Name = owner
	}
	for _, sig := range set.sigs {
		*section = append(*section, dns.Copy(sig))
		(*section)[len(*section)-1].Header().Name = owner
	}
}

// denyType proves that an existing owner lacks a type (RFC 4035 §3.1.3.1, RFC
// 5155 §7.2.3 to §7.2.5).
func (z *zone) denyType(owner canonical.Name, reply *dns.Msg) {
	if len(z.nsec3) == 0 {
		z.addNSEC(owner, reply)
		return
	}
	if z.addNSEC3(owner, reply) {
		return
	}
	// An unsigned delegation in an opt-out span (RFC 5155 §7.2.4), or an empty non-terminal
	// above nothing else.
	z.denyCloser(owner, owner.Parent(), reply)
}

// denyCloser proves that nothing closer to name exists than the encloser, which a wildcard
// below it needs that applies to name (RFC 4035 §3.1.3.3, RFC 5155 §7.2.6). It returns the
// encloser that is proven.
func (z *zone) denyCloser(name, encloser canonical.Name, reply *dns.Msg) canonical.Name {
	if len(z.nsec3) == 0 {
		z.addNSEC(name, reply)
		return encloser
	}
	encloser = z.provable(encloser)
	z.addNSEC3(encloser, reply)
	z.coverNSEC3(name.Ancestor(encloser.Labels()+1), reply)
	return encloser
}

// provable returns the closest encloser that has an NSEC3 record (RFC 5155 §7.2.1). An empty
// non-terminal need not have one if it only stands above unsigned delegations in opt-out
// spans (RFC 5155 §7.1).
func (z *zone) provable(encloser canonical.Name) canonical.Name {
	for encloser != z.apex {
		if _, found := slices.BinarySearch(z.nsec3, z.hash(encloser)); found {
			break
		}
		encloser = encloser.Parent()
	}
	return encloser
}

// denyName proves that name does not exist (RFC 4035 §3.1.3.2, RFC 5155 §7.2.2).
func (z *zone) denyName(name, encloser canonical.Name, reply *dns.Msg) {
	wildcard, ok := z.denyCloser(name, encloser, reply).Wildcard()
	switch {
	case !ok:
	case len(z.nsec3) == 0:
		z.addNSEC(wildcard, reply)
	case z.addNSEC3(wildcard, reply):
		// It does not match, since there is an empty non-terminal closer to the name than
		// what is proven. named shows it in the same way.
	default:
		z.coverNSEC3(wildcard, reply)
	}
}

// addNSEC adds the NSEC record at a name, or the one that covers it.
func (z *zone) addNSEC(name canonical.Name, reply *dns.Msg) {
	if len(z.nsec) == 0 {
		return // unsigned
	}
	at, found := slices.BinarySearchFunc(z.nsec, name, canonical.Name.Compare)
	if !found {
		at-- // the apex comes first, and name is not before it
	}
	z.addSet(&reply.Ns, z.sets[rrsetName{z.nsec[at], dns.TypeNSEC}], "")
}

func (z *zone) hash(name canonical.Name) string {
	return dns.HashName(name.String(), dns.SHA1, z.Iterations, z.Salt)
}

// addNSEC3 adds the NSEC3 record of a name, and reports whether there is one.
func (z *zone) addNSEC3(name canonical.Name, reply *dns.Msg) bool {
	hash := z.hash(name)
	_, found := slices.BinarySearch(z.nsec3, hash)
	if found {
		z.addSet(&reply.Ns, z.nsec3Set(hash), "")
	}
	return found
}

// coverNSEC3 adds the NSEC3 record that covers a name.
func (z *zone) coverNSEC3(name canonical.Name, reply *dns.Msg) {
	at, _ := slices.BinarySearch(z.nsec3, z.hash(name))
	z.addSet(&reply.Ns, z.nsec3Set(z.nsec3[(at+len(z.nsec3)-1)%len(z.nsec3)]), "")
}

func (z *zone) nsec3Set(hash string) *signedSet {
	owner, err := canonical.ParseName(absolute(strings.ToLower(hash), z.Name))
	if err != nil {
		panic("dnssectest: hash is no label") // we made it ourselves
	}
	return z.sets[rrsetName{owner, dns.TypeNSEC3}]
}
