package authority

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// newZone is a zone that has a name with more addresses than fit into 512 octets.
func newZone(t testing.TB) *Zone {
	t.Helper()
	var records []dns.RR
	text := "test. 1 SOA ns.test. a. 1 1 1 1 1\ntest. 1 NS ns.test.\nns.test. 1 A 192.0.2.1\nchild.test. 1 NS ns.child.test.\nns.child.test. 1 A 192.0.2.2\n" +
		strings.Repeat("many.test. 1 AAAA 2001:db8::1\n", 30)
	for line := range strings.Lines(text) {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, rr)
	}
	return NewZone(records)
}

func TestRespond(t *testing.T) {
	t.Parallel()
	server := NewServer(newZone(t))
	for _, tt := range []struct {
		name, question string
		kind, class    uint16
		edns           uint16 // bytes; 0 for a query without an OPT record
		network        string
		want           string // rcode and flags
		answers        int
	}{
		{"an answer", "ns.test.", dns.TypeA, dns.ClassINET, 0, "udp", "NOERROR aa", 1},
		{"a name in capitals", "NS.Test.", dns.TypeA, dns.ClassINET, 0, "udp", "NOERROR aa", 1},
		{"a name that does not exist", "no.test.", dns.TypeA, dns.ClassINET, 0, "udp", "NXDOMAIN aa", 0},
		{"a type that does not exist", "ns.test.", dns.TypeMX, dns.ClassINET, 0, "udp", "NOERROR aa", 0},
		{"a name below a delegation", "a.child.test.", dns.TypeA, dns.ClassINET, 0, "udp", "NOERROR", 0},
		{"DS at a delegation", "child.test.", dns.TypeDS, dns.ClassINET, 0, "udp", "NOERROR aa", 0},
		{"a name elsewhere", "example.", dns.TypeA, dns.ClassINET, 0, "udp", "REFUSED", 0},
		{"another class", "ns.test.", dns.TypeA, dns.ClassCHAOS, 0, "udp", "REFUSED", 0},
		{"what does not fit", "many.test.", dns.TypeAAAA, dns.ClassINET, 0, "udp", "NOERROR aa tc", 0},
		{"what fits with EDNS", "many.test.", dns.TypeAAAA, dns.ClassINET, 4096, "udp", "NOERROR aa", 30},
		{"what fits into TCP", "many.test.", dns.TypeAAAA, dns.ClassINET, 0, "tcp", "NOERROR aa", 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			query := new(dns.Msg).SetQuestion(tt.question, tt.kind)
			query.Question[0].Qclass = tt.class
			if tt.edns > 0 {
				query.SetEdns0(tt.edns, true)
			}
			wire, err := query.Pack()
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // made, and as it is kept
				reply := new(dns.Msg)
				if err := reply.Unpack(server.Respond(wire, tt.network)); err != nil {
					t.Fatal(err)
				}
				got := dns.RcodeToString[reply.Rcode]
				if reply.Authoritative {
					got += " aa"
				}
				if reply.Truncated {
					got += " tc"
				}
				if got != tt.want || len(reply.Answer) != tt.answers || reply.Id != query.Id {
					t.Errorf("%v", reply)
				}
				if (reply.IsEdns0() != nil) != (tt.edns > 0) {
					t.Errorf("an OPT record is there or not, unlike in the query: %v", reply)
				}
			}
		})
	}
}

// FuzzRespond: whatever comes, the reply is a message with the query's ID that fits, or
// there is none.
func FuzzRespond(f *testing.F) {
	for _, question := range []string{"many.test.", "a.child.test.", "."} {
		query := new(dns.Msg).SetQuestion(question, dns.TypeAAAA)
		plain, err := query.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain)
		extended, err := query.SetEdns0(1232, true).Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(extended)
	}
	zone := newZone(f)
	f.Fuzz(func(t *testing.T, query []byte) {
		// A new server each time: what one has kept makes it take another way.
		packed := NewServer(zone).Respond(query, "udp")
		if packed == nil {
			return
		}
		reply := new(dns.Msg)
		if err := reply.Unpack(packed); err != nil || !reply.Response || len(packed) > 4096 {
			t.Fatalf("%v, %v", reply, err)
		}
		if packed[0] != query[0] || packed[1] != query[1] {
			t.Errorf("ID %x, want that of %x", packed[:2], query)
		}
	})
}
