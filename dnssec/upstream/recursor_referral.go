package upstream

import (
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// A kind of reply from a server that should be authoritative.
type kind uint8

const (
	lame      kind = iota // none of the others: the server does not serve the zone
	referral              // to a zone below
	answer                // data, an alias, or a denial
	childSide             // a denial of DS records by the zone below the cut
	refused               // an rcode that says nothing about the name
)

// classify returns what kind of reply a server of a zone gave, and for a referral the name
// of the zone cut. The AA bit counts only if there is neither data nor a SOA record: servers
// that do not set it are common, and a validator does not need it.
func classify(zone string, question dns.Question, reply *dns.Msg) (k kind, cut string) {
	if isRefusal(reply) {
		return refused, ""
	}
	for _, rr := range reply.Answer {
		owner := dns.CanonicalName(rr.Header().Name)
		switch rrtype := rr.Header().Rrtype; {
		case owner == question.Name && (rrtype == question.Qtype || rrtype == dns.TypeCNAME || question.Qtype == dns.TypeANY),
			rrtype == dns.TypeDNAME && owner != question.Name && isBelow(owner, question.Name):
			return answer, ""
		}
	}
	denied := reply.Authoritative // RFC 2308 §2.1, §2.2
	for _, rr := range reply.Ns {
		owner := dns.CanonicalName(rr.Header().Name)
		switch rr.Header().Rrtype {
		case dns.TypeSOA:
			switch {
			case !isBelow(zone, owner), !isBelow(owner, question.Name):
				return lame, "" // of another zone
			case question.Qtype == dns.TypeDS && owner == question.Name && owner != ".":
				return childSide, "" // which has no DS records of its own (RFC 4035 §5.2)
			}
			return answer, ""
		case dns.TypeNSEC, dns.TypeNSEC3:
			denied = denied || isBelow(zone, owner) && reply.Rcode == dns.RcodeNameError
		}
		if !isBelow(zone, owner) || !isBelow(owner, question.Name) {
			continue
		}
		if rr.Header().Rrtype == dns.TypeNS && owner != zone {
			cut = owner
		}
	}
	switch {
	case cut != "" && reply.Rcode == dns.RcodeSuccess:
		return referral, cut
	case denied:
		return answer, ""
	}
	return lame, ""
}

// keepBailiwick removes records outside of the zone, for which its servers cannot speak (RFC
// 2181 §5.4.1).
func keepBailiwick(zone string, reply *dns.Msg) {
	outside := func(rr dns.RR) bool { return !isBelow(zone, dns.CanonicalName(rr.Header().Name)) }
	reply.Answer = slices.DeleteFunc(reply.Answer, outside)
	reply.Ns = slices.DeleteFunc(reply.Ns, outside)
}

// readNameServers reads the NS records of a zone, and the addresses that came with
// them: those of names that the servers of the zone above can speak for.
func readNameServers(above, zone string, records, extra []dns.RR, filter *addressFilter) (servers []nameServer, ttl uint32) {
	ttl = ^uint32(0)
	size := 0
	for _, rr := range records {
		ns, ok := rr.(*dns.NS)
		if !ok || dns.CanonicalName(ns.Hdr.Name) != zone {
			continue
		}
		ttl = min(ttl, ns.Hdr.Ttl)
		name := dns.CanonicalName(ns.Ns)
		known := slices.ContainsFunc(servers, func(s nameServer) bool { return s.name == name })
		if !known && len(servers) < maxNameServers && size+len(name) <= maxServerNamesSize {
			servers = append(servers, nameServer{name: name})
			size += len(name)
		}
	}
	for _, rr := range extra {
		addr, ok := address(rr)
		owner := dns.CanonicalName(rr.Header().Name)
		if !ok || !isBelow(above, owner) || !filter.allows(addr) {
			continue
		}
		at := slices.IndexFunc(servers, func(s nameServer) bool { return s.name == owner })
		if at < 0 || len(servers[at].addresses) == maxServerAddresses {
			continue
		}
		if glue := netip.AddrPortFrom(addr, port); !slices.Contains(servers[at].addresses, glue) {
			servers[at].addresses = append(servers[at].addresses, glue)
		}
	}
	return servers, ttl
}

// address returns the address in an A or AAAA record.
func address(rr dns.RR) (netip.Addr, bool) {
	switch rr := rr.(type) {
	case *dns.A:
		return netip.AddrFromSlice(rr.A.To4())
	case *dns.AAAA:
		addr, ok := netip.AddrFromSlice(rr.AAAA.To16())
		return addr.Unmap(), ok
	}
	return netip.Addr{}, false
}

// newDelegation reads a referral by the servers of the zone above.
func newDelegation(above *delegation, cut string, reply *Reply, now time.Time, filter *addressFilter) *delegation {
	servers, ttl := readNameServers(above.name, cut, reply.Msg.Ns, reply.Msg.Extra, filter)
	d := &delegation{
		name: cut, servers: servers, made: now, expires: now.Add(delegationLife(ttl)),
		server: reply.Server, network: reply.Network,
	}
	if !above.expires.IsZero() {
		// What was revoked above must not live on below ("phoenix domains").
		d.expires = earlier(d.expires, above.expires)
	}
	d.proof = proof(cut, reply.Msg.Ns)
	return d
}
