package dnssec_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// synthesize does as PowerDNS Recursor 4.8.8 with dns64-prefix, which makes addresses for those, too,
// who ask with DO and CD: an AAAA record without a signature joins the denial, which stays where it is.
func synthesize(q dns.Question, reply *dns.Msg) {
	denied := func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA }
	if q.Qtype != dns.TypeAAAA || reply.Rcode != dns.RcodeSuccess || !slices.ContainsFunc(reply.Ns, denied) {
		return
	}
	owner := q.Name
	for _, rr := range reply.Answer {
		if alias, ok := rr.(*dns.CNAME); ok {
			owner = alias.Target
		}
	}
	reply.Answer = append(reply.Answer, &dns.AAAA{
		Hdr:  dns.RR_Header{Name: owner, Rrtype: dns.TypeAAAA, Class: dns.ClassINET, Ttl: 300},
		AAAA: netip.MustParseAddr("64:ff9b::192.0.2.4").AsSlice(),
	})
}

// The proof that a name has no IPv6 address counts, and not the address that a resolver has made up.
func TestDNS64(t *testing.T) {
	t.Parallel()
	const records = "four A 192.0.2.4\nsix A 192.0.2.6\nsix AAAA 2001:db8::6\nalias CNAME four\n*.wild A 192.0.2.4\n"
	zones := []dnssectest.Zone{
		{Name: "nsec.test.", Records: records},
		{Name: "nsec3.test.", Denial: dnssectest.NSEC3, Records: records},
		{Name: "plain.test.", Unsigned: true, Records: records},
	}
	keep := func(keep func(dns.RR) bool) func(*dns.Msg) {
		return func(reply *dns.Msg) {
			reply.Ns = slices.DeleteFunc(reply.Ns, func(rr dns.RR) bool { return !keep(rr) })
		}
	}
	isDenial := func(rr dns.RR) bool {
		sig, ok := rr.(*dns.RRSIG)
		return ok && sig.TypeCovered != dns.TypeSOA || rr.Header().Rrtype == dns.TypeNSEC || rr.Header().Rrtype == dns.TypeNSEC3
	}
	for _, tt := range []struct {
		name, at string
		change   func(*dns.Msg) // of the reply as it is with the address; nil for none
		want     dnssec.Status
		records  int
	}{
		{"an address that is made up", "four.nsec.test.", nil, dnssec.Secure, 0},
		{"and NSEC3", "four.nsec3.test.", nil, dnssec.Secure, 0},
		{"at the end of an alias", "alias.nsec.test.", nil, dnssec.Secure, 0},
		{"at the end of an alias, and NSEC3", "alias.nsec3.test.", nil, dnssec.Secure, 0},
		{"at a wildcard", "a.wild.nsec.test.", nil, dnssec.Secure, 0},
		{"at a wildcard, and NSEC3", "a.wild.nsec3.test.", nil, dnssec.Secure, 0},
		{"a true address", "six.nsec.test.", nil, dnssec.Secure, 1},
		{"in a zone without signatures", "four.plain.test.", nil, dnssec.Insecure, 1},
		{"without the proof", "four.nsec.test.", keep(func(rr dns.RR) bool { return !isDenial(rr) }), dnssec.Bogus, 0},
		{"without the signature of the proof", "four.nsec.test.",
			keep(func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeRRSIG }), dnssec.Bogus, 0},
		{"beside the proof for another name", "six.nsec.test.", func(reply *dns.Msg) {
			reply.Answer = slices.DeleteFunc(reply.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
		}, dnssec.Bogus, 0},
		{"from a name server of the zone", "four.nsec.test.", func(reply *dns.Msg) { reply.RecursionAvailable = false }, dnssec.Bogus, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			world := dnssectest.New(t, zones...)
			var denial []dns.RR // of four.nsec.test AAAA, for where another one is wanted
			world.Tamper = func(q dns.Question, reply *dns.Msg) {
				synthesize(q, reply)
				if tt.change == nil || q.Qtype != dns.TypeAAAA || !strings.EqualFold(q.Name, tt.at) {
					return
				}
				if q.Name == "six.nsec.test." {
					reply.Ns = denial
				}
				tt.change(reply)
			}
			if tt.at == "six.nsec.test." && tt.change != nil {
				query := new(dns.Msg).SetQuestion("four.nsec.test.", dns.TypeAAAA)
				query.SetEdns0(1232, true)
				reply, err := world.Exchange(t.Context(), &upstream.Query{Msg: query})
				if err != nil {
					t.Fatal(err)
				}
				denial = reply.Msg.Ns
			}
			answer, err := world.Resolver().Lookup(t.Context(), tt.at, dns.TypeAAAA)
			if answer.Status != tt.want || (err == nil) != (tt.want >= dnssec.Insecure) {
				t.Fatalf("%s, %v; want %s", answer.Status, err, tt.want)
			}
			if err == nil && (len(answer.Records) != tt.records || answer.RCode != dns.RcodeSuccess) {
				t.Errorf("%s %v; want %d records", dns.RcodeToString[answer.RCode], answer.Records, tt.records)
			}
		})
	}
}
