package upstream

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

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

// ask puts a question, "name TYPE", to a Recursor and returns the reply's rcode and
// records as text, or the error's.
func askRecursor(t *testing.T, r *Recursor, text string, avoid ...string) (*Reply, string) {
	t.Helper()
	name, rrtype, _ := strings.Cut(text, " ")
	query := question(name, dns.StringToType[rrtype])
	reply, err := r.Exchange(t.Context(), &Query{Msg: query, Avoid: avoid})
	if err != nil {
		return nil, err.Error()
	}
	words := []string{dns.RcodeToString[reply.Msg.Rcode]}
	for _, rr := range append(slices.Clone(reply.Msg.Answer), reply.Msg.Ns...) {
		words = append(words, strings.Join(strings.Fields(strings.TrimPrefix(rr.String(), rr.Header().String())), " "))
	}
	if !reply.Msg.Response || reply.Msg.Question[0] != query.Question[0] {
		t.Errorf("%s: not a reply to it: %v", text, reply.Msg)
	}
	return reply, strings.Join(words, ", ")
}

// hints are root servers at these addresses.
func hints(addresses ...string) []netip.AddrPort {
	var hints []netip.AddrPort
	for _, address := range addresses {
		hints = append(hints, netip.AddrPortFrom(netip.MustParseAddr(address), port))
	}
	return hints
}

// internet returns the small DNS, with other servers added or in place of its own.
func internet(changes map[string]behaviour) map[string]behaviour {
	servers := map[string]behaviour{
		"192.0.2.1": authority(rootZone), "192.0.2.2": authority(testZone), "192.0.2.3": authority(orgZone),
		"192.0.2.10": authority(exampleZone), "192.0.2.11": authority(exampleZone),
	}
	for address, b := range changes {
		servers[address] = b
	}
	return servers
}

// delegating is a test zone with other servers of example.test.
func delegating(lines ...string) behaviour {
	return authority("test.\n" + strings.Join(lines, "\n"))
}

// ifQuestion serves questions that match in one way, and others in another.
func ifQuestion(match func(dns.Question) bool, then, otherwise behaviour) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		if match(query.Question[0]) {
			return then(network, query)
		}
		return otherwise(network, query)
	}
}

func ofType(rrtype uint16) func(dns.Question) bool {
	return func(q dns.Question) bool { return q.Qtype == rrtype }
}

// nameServersOf are n name servers of example.test, named by the format.
func nameServersOf(n int, format string) (lines []string) {
	for i := range n {
		lines = append(lines, "example NS "+fmt.Sprintf(format, i))
	}
	return lines
}

func refuse(network string, query *dns.Msg) [][]byte {
	return serveReply(func(r *dns.Msg) { r.Rcode = dns.RcodeRefused })(network, query)
}

// A small DNS: the root at 192.0.2.1, test at .2, org at .3, example.test at .10
// and .11.
const (
	rootZone = `.
		. NS a.root.
		a.root. A 192.0.2.1
		test. NS ns.test.
		ns.test. A 192.0.2.2
		org. NS ns.org.
		ns.org. A 192.0.2.3`
	testZone = `test.
		example NS ns1.example
		example NS ns2.example
		example DS 1 13 2 00
		example RRSIG DS 13 2 60 20300101000000 20200101000000 1 test. c2ln
		ns1.example A 192.0.2.10
		ns2.example A 192.0.2.11`
	exampleZone = `example.test.
		@ MX 10 mx
		@ NS ns1
		@ NS ns2
		mx A 192.0.2.80
		_25._tcp.mx TLSA 3 1 1 00
		deep.er.name A 192.0.2.81`
	orgZone = `org.
		example NS ns.example
		ns.example A 192.0.2.20`
)

// queriesBut returns the queries that came in, without those that end with the text.
func (f *fakeNet) queriesBut(priming string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.log), func(line string) bool { return strings.HasSuffix(line, priming) })
}
