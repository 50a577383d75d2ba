package nsupdatetest

import (
	"strings"

	"github.com/miekg/dns"
)

// handle answers a question, or does an update.
func (p *Primary) handle(q, r *dns.Msg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	name := strings.ToLower(q.Question[0].Name)
	switch {
	case q.Opcode == dns.OpcodeUpdate && name != p.Zone:
		r.Rcode = dns.RcodeNotAuth
	case q.Opcode == dns.OpcodeUpdate && p.NoUpdates:
		r.Rcode = dns.RcodeRefused
	case q.Opcode == dns.OpcodeUpdate:
		if r.Rcode = p.prerequisites(q); r.Rcode == dns.RcodeSuccess {
			p.change(q.Ns)
			p.updates++
		}
	case !dns.IsSubDomain(p.Zone, name):
		r.Rcode = dns.RcodeRefused
	default:
		p.lookUp(q, r)
	}
}

func (p *Primary) lookUp(q, r *dns.Msg) {
	r.Authoritative = true
	soa := &dns.SOA{Hdr: dns.RR_Header{Name: p.Zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 300}, Ns: "ns1." + p.Zone, Mbox: "hostmaster." + p.Zone, Serial: 1, Minttl: 300}
	name, used := q.Question[0].Name, false
	for range 8 {
		var alias string
		for _, rr := range p.records {
			if !strings.EqualFold(rr.Header().Name, name) {
				continue
			}
			used = true
			if cname, ok := rr.(*dns.CNAME); ok {
				alias = cname.Target
				r.Answer = append(r.Answer, dns.Copy(rr))
			} else if rr.Header().Rrtype == q.Question[0].Qtype {
				r.Answer = append(r.Answer, dns.Copy(rr))
			}
		}
		if name = alias; alias == "" || !dns.IsSubDomain(p.Zone, alias) {
			break
		}
	}
	if len(r.Answer) == 0 {
		r.Ns = []dns.RR{soa}
		if !used {
			r.Rcode = dns.RcodeNameError
		}
	}
}

// prerequisites are those of RFC 2136 §3.2.5 that the client has.
func (p *Primary) prerequisites(q *dns.Msg) int {
	wanted := map[string][]dns.RR{}
	for _, rr := range q.Answer {
		h := rr.Header()
		here := filter(p.records, func(other dns.RR) bool {
			return other.Header().Rrtype == h.Rrtype && strings.EqualFold(other.Header().Name, h.Name)
		})
		switch {
		case h.Ttl != 0:
			return dns.RcodeFormatError
		case !dns.IsSubDomain(p.Zone, h.Name):
			return dns.RcodeNotZone
		case h.Class == dns.ClassNONE && len(here) > 0:
			return dns.RcodeYXRrset
		case h.Class == dns.ClassINET:
			wanted[h.Name] = append(wanted[h.Name], rr)
		}
	}
	for name, set := range wanted {
		here := filter(p.records, func(rr dns.RR) bool {
			return rr.Header().Rrtype == set[0].Header().Rrtype && strings.EqualFold(rr.Header().Name, name)
		})
		missing := filter(set, func(rr dns.RR) bool { return !contains(here, rr) })
		if len(missing) > 0 || len(here) != len(set) {
			return dns.RcodeNXRrset
		}
	}
	return dns.RcodeSuccess
}

// change is RFC 2136 §3.4.2.
func (p *Primary) change(updates []dns.RR) {
	for _, rr := range updates {
		switch h := rr.Header(); h.Class {
		case dns.ClassINET:
			for _, other := range p.records {
				if strings.EqualFold(other.Header().Name, h.Name) && other.Header().Rrtype == h.Rrtype {
					other.Header().Ttl = h.Ttl
				}
			}
			if !contains(p.records, rr) {
				p.records = append(p.records, rr)
			}
		case dns.ClassANY:
			p.records = filter(p.records, func(other dns.RR) bool {
				return !strings.EqualFold(other.Header().Name, h.Name) || other.Header().Rrtype != h.Rrtype
			})
		case dns.ClassNONE:
			p.records = filter(p.records, func(other dns.RR) bool { return !same(other, rr) })
		}
	}
}

func contains(set []dns.RR, rr dns.RR) bool {
	return len(filter(set, func(other dns.RR) bool { return same(other, rr) })) > 0
}

// same compares name, type and data.
func same(a, b dns.RR) bool {
	b = dns.Copy(b)
	b.Header().Class = a.Header().Class
	return dns.IsDuplicate(a, b)
}
