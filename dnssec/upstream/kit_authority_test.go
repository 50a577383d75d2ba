package upstream

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// authority is a server that is authoritative for zones, each in the form of a zone
// file with relative names, whose first word is the name of the zone.
func authority(zones ...string) behaviour {
	parsed := make(map[string][]dns.RR)
	for _, text := range zones {
		apex, records, _ := strings.Cut(strings.TrimSpace(text), "\n")
		lines := strings.Split(records, "\n")
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		parser := dns.NewZoneParser(strings.NewReader(strings.Join(lines, "\n")+"\n"), apex, "")
		parser.SetDefaultTTL(3600)
		parsed[apex] = []dns.RR{rr(apex + " 60 SOA a. b. 1 2 3 4 60")}
		for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
			parsed[apex] = append(parsed[apex], rr)
		}
		if err := parser.Err(); err != nil {
			panic(err)
		}
	}
	return func(network string, query *dns.Msg) [][]byte {
		return [][]byte{pack(network, query, authoritative(parsed, query))}
	}
}

// authoritative is RFC 1034 §4.3.2 without wildcards and aliases across names.
func authoritative(zones map[string][]dns.RR, query *dns.Msg) *dns.Msg {
	reply := new(dns.Msg)
	reply.SetReply(query)
	if opt := query.IsEdns0(); opt != nil {
		reply.SetEdns0(wireform.UDPSize, opt.Do())
	}
	q := query.Question[0]
	name := dns.CanonicalName(q.Name)
	apex := name
	if q.Qtype == dns.TypeDS && name != "." {
		apex = parent(name)
	}
	for zones[apex] == nil {
		if apex == "." {
			reply.Rcode = dns.RcodeRefused
			return reply
		}
		apex = parent(apex)
	}
	records := zones[apex]
	// find returns the records of an owner, with their signatures.
	find := func(owner string, types ...uint16) (found []dns.RR) {
		for _, rr := range records {
			rrtype := rr.Header().Rrtype
			if sig, ok := rr.(*dns.RRSIG); ok {
				rrtype = sig.TypeCovered
			}
			if rr.Header().Name == owner && slices.Contains(types, rrtype) {
				found = append(found, rr)
			}
		}
		return found
	}
	for cut := name; cut != apex; cut = parent(cut) {
		ns := find(cut, dns.TypeNS)
		if len(ns) == 0 || cut == name && q.Qtype == dns.TypeDS {
			continue
		}
		reply.Ns = append(ns, find(cut, dns.TypeDS, dns.TypeNSEC)...)
		for _, rr := range ns {
			reply.Extra = append(reply.Extra, find(rr.(*dns.NS).Ns, dns.TypeA, dns.TypeAAAA)...)
		}
		return reply
	}
	reply.Authoritative = true
	reply.Answer = find(name, q.Qtype, dns.TypeCNAME)
	if len(reply.Answer) == 0 {
		reply.Ns = find(apex, dns.TypeSOA, dns.TypeNSEC)
		if !slices.ContainsFunc(records, func(rr dns.RR) bool { return dns.IsSubDomain(name, rr.Header().Name) }) {
			reply.Rcode = dns.RcodeNameError
		}
	}
	if name == "." && q.Qtype == dns.TypeNS {
		for _, rr := range reply.Answer {
			reply.Extra = append(reply.Extra, find(rr.(*dns.NS).Ns, dns.TypeA, dns.TypeAAAA)...)
		}
	}
	return reply
}

// serveReply sends a reply with whatever is set in it.
func serveReply(set func(reply *dns.Msg)) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		reply := new(dns.Msg)
		reply.SetReply(query)
		set(reply)
		return [][]byte{pack(network, query, reply)}
	}
}
