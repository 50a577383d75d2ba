package upstream

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// An address is used for as long as its TTL says, whether there is an AAAA record or not.
func TestAddressesExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		servers := internet(map[string]behaviour{
			"192.0.2.2":  authority("test.\nexample NS ns.example.org."),
			"192.0.2.20": authority("example.org.\nns 60 A 192.0.2.10"),
		})
		net := newNet(t, servers)
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		if _, got := askRecursor(t, r, "mx.example.test. A"); got != "NOERROR, 192.0.2.80" {
			t.Fatal(got)
		}
		time.Sleep(50 * time.Minute)
		servers["192.0.2.20"] = authority("example.org.\nns 60 A 192.0.2.11") // moved long ago
		before := net.queries("192.0.2.10")
		_, got := askRecursor(t, r, "mx.example.test. A")
		if n := net.queries("192.0.2.10"); n != before {
			t.Errorf("address with TTL 60 used after 50 minutes (%s)", got)
		}
	})
}

// Name servers named after name servers do not multiply.
func TestLookupsAreBounded(t *testing.T) {
	t.Parallel()
	r := &Recursor{Hints: hints("192.0.2.1"), Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "udp", Err: syscall.ENETUNREACH}
	}}
	r.once.Do(r.setUp)
	// As left by earlier referrals of a hostile test.
	for z := range 7 {
		msg := new(dns.Msg)
		for i := range 13 {
			msg.Ns = append(msg.Ns, rr(fmt.Sprintf("z%d.test. 3600 NS n%d.z%d.test.", z, i, z+1)))
		}
		r.delegations.put(newDelegation(&delegation{name: "test."}, fmt.Sprintf("z%d.test.", z), &Reply{Msg: msg}, r.now(), &r.filter), r.now())
	}
	query := &Query{Msg: question("www.z0.test.", dns.TypeA)}
	res := &resolution{Recursor: r, query: query}
	if _, err := res.resolve(t.Context(), &task{question: query.Msg.Question[0]}); err == nil {
		t.Error("no error")
	}
	// Of those that began, each asks for three more names and two types in vain.
	if n := res.lookups.Load(); n > 7*maxLookups {
		t.Errorf("%d lookups of name servers, of which %d may begin", n, maxLookups)
	}
}

// A server in its own zone whose address has expired is looked for again.
func TestInZoneAddressesAreLookedForAgain(t *testing.T) {
	t.Parallel()
	now := time.Now()
	d := &delegation{name: "example.test.", servers: []nameServer{{name: "ns1.example.test."}}, expires: now.Add(24 * time.Hour)}
	d.learn("ns1.example.test.", hints("192.0.2.10"), now.Add(time.Minute), now)
	later := now.Add(time.Hour)
	if unknown, _ := d.unknownServers(later, nil, false); len(d.addresses(later)) == 0 && len(unknown) == 0 {
		t.Error("the zone has no known address, and none to look for, until the delegation expires")
	}
}

// A question has seen that a zone has no server with a known address, and another one finds the address
// before this one has begun to look: there is nothing left to look for, and no reason to fail. A failure
// would even be kept for others, if this question were itself one for a name server.
func TestAnotherQuestionFindsTheServer(t *testing.T) {
	t.Parallel()
	r := &Recursor{Hints: hints("192.0.2.1")}
	r.once.Do(r.setUp)
	referral := &Reply{Msg: &dns.Msg{Ns: []dns.RR{rr("example.test. 3600 NS ns.example.org.")}}}
	zone := newDelegation(&delegation{name: "test."}, "example.test.", referral, r.now(), &r.filter)
	query := &Query{Msg: question("mx.example.test.", dns.TypeA)}
	res := &resolution{Recursor: r, query: query}
	z := res.newQuery(&task{question: query.Msg.Question[0]}, zone, query.Msg.Question[0])
	if address, ok := z.best(); ok {
		t.Fatalf("%s is known already", address)
	}
	found := netip.MustParseAddrPort("192.0.2.10:53")
	zone.learn("ns.example.org.", []netip.AddrPort{found}, r.now().Add(time.Hour), r.now())
	if !z.findServers(t.Context()) {
		t.Error("nothing is left to look for, and the address is not used")
	}
	if address, ok := z.best(); !ok || address != found {
		t.Errorf("%v, %s is to be asked, want %s", ok, address, found)
	}
}
