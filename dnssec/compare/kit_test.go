package compare_test

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/compare"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// Addresses of the servers of example., and of the root.
const (
	addrGood  = "192.0.2.1"
	addrOther = "192.0.2.2"
	addrRoot  = "198.18.0.1"
)

// A world is an Internet in which the second server of example. may be at odds with the first.
type world struct {
	*dnssectest.Internet
	unreachable map[string]error // what connections to an address end with, by network and address
	drops       func(server string, query *dns.Msg) bool
}

const (
	ownKey   = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	otherKey = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
)

// newWorld has a zone with two servers. tamper may change what a server says, and keeps it
// back by returning false.
func newWorld(t testing.TB, tamper func(w *world, server string, q dns.Question, reply *dns.Msg) bool, more ...dnssectest.Zone) *world {
	w := &world{unreachable: make(map[string]error)}
	zones := append([]dnssectest.Zone{{Name: "example.", Records: `
		@       SOA good hostmaster 7 3600 900 604800 300
		@       NS good
		@       NS other
		@       MX 10 mail
		good    A ` + addrGood + `
		other   A ` + addrOther + `
		mail    A 192.0.2.25
		_25._tcp.mail TLSA 3 1 1 ` + ownKey}}, more...)
	w.Internet = dnssectest.New(t, zones...)
	w.TamperAt = func(server netip.Addr, q dns.Question, reply *dns.Msg) bool {
		return tamper == nil || tamper(w, server.String(), q, reply)
	}
	return w
}

func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	server, _, _ := net.SplitHostPort(address)
	if err := w.unreachable[network+" "+server]; err != nil {
		return nil, err
	}
	conn, err := w.Dial(ctx, network, address)
	if err != nil || w.drops == nil || network != "udp" {
		return conn, err
	}
	return &lossy{Conn: conn, drops: func(q *dns.Msg) bool { return w.drops(server, q) }}, nil
}

// A lossy connection for UDP loses some queries.
type lossy struct {
	net.Conn
	drops func(*dns.Msg) bool
}

func (c *lossy) Write(packet []byte) (int, error) {
	query := new(dns.Msg)
	if query.Unpack(packet) == nil && c.drops(query) {
		return len(packet), nil
	}
	return c.Conn.Write(packet)
}

func (w *world) comparer() *compare.Comparer {
	return &compare.Comparer{Resolver: w.Resolver(), Dial: w.dial}
}

// questions are those of a mail domain.
func questions() []compare.Question {
	return []compare.Question{
		{Name: "Example", Type: dns.TypeMX}, {Name: "mail.example.", Type: dns.TypeA}, {Name: "mail.example.", Type: dns.TypeAAAA},
		{Name: "_25._tcp.mail.example.", Type: dns.TypeTLSA},
	}
}

// replace changes the records of a type in an answer, and signs them again.
func (w *world) replace(reply *dns.Msg, rrtype uint16, change func(dns.RR)) {
	var set []dns.RR
	for i, rr := range reply.Answer {
		if rr.Header().Rrtype == rrtype {
			reply.Answer[i] = dns.Copy(rr)
			change(reply.Answer[i])
			set = append(set, reply.Answer[i])
		}
	}
	w.sign(&reply.Answer, rrtype, set)
}

func (w *world) sign(section *[]dns.RR, rrtype uint16, set []dns.RR) {
	for i, rr := range *section {
		if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == rrtype {
			(*section)[i] = w.Sign("example.", set...)
		}
	}
}

// deny makes a reply one that proves that the name has no such records.
func (w *world) deny(reply *dns.Msg) {
	name := reply.Question[0].Name
	nsec := &dns.NSEC{
		Hdr:        dns.RR_Header{Name: name, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: 300},
		NextDomain: "\\000." + name, TypeBitMap: []uint16{dns.TypeTXT, dns.TypeRRSIG, dns.TypeNSEC},
	}
	soa := &dns.SOA{
		Hdr: dns.RR_Header{Name: "example.", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 300},
		Ns:  "good.example.", Mbox: "hostmaster.example.", Serial: 7, Refresh: 3600, Retry: 900, Expire: 604800, Minttl: 300,
	}
	reply.Answer = nil
	reply.Ns = []dns.RR{soa, w.Sign("example.", soa), nsec, w.Sign("example.", nsec)}
}

// refuse makes a reply a refusal, without EDNS.
func refuse(reply *dns.Msg, rcode int) bool {
	reply.Rcode, reply.Authoritative = rcode, false
	reply.Answer, reply.Ns, reply.Extra = nil, nil, nil
	return true
}

// summary is what stands out in a zone, a line for each thing, in order.
func summary(z *compare.Zone) (lines []string) {
	if z.Problem != "" {
		lines = append(lines, "the zone does not resolve")
	}
	for _, d := range z.Differences() {
		line := "differ: " + d.Question.String()
		for _, g := range d.Groups {
			said := g.Said
			if d.Question.Type == dns.TypeDNSKEY && len(said) > 60 {
				said = "KEY"
			}
			line += " | " + said + " at"
			for _, s := range g.Servers {
				line += " " + s.Name
			}
		}
		if d.Varies {
			line += " (varies)"
		}
		lines = append(lines, strings.ReplaceAll(strings.ReplaceAll(line, ownKey, "own"), otherKey, "other"))
	}
	if groups := z.Serials(); len(groups) > 1 {
		lines = append(lines, "serials differ")
	}
	for i := range z.Servers {
		s := &z.Servers[i]
		if s.Outcome != compare.Answered {
			lines = append(lines, s.String()+" "+s.Outcome.String())
		}
		for _, f := range s.Flaws {
			lines = append(lines, s.String()+" "+f.Flaw.String())
		}
		for _, a := range s.Answers {
			if a.Outcome != compare.Answered {
				lines = append(lines, s.Name+" "+a.Question.String()+" "+a.Outcome.String())
			}
		}
		if !s.Above || !s.Within {
			lines = append(lines, s.String()+" is named on one side only")
		}
	}
	return slices.Compact(lines)
}
