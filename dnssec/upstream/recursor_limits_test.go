package upstream

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// serveReply sends a reply with whatever is set in it.
func serveReply(set func(reply *dns.Msg)) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		reply := new(dns.Msg)
		reply.SetReply(query)
		set(reply)
		return [][]byte{pack(network, query, reply)}
	}
}

// A server that refused EDNS once is asked with it again later.
func TestEDNSComesBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var withEDNS atomic.Int32
		var failOnce atomic.Bool
		failOnce.Store(true)
		auth := authority(".\n. NS a.root.\na.root. A 192.0.2.1\nx. A 192.0.2.80")
		net := newNet(t, map[string]behaviour{"192.0.2.1": func(n string, q *dns.Msg) [][]byte {
			if strings.HasPrefix(q.Question[0].Name, "x.") && q.IsEdns0() != nil {
				if failOnce.Load() {
					reply := new(dns.Msg)
					reply.SetRcode(q, dns.RcodeFormatError)
					return [][]byte{pack(n, q, reply)}
				}
				withEDNS.Add(1)
			}
			return auth(n, q)
		}})
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		askRecursor(t, r, "x. A")
		failOnce.Store(false) // recovered
		for range 12 {        // two hours
			time.Sleep(10 * time.Minute)
			askRecursor(t, r, "x. A")
		}
		if withEDNS.Load() == 0 {
			t.Errorf("two hours later still no query with EDNS (plainLife %v)", plainLife)
		}
	})
}

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

// Queries count although the reply is truncated and TCP is refused.
func TestTruncatedRepliesCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		servers := map[string]behaviour{}
		tc := serveReply(func(r *dns.Msg) { r.Truncated = true })
		var b strings.Builder
		for z := range 5 { // zN.test has 13 servers named in z(N+1).test, 4 addresses each
			for i := range 13 {
				fmt.Fprintf(&b, "z%d NS n%d.z%d\n", z, i, z+1)
				for a := range 4 {
					fmt.Fprintf(&b, "n%d.z%d A 10.%d.%d.%d\n", i, z+1, z, i, a)
					servers[fmt.Sprintf("10.%d.%d.%d", z, i, a)] = tc
				}
			}
		}
		servers = internet(servers)
		big := authority("test.\n" + b.String())
		servers["192.0.2.2"] = func(n string, q *dns.Msg) [][]byte { return big("tcp", q) } // larger than UDP, sent whole on TCP
		inner := newNet(t, servers)
		var udp, tcp atomic.Int32
		dial := counted(func(ctx context.Context, network, address string) (net.Conn, error) {
			if network == "tcp" && strings.HasPrefix(address, "10.") {
				return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
			}
			return inner.dial(ctx, network, address)
		}, &udp, &tcp)
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: dial}
		askRecursor(t, r, "www.z0.test. A")
		if n := udp.Load(); n > maxResolutionQueries+maxPrimed {
			t.Errorf("%d UDP sockets and %d TCP connections, %d queries in; the limit is %d", n, tcp.Load(), inner.queries(""), maxResolutionQueries)
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
		r.cuts.put(newDelegation(&delegation{name: "test."}, fmt.Sprintf("z%d.test.", z), &Reply{Msg: msg}, r), r.now())
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
	if unknown, _ := d.unknown(later, nil, false); len(d.known(later)) == 0 && len(unknown) == 0 {
		t.Error("the zone has no known address, and none to look for, until the delegation expires")
	}
}

// One name that gets no answer is no reason to give up the servers of the system.
func TestAutoKeepsItsServers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{"192.0.2.100": func(n string, q *dns.Msg) [][]byte {
			if strings.HasPrefix(q.Question[0].Name, "slow.") {
				return nil
			}
			return good(n, q)
		}}) // port 53 to the outside is closed
		auto := &Auto{Recursor: &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}, path: resolvConfOf(t, "nameserver 192.0.2.100\n"), dial: net.dial}
		if _, err := auto.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)}); err != nil {
			t.Fatal(err)
		}
		auto.Exchange(t.Context(), &Query{Msg: question("slow.test.", dns.TypeA)})
		if _, err := auto.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)}); err != nil {
			t.Errorf("after one slow name: %v", err)
		}
	})
}

// A denial by a zone above is as lame as a referral to it.
func TestDenialByAZoneAbove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bad := serveReply(func(r *dns.Msg) {
			r.Rcode = dns.RcodeNameError
			r.Ns = []dns.RR{rr(". 60 SOA a. b. 1 2 3 4 60")}
		})
		for range 20 {
			net := newNet(t, internet(map[string]behaviour{"192.0.2.10": bad})) // .11 is good
			r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
			if _, got := askRecursor(t, r, "mx.example.test. A"); got != "NOERROR, 192.0.2.80" {
				t.Fatalf("got %s", got)
			}
		}
	})
}

// What is delegated below ends with the delegation above ("phoenix domains").
func TestRevokedDelegationsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		servers := internet(map[string]behaviour{
			"192.0.2.2":  authority("test.\nevil 3600 NS ns.evil\nns.evil A 192.0.2.66"),
			"192.0.2.66": authority("evil.test.\n@ NS ns\nns A 192.0.2.66\na 86400 NS ns\nb.a 86400 NS ns", "a.evil.test.\nb 86400 NS ns.evil.test.\n@ A 192.0.2.80", "b.a.evil.test.\n@ A 192.0.2.80"),
		})
		// the server hosts evil.test only, and refers
		servers["192.0.2.66"] = authority("evil.test.\n@ NS ns\nns A 192.0.2.66\na 86400 NS ns2.evil.test.\nns2 A 192.0.2.67")
		servers["192.0.2.67"] = authority("a.evil.test.\n@ A 192.0.2.80\n@ NS ns2.evil.test.")
		net := newNet(t, servers)
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		if _, got := askRecursor(t, r, "a.evil.test. A"); !strings.Contains(got, "192.0.2.80") {
			t.Fatal(got)
		}
		servers["192.0.2.2"] = authority("test.\n@ TXT gone") // revoked
		time.Sleep(5 * time.Hour)                             // the TTL at the parent was one hour
		if _, got := askRecursor(t, r, "a.evil.test. A"); strings.Contains(got, "192.0.2.80") {
			t.Errorf("still there four hours after the delegation's end: %s", got)
		}
	})
}

// A list of root servers that does not come holds nobody up.
func TestPrimingIsNotRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		root := authority(strings.ReplaceAll(rootZone, "a.root. A 192.0.2.1", "")) // NS without addresses
		net := newNet(t, internet(map[string]behaviour{"192.0.2.1": root, "192.0.2.4": root, "192.0.2.5": root}))
		r := &Recursor{Hints: hints("192.0.2.1", "192.0.2.4", "192.0.2.5"), Dial: net.dial}
		for range 20 {
			askRecursor(t, r, "mx.example.test. A")
		}
		if n := net.queries(" . NS"); n > 2*maxPrimed {
		}
	})
	synctest.Test(t, func(t *testing.T) {
		root := authority(rootZone)
		net := newNet(t, internet(map[string]behaviour{"192.0.2.1": func(n string, q *dns.Msg) [][]byte {
			if q.Question[0].Qtype == dns.TypeNS {
				return nil // or root servers out of reach, with the zones' cached
			}
			return root(n, q)
		}}))
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		askRecursor(t, r, "mx.example.test. A")
		start := time.Now()
		for range 20 {
			askRecursor(t, r, "mx.example.test. A")
		}
		if time.Since(start) > time.Second {
			t.Errorf("each waits for priming")
		}
	})
}

// A server with many names is one server.
func TestServersAreAskedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		b.WriteString("test.\n")
		for i := range 13 {
			fmt.Fprintf(&b, "example NS n%d.example\nn%d.example A 192.0.2.10\nn%d.example A 192.0.2.11\n", i, i, i)
		}
		refuse := serveReply(func(r *dns.Msg) { r.Rcode = dns.RcodeRefused })
		net := newNet(t, internet(map[string]behaviour{"192.0.2.2": authority(b.String()), "192.0.2.10": refuse, "192.0.2.11": refuse}))
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial, FullNames: true}
		askRecursor(t, r, "mx.example.test. MX")
		if n := net.queries("mx.example.test. MX"); n > 4 {
			t.Errorf("two servers were sent %d times the same question", n-2)
		}
	})
}

// RFC 9520: a zone without answers is not asked again at once.
func TestFailuresAreRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, internet(map[string]behaviour{"192.0.2.10": silent, "192.0.2.11": silent}))
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		askRecursor(t, r, "mx.example.test. A")
		before := net.queries("mx.example.test.")
		askRecursor(t, r, "mx.example.test. A")
		if n := net.queries("mx.example.test."); n != before {
			t.Errorf("asked again at once: %d more packets", n-before)
		}
	})
}

// Servers that drop one type are good for others.
func TestOneTypeDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		drops := func(network string, query *dns.Msg) [][]byte {
			if query.Question[0].Qtype == dns.TypeTLSA {
				return nil
			}
			return authority(exampleZone)(network, query)
		}
		net := newNet(t, internet(map[string]behaviour{"192.0.2.10": drops, "192.0.2.11": drops}))
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		askRecursor(t, recursor, "_25._tcp.mx.example.test. TLSA")
		if _, got := askRecursor(t, recursor, "mx.example.test. A"); got != "NOERROR, 192.0.2.80" {
			t.Errorf("got %s", got)
		}
	})
}

// Names that only the system's servers know are not asked for elsewhere because these
// have no answer for another one.
func TestAutoKeepsSplitHorizons(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{"192.0.2.100": func(network string, query *dns.Msg) [][]byte {
			if strings.HasPrefix(query.Question[0].Name, "slow.") {
				return nil
			}
			return good(network, query)
		}, "192.0.2.1": authority(rootZone)})
		auto := &Auto{Recursor: &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}, path: resolvConfOf(t, "nameserver 192.0.2.100\n"), dial: net.dial}
		for _, name := range []string{"slow.test.", "host.unsigned.test."} {
			reply, err := auto.Exchange(t.Context(), &Query{Msg: question(name, dns.TypeA)})
			if (err == nil) != (name == "host.unsigned.test.") || err == nil && reply.Server != "192.0.2.100:53" {
				t.Errorf("%s: got %+v, %v", name, reply, err)
			}
		}
	})
}

// A wrong list of root servers, as of a captive network, does not last.
func TestWrongPriming(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]behaviour{"dead": nil, "refuses": serveReply(func(r *dns.Msg) { r.Rcode = dns.RcodeRefused }), "silent": silent} {
		synctest.Test(t, func(t *testing.T) {
			servers := internet(map[string]behaviour{"192.0.2.1": authority(".\na.root. A 192.0.2.66\n. 86400 NS a.root.")})
			if wrong != nil {
				servers["192.0.2.66"] = wrong
			}
			net := newNet(t, servers)
			recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
			askRecursor(t, recursor, "nobody. A")
			servers["192.0.2.1"] = authority(rootZone) // the network is up
			for range 2 {
				time.Sleep(2 * time.Minute)
				askRecursor(t, recursor, "mx.example.test. A")
			}
			if _, got := askRecursor(t, recursor, "mx.example.test. A"); got != "NOERROR, 192.0.2.80" {
				t.Errorf("the root server %s: %s", name, got)
			}
		})
	}
}

// What a server may say that is asked for a zone.
func TestClassify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, zone, question string
		rcode                int
		authoritative        bool
		authority            string
		want                 kind
	}{
		{"NXDOMAIN by the zone", "example.test.", "mx.example.test. A", dns.RcodeNameError, false, "example.test. 60 SOA a. b. 1 2 3 4 60", answer},
		{"NXDOMAIN by a zone above", "example.test.", "mx.example.test. A", dns.RcodeNameError, true, ". 60 SOA a. b. 1 2 3 4 60", lame},
		{"NXDOMAIN with nothing in it", "example.test.", "mx.example.test. A", dns.RcodeNameError, false, "", lame},
		{"NXDOMAIN with authority", "example.test.", "mx.example.test. A", dns.RcodeNameError, true, "", answer},
		{"NXDOMAIN with a proof", "example.test.", "mx.example.test. A", dns.RcodeNameError, false, "a.example.test. 60 NSEC z.example.test. A", answer},
		{"no DS, by the zone above the cut", "p.test.", "c.p.test. DS", dns.RcodeSuccess, true, "p.test. 60 SOA a. b. 1 2 3 4 60", answer},
		{"no DS, by the zone below the cut", "p.test.", "c.p.test. DS", dns.RcodeSuccess, true, "c.p.test. 60 SOA a. b. 1 2 3 4 60", childSide},
		{"no DS of the root", ".", ". DS", dns.RcodeSuccess, true, ". 60 SOA a. b. 1 2 3 4 60", answer},
		{"a referral", "test.", "mx.example.test. A", dns.RcodeSuccess, false, "example.test. 60 NS ns.example.test.", referral},
	} {
		name, rrtype, _ := strings.Cut(tt.question, " ")
		reply := new(dns.Msg)
		reply.Rcode, reply.Authoritative = tt.rcode, tt.authoritative
		if tt.authority != "" {
			reply.Ns = []dns.RR{rr(tt.authority)}
		}
		if got, _ := classify(tt.zone, dns.Question{Name: name, Qtype: dns.StringToType[rrtype], Qclass: dns.ClassINET}, reply); got != tt.want {
			t.Errorf("%s: kind %d, want %d", tt.name, got, tt.want)
		}
	}
}
