package dane

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/miekg/dns"
)

// suggestedHosts is how many of the best MX hosts are asked for ahead. Few domains have more,
// and three questions for each is what a dnssec.Resolver takes.
const suggestedHosts = 4

// A suggester suggests what is going to be asked after a reply of one LookupMX, which is not
// validated: the addresses of the best MX hosts, and TLSA records where they are likely to
// be and to count. It saves a round trip for each step (dnssec.WithAhead); what comes of it
// is asked for again, and judged, in the order that RFC 7672 wants.
type suggester struct {
	port   uint16
	noTLSA bool                     // for the policy
	signed atomic.Bool              // the MX records have a signature, so that DANE may apply
	hosts  atomic.Pointer[[]string] // the addresses of which are asked for ahead
}

// asksFor reports whether the addresses of a host are being asked for, both families at once, or have been by
// now. So it is with a resolver that looks ahead, unless it had the MX records in its cache.
func (s *suggester) asksFor(host string) bool {
	hosts := s.hosts.Load()
	return hosts != nil && slices.Contains(*hosts, host)
}

// suggest may be called by several goroutines.
func (s *suggester) suggest(reply *dns.Msg) []dns.Question {
	if len(reply.Question) != 1 {
		return nil
	}
	var next questions
	switch asked := reply.Question[0]; asked.Qtype {
	case dns.TypeMX:
		zones := signers(reply.Answer, dns.TypeMX)
		if len(zones) > 0 {
			s.signed.Store(true)
		}
		hosts := bestHosts(reply.Answer)
		s.hosts.Store(&hosts)
		for _, host := range hosts {
			next.add(host, dns.TypeA, dns.TypeAAAA)
			s.addTLSA(&next, host, zones)
		}
	case dns.TypeA: // of a host in another zone than its domain
		s.addTLSA(&next, fromDNS(asked.Name), signers(reply.Answer, dns.TypeA))
	}
	return next
}

// addTLSA adds the TLSA records of a host where the zone that has signed what is known
// encloses it: a server of an unsigned zone may fail for TLSA (RFC 7672 §2.1.2), and is not
// asked. Behind unsigned MX records DANE does not apply (RFC 7672 §2.2.1).
func (s *suggester) addTLSA(next *questions, host string, signers []string) {
	if s.noTLSA || !s.signed.Load() {
		return
	}
	if slices.ContainsFunc(signers, func(zone string) bool { return dns.IsSubDomain(zone, dns.Fqdn(host)) }) {
		next.add(tlsaOwner(s.port, host), dns.TypeTLSA)
	}
}

type questions []dns.Question

func (q *questions) add(name string, types ...uint16) {
	name = dns.Fqdn(name)
	for _, t := range types {
		*q = append(*q, dns.Question{Name: name, Qtype: t, Qclass: dns.ClassINET})
	}
}

// signers returns the zones that signatures of a type name.
func signers(records []dns.RR, covered uint16) (zones []string) {
	for _, rr := range records {
		if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == covered {
			zones = append(zones, sig.SignerName)
		}
	}
	return zones
}

// bestHosts returns the hosts of MX records with the best preferences, each once, without
// those that LookupHost refuses.
func bestHosts(records []dns.RR) (hosts []string) {
	var all []*dns.MX
	for _, rr := range records {
		if mx, ok := rr.(*dns.MX); ok {
			all = append(all, mx)
		}
	}
	slices.SortStableFunc(all, func(a, b *dns.MX) int { return cmp.Compare(a.Preference, b.Preference) })
	for _, mx := range all {
		host, err := hostName(mx.Mx)
		if err == nil && host != nullMX && !slices.Contains(hosts, host) {
			if hosts = append(hosts, host); len(hosts) == suggestedHosts {
				break
			}
		}
	}
	return hosts
}
