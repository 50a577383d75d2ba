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

// A zone is resolved if one of its servers is good, whatever is wrong with the others.
func TestOneGoodServerIsEnough(t *testing.T) {
	t.Parallel()
	exampleOrg := authority("example.org.\nok A 192.0.2.10\nalias CNAME ok")
	good := authority(exampleZone)
	for _, tt := range []struct {
		name    string
		changes map[string]behaviour
		within  time.Duration
		most    int // queries
	}{
		{name: "the fourth name has an address", changes: map[string]behaviour{
			"192.0.2.2": delegating(append(nameServersOf(3, "no%d.example.org."), "example NS ok.example.org.")...), "192.0.2.20": exampleOrg}, most: 30},
		{name: "the thirteenth name has an address", changes: map[string]behaviour{
			"192.0.2.2": delegating(append(nameServersOf(12, "no%d.example.org."), "example NS ok.example.org.")...), "192.0.2.20": exampleOrg}, most: 50},
		{name: "the first three names are in a zone whose servers are silent", changes: map[string]behaviour{
			"192.0.2.2":  delegating(append(nameServersOf(3, "no%d.dead."), "example NS ok.example.org.", "dead NS ns.dead", "ns.dead A 192.0.2.30")...),
			"192.0.2.1":  authority(rootZone + "\ndead. NS ns.dead.\nns.dead. A 192.0.2.30"),
			"192.0.2.30": silent, "192.0.2.20": exampleOrg}, within: 2 * time.Second},
		{name: "the other names are aliases (RFC 2181 §10.3)", changes: map[string]behaviour{
			"192.0.2.2": delegating("example NS alias.example.org.", "example NS ok.example.org."), "192.0.2.20": exampleOrg}},
		{name: "ten servers refuse", changes: func() map[string]behaviour {
			changes := map[string]behaviour{}
			lines := nameServersOf(11, "ns%d.example")
			for i := range 10 {
				lines = append(lines, fmt.Sprintf("ns%d.example A 192.0.2.%d", i, 100+i))
				changes[fmt.Sprintf("192.0.2.%d", 100+i)] = refuse
			}
			changes["192.0.2.2"] = delegating(append(lines, "ns10.example A 192.0.2.10")...)
			return changes
		}(), most: 20},
		{name: "one address family refuses", changes: dualStack(refuse), most: 5},
		{name: "one address family is lame", changes: dualStack(authority("other.test.")), most: 5},
		{name: "one address family is silent", changes: dualStack(silent), within: serverTimeout},
		{name: "the other glue is of a special kind", changes: map[string]behaviour{
			"192.0.2.2": delegating("example NS ns1.example", "example NS ns2.example", "ns1.example A 127.0.0.1", "ns1.example AAAA ::", "ns2.example A 192.0.2.10")}},
		{name: "the other servers are inside and have no glue", changes: map[string]behaviour{
			"192.0.2.2": delegating("example NS ns1.example", "example NS ns2.example", "ns2.example A 192.0.2.10")}, most: 8},
		{name: "the glue of the good one is known to the other server of the zone only", changes: map[string]behaviour{
			"192.0.2.2":  delegating("example NS ns1.example", "example NS ns2.example", "ns2.example A 192.0.2.11"),
			"192.0.2.11": ifQuestion(func(q dns.Question) bool { return q.Name == "mx.example.test." }, refuse, authority("example.test.\nns1 A 192.0.2.10"))}, most: 12},
		{name: "the names lead in a circle with one way out", changes: map[string]behaviour{
			"192.0.2.2":  delegating("example NS ns.example.org."),
			"192.0.2.3":  authority("org.\nexample NS ns.example.test.\nexample NS ns.other.org.\nother NS ns.other\nns.other A 192.0.2.21"),
			"192.0.2.21": authority("other.org.\nns A 192.0.2.20"), "192.0.2.20": authority("example.org.\nns A 192.0.2.10")}, most: 24},
		{name: "servers of names drop questions for AAAA", changes: map[string]behaviour{
			"192.0.2.2": delegating("example NS ok.example.org."), "192.0.2.20": ifQuestion(ofType(dns.TypeAAAA), silent, exampleOrg)}, within: addressGrace},
		{name: "the delegation has a TTL of 0", changes: map[string]behaviour{"192.0.2.2": delegating("example 0 NS ns.example", "ns.example 0 A 192.0.2.10")}, most: 4},
		{name: "parent and child are on the same server", changes: map[string]behaviour{
			"192.0.2.2": authority("test.\nexample NS ns.test.\nns A 192.0.2.2", exampleZone)}, most: 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for range 5 { // equal servers are asked in any order
					servers := internet(tt.changes)
					if servers["192.0.2.10"] == nil {
						servers["192.0.2.10"] = good
					}
					net := newNet(t, servers)
					recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
					start := time.Now()
					for _, q := range []string{"mx.example.test. A", "_25._tcp.mx.example.test. TLSA"} {
						if _, got := askRecursor(t, recursor, q); !strings.HasPrefix(got, "NOERROR, ") {
							t.Fatalf("%s: %s", q, got)
						}
						if n := len(net.queriesBut(" . NS")); tt.most > 0 && n > tt.most+1 {
							t.Fatalf("%d queries, want %d at most: %q", n, tt.most, net.log)
						}
					}
					if elapsed := time.Since(start); elapsed > 2*tt.within {
						t.Fatalf("took %s, want %s at most", elapsed, tt.within)
					}
				}
			})
		})
	}
}

// dualStack are four servers with addresses of both families, of which one serves in
// another way.
func dualStack(v6 behaviour) map[string]behaviour {
	changes := map[string]behaviour{}
	lines := nameServersOf(4, "ns%d.example")
	for i := range 4 {
		v4, six := fmt.Sprintf("192.0.2.%d", 110+i), fmt.Sprintf("2001:db8::%d", 1+i)
		lines = append(lines, fmt.Sprintf("ns%d.example A %s", i, v4), fmt.Sprintf("ns%d.example AAAA %s", i, six))
		changes[v4], changes[six] = authority(exampleZone), v6
	}
	changes["192.0.2.2"] = delegating(lines...)
	return changes
}

// RFC 9156 §2.3: servers that drop minimised questions cost one timeout each, once, and
// get the full one.
func TestMinimisedQuestionsDropped(t *testing.T) {
	t.Parallel()
	const ask = "_25._tcp.mx.deep.er.example.test. TLSA"
	zone := authority("example.test.\n_25._tcp.mx.deep.er TLSA 3 1 1 00\n_25._tcp.mx.other.er TLSA 3 1 1 00")
	minimised := func(q dns.Question) bool { return !strings.HasPrefix(q.Name, "_") }
	for _, tt := range []struct {
		name    string
		changes map[string]behaviour
		within  time.Duration
		later   time.Duration // for the next questions
	}{
		{"the servers of the zone drop them", map[string]behaviour{
			"192.0.2.10": ifQuestion(minimised, silent, zone), "192.0.2.11": ifQuestion(minimised, silent, zone)}, 2 * serverTimeout, 0},
		{"they refuse them", map[string]behaviour{
			"192.0.2.10": ifQuestion(minimised, refuse, zone), "192.0.2.11": ifQuestion(minimised, refuse, zone)}, 0, 0},
		{"one is dead, the other one drops them", map[string]behaviour{
			"192.0.2.10": silent, "192.0.2.11": ifQuestion(minimised, silent, zone)}, 3 * serverTimeout, 0},
		{"the only server of the zone above drops them", map[string]behaviour{
			"192.0.2.2":  ifQuestion(minimised, silent, authority(testZone)),
			"192.0.2.10": zone, "192.0.2.11": zone}, serverTimeout, 0},
		{"one server is dead", map[string]behaviour{"192.0.2.10": silent, "192.0.2.11": zone}, serverTimeout, serverTimeout},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := newNet(t, internet(tt.changes))
				recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
				start := time.Now()
				if _, got := askRecursor(t, recursor, ask); got != "NOERROR, 3 1 1 00" {
					t.Fatal(got)
				}
				if elapsed := time.Since(start); elapsed > tt.within {
					t.Errorf("took %s, want %s at most", elapsed, tt.within)
				}
				start = time.Now()
				for _, q := range []string{ask, "_25._tcp.mx.other.er.example.test. TLSA"} {
					if _, got := askRecursor(t, recursor, q); got != "NOERROR, 3 1 1 00" {
						t.Fatal(got)
					}
				}
				if elapsed := time.Since(start); elapsed > tt.later {
					t.Errorf("the next questions took %s", elapsed)
				}
				if n := net.queries(" tcp "); n > 0 {
					t.Errorf("%d queries over TCP, as for a question that is worth patience", n)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		// Another zone on the same servers costs nothing more.
		drops := ifQuestion(minimised, silent, authority("example.test.\n_25._tcp.mx.a TLSA 3 1 1 00", "second.test.\n_25._tcp.mx.a TLSA 3 1 1 00"))
		net := newNet(t, internet(map[string]behaviour{
			"192.0.2.2":  authority("test.\nexample NS ns.example\nns.example A 192.0.2.10\nsecond NS ns.example\n"),
			"192.0.2.10": drops}))
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		askRecursor(t, recursor, "_25._tcp.mx.a.example.test. TLSA")
		start := time.Now()
		if _, got := askRecursor(t, recursor, "_25._tcp.mx.a.second.test. TLSA"); got != "NOERROR, 3 1 1 00" || time.Since(start) > 0 {
			t.Errorf("after %s: %s", time.Since(start), got)
		}
	})
}

// What was not found on one way does not hide what is found on another.
func TestCirclesAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// The servers of z0 are named in z1, those of z1 in z2, and so on: too deep from z0,
		// not from z3.
		lines := []string{"test."}
		for i := range 7 {
			lines = append(lines, fmt.Sprintf("z%d NS ns.z%d", i, i+1))
		}
		lines = append(lines, "z7 NS ns.z7", "ns.z7 A 192.0.2.50")
		var zones []string
		for i := range 8 {
			zones = append(zones, fmt.Sprintf("z%d.test.\nns A 192.0.2.50\nwww A 192.0.2.80", i))
		}
		net := newNet(t, internet(map[string]behaviour{"192.0.2.2": authority(strings.Join(lines, "\n")), "192.0.2.50": authority(zones...)}))
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		if _, got := askRecursor(t, recursor, "www.z0.test. A"); !strings.Contains(got, "no name server with an address") {
			t.Fatalf("z0: %s", got)
		}
		for _, zone := range []string{"z5", "z4", "z3"} {
			if _, got := askRecursor(t, recursor, "www."+zone+".test. A"); got != "NOERROR, 192.0.2.80" {
				t.Errorf("%s: %s", zone, got)
			}
		}
	})
}

// RFC 4035 §3.1.4.1: a server that has a zone and its grandchild, but not the zone
// between, answers questions for DS records of the grandchild from the wrong side.
func TestTheZoneBetween(t *testing.T) {
	t.Parallel()
	const ds = "NOERROR, 1 13 2 00"
	// Servers that know of DS records refer to the zone between; others do not.
	childSide := func(serve behaviour) behaviour {
		return ifQuestion(func(q dns.Question) bool { return q.Qtype == dns.TypeDS && q.Name == "c.b.example.test." },
			serveReply(func(r *dns.Msg) {
				r.Authoritative = true
				r.Ns = []dns.RR{rr("c.b.example.test. 60 SOA a. b. 1 2 3 4 60")}
			}), serve)
	}
	upper := childSide(authority("example.test.\n@ MX 10 mx\nb NS ns.b\nns.b A 192.0.2.12", "c.b.example.test.\nwww A 192.0.2.80"))
	between := authority("b.example.test.\nc NS ns1.example.test.\nc DS 1 13 2 00\nns A 192.0.2.12")
	for _, tt := range []struct {
		name      string
		fullNames bool
		before    []string
	}{
		{name: "cold"},
		{name: "full names", fullNames: true},
		{name: "the zone above is known to answer", before: []string{"example.test. MX"}},
		{name: "the grandchild is known to be there", before: []string{"example.test. MX", "www.c.b.example.test. A"}},
		{name: "the zone between is known", before: []string{"b.example.test. SOA", "www.c.b.example.test. A"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := newNet(t, internet(map[string]behaviour{"192.0.2.10": upper, "192.0.2.11": upper, "192.0.2.12": between}))
				recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial, FullNames: tt.fullNames}
				for _, q := range tt.before {
					askRecursor(t, recursor, q)
				}
				if _, got := askRecursor(t, recursor, "c.b.example.test. DS"); got != ds {
					t.Errorf("got %s, want %s", got, ds)
				}
				if _, got := askRecursor(t, recursor, "b.example.test. DS"); got != "NOERROR, a. b. 1 2 3 4 60" {
					t.Errorf("the zone between: got %s", got)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		// Where there is no zone between, the search ends.
		lost := childSide(authority("example.test.\n@ MX 10 mx", "c.b.example.test.\nwww A 192.0.2.80"))
		net := newNet(t, internet(map[string]behaviour{"192.0.2.10": lost, "192.0.2.11": lost}))
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial, FullNames: true}
		if _, got := askRecursor(t, recursor, "c.b.example.test. DS"); !strings.Contains(got, "the zone below the cut answered") {
			t.Errorf("got %s", got)
		}
		if n := len(net.queriesBut(" . NS")); n > 10 {
			t.Errorf("%d queries: %q", n, net.log)
		}
	})
}

// A chain of zones whose delegations have a TTL of 0 is gone down once for one lookup.
func TestChainWithoutTTL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const zones = 30
		servers := map[string]behaviour{}
		name, questions := ".", []string{}
		for i := range zones {
			below := strings.TrimPrefix(fmt.Sprintf("z%d.%s", i, strings.TrimPrefix(name, ".")), ".")
			lines := []string{name, below + " 0 NS ns." + below, fmt.Sprintf("ns.%s 0 A 192.0.2.%d", below, 2+i)}
			servers[fmt.Sprintf("192.0.2.%d", 1+i)] = authority(strings.Join(lines, "\n"))
			name, questions = below, append(questions, below+" DS", below+" DNSKEY")
		}
		servers[fmt.Sprintf("192.0.2.%d", 1+zones)] = authority(name + "\nmx 0 A 192.0.2.80\n_25._tcp.mx 0 TLSA 3 1 1 00")
		net := newNet(t, servers)
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		if _, got := askRecursor(t, recursor, "_25._tcp.mx."+name+" TLSA"); got != "NOERROR, 3 1 1 00" {
			t.Fatal(got)
		}
		for _, q := range questions {
			if _, got := askRecursor(t, recursor, q); !strings.HasPrefix(got, "NOERROR") {
				t.Errorf("%s: %s", q, got)
			}
		}
		if n, most := len(net.queriesBut(" . NS")), 3*zones+2; n > most {
			t.Errorf("%d queries, want %d at most", n, most)
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

// Whoever runs a zone can name the servers of others as its own, and they may be silent on what
// they do not serve. That must not have them see the full names of other questions.
func TestOtherZonesAreMinimisedAllTheSame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		evil := func(q dns.Question) bool { return strings.HasSuffix(q.Name, "evil.test.") && q.Name != "evil.test." }
		minimised := func(q dns.Question) bool { return !strings.HasPrefix(q.Name, "www.") }
		net := newNet(t, internet(map[string]behaviour{
			"192.0.2.2": ifQuestion(evil, silent, delegating("example NS ns1.example", "ns1.example A 192.0.2.10",
				"evil NS ns1.evil", "evil NS ns.test.", "ns1.evil A 192.0.2.66", "ns A 192.0.2.2")),
			"192.0.2.66": ifQuestion(minimised, silent, authority("evil.test.\nwww.a.b A 192.0.2.80\nwww.c.d A 192.0.2.80")),
		}))
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		for _, q := range []string{"www.a.b.evil.test. A", "www.c.d.evil.test. A"} {
			if _, got := askRecursor(t, recursor, q); got != "NOERROR, 192.0.2.80" {
				t.Fatal(got)
			}
		}
		if n := net.queries("udp d.evil.test. A"); n > 0 {
			t.Errorf("%d queries in vain, as if nothing had been learned", n)
		}
		askRecursor(t, recursor, "mx.example.test. A")
		if n := net.queries("192.0.2.2 udp mx.example.test."); n > 0 {
			t.Error("the servers above see the full name")
		}
	})
}
