package dane

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/miekg/dns"
)

// hostsAhead is how many of the best MX hosts are asked for ahead. Few domains have more,
// and three questions for each is what a dnssec.Resolver takes.
const hostsAhead = 4

// ahead suggests what is going to be asked after a reply, which is not validated: the
// addresses of the best MX hosts, and TLSA records where they are likely to be. It saves
// a round trip for each step (dnssec.WithAhead); what comes of it is asked for again, and
// judged, in the order that RFC 7672 wants.
func (v *Verifier) ahead(reply *dns.Msg) []dns.Question {
	if len(reply.Question) != 1 {
		return nil
	}
	var next questions
	switch asked := reply.Question[0]; asked.Qtype {
	case dns.TypeMX:
		for _, host := range bestHosts(reply.Answer) {
			next.add(host, dns.TypeA, dns.TypeAAAA)
			next.addTLSA(v.port(), host, reply.Answer)
		}
	case dns.TypeA: // of a host in another zone than its domain
		next.addTLSA(v.port(), asked.Name, reply.Answer)
	}
	return next
}

type questions []dns.Question

func (q *questions) add(name string, types ...uint16) {
	for _, t := range types {
		*q = append(*q, dns.Question{Name: name, Qtype: t, Qclass: dns.ClassINET})
	}
}

// addTLSA adds the TLSA records of a host where a signature among the records is by a zone
// that encloses it: a server of an unsigned zone may fail for TLSA (RFC 7672 §2.1.2), and
// is not asked.
func (q *questions) addTLSA(port uint16, host string, records []dns.RR) {
	signed := slices.ContainsFunc(records, func(rr dns.RR) bool {
		sig, ok := rr.(*dns.RRSIG)
		return ok && dns.IsSubDomain(sig.SignerName, host)
	})
	if signed {
		q.add(fmt.Sprintf("_%d._tcp.%s", port, host), dns.TypeTLSA)
	}
}

// bestHosts returns the hosts of MX records with the best preferences.
func bestHosts(records []dns.RR) (hosts []string) {
	var all []*dns.MX
	for _, rr := range records {
		if mx, ok := rr.(*dns.MX); ok {
			all = append(all, mx)
		}
	}
	slices.SortStableFunc(all, func(a, b *dns.MX) int { return cmp.Compare(a.Preference, b.Preference) })
	for _, mx := range all[:min(len(all), hostsAhead)] {
		hosts = append(hosts, mx.Mx)
	}
	return hosts
}
