package upstream

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

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
			t.Errorf("two hours later still no query with EDNS (plainLife %v)", noEDNSLife)
		}
	})
}

// One address may serve the zones of many, each from a server of its own. What one of these does with
// EDNS is no reason to ask for the other zones without, and so without signatures.
func TestEDNSIsLackingForOneZone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var with, without atomic.Int32
		shared := authority(exampleZone, "other.test.\nwww A 192.0.2.81")
		net := newNet(t, internet(map[string]behaviour{
			"192.0.2.2": delegating("example NS ns.example", "ns.example A 192.0.2.10", "other NS ns.example.test."),
			"192.0.2.10": func(network string, query *dns.Msg) [][]byte {
				other := strings.HasSuffix(query.Question[0].Name, "other.test.")
				switch {
				case other && query.IsEdns0() != nil:
					return serveReply(func(r *dns.Msg) { r.Rcode = dns.RcodeFormatError })(network, query)
				case !other && query.IsEdns0() != nil:
					with.Add(1)
				case !other:
					without.Add(1)
				}
				return shared(network, query)
			}}))
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		for _, q := range []string{"mx.example.test. A", "www.other.test. A", "mx.example.test. A", "_25._tcp.mx.example.test. TLSA"} {
			if _, got := askRecursor(t, r, q); !strings.HasPrefix(got, "NOERROR, ") {
				t.Errorf("%s: %s", q, got)
			}
		}
		if with.Load() != 3 || without.Load() != 0 {
			t.Errorf("%d queries with EDNS and %d without, want 3 and 0", with.Load(), without.Load())
		}
		before := net.queries("www.other.test.")
		askRecursor(t, r, "www.other.test. A")
		if n := net.queries("www.other.test.") - before; n != 1 {
			t.Errorf("what is known of the zone itself: %d queries, want 1", n)
		}
	})
}

// A query without EDNS, to a server that does not know it, is one more query. What servers can
// have sent in addition, by cookies and by truncation, comes to three packets for each.
func TestQueriesWithoutEDNSCount(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		serve func(query, reply *dns.Msg, network string)
		each  int // queries on the wire
	}{
		"they know neither cookies nor EDNS": {func(query, reply *dns.Msg, _ string) {
			if query.IsEdns0() != nil {
				reply.Rcode = dns.RcodeFormatError
			}
		}, 2},
		"they truncate as well": {func(query, reply *dns.Msg, network string) {
			if reply.Truncated = network == "udp"; query.IsEdns0() != nil {
				reply.Rcode = dns.RcodeFormatError
			}
		}, 2},
		"they want another cookie each time": {func(query, reply *dns.Msg, _ string) {
			reply.Rcode = dns.RcodeBadCookie
			reply.SetEdns0(1232, false)
			opt := reply.IsEdns0()
			for _, option := range query.IsEdns0().Option {
				if cookie, ok := option.(*dns.EDNS0_COOKIE); ok {
					opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: fmt.Sprintf("%s%016x", cookie.Cookie[:16], query.Id)})
				}
			}
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				evil := func(network string, query *dns.Msg) [][]byte {
					reply := new(dns.Msg).SetRcode(query, dns.RcodeRefused)
					tt.serve(query, reply, network)
					wire, err := reply.Pack()
					if err != nil {
						panic(err)
					}
					return [][]byte{wire}
				}
				servers := map[string]behaviour{}
				var lines []string
				for i := range 13 {
					lines = append(lines, fmt.Sprintf("example NS ns%d.evil", i), fmt.Sprintf("evil NS ns%d.e", i))
					for j := range 4 {
						at := fmt.Sprintf("10.2.%d.%d", i, j)
						lines, servers[at] = append(lines, fmt.Sprintf("ns%d.e A %s", i, at)), evil
					}
				}
				servers["192.0.2.2"] = delegating(lines...)
				net := newNet(t, internet(servers))
				r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
				if reply, got := askRecursor(t, r, "mx.example.test. A"); reply != nil {
					t.Errorf("got %s", got)
				}
				if n, most := net.queries("10.2."), tt.each*maxResolutionQueries; n > most || n < maxResolutionQueries {
					t.Errorf("%d queries on the wire, want %d at most", n, most)
				}
			})
		})
	}
}

// A server that is silent is not asked a second time, until it answers again. It is not silent
// because this machine could send it nothing.
func TestSilenceOfThisMachine(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before string // what is asked before
		lacks  error
	}{
		"this machine had no descriptor left": {before: "a.example.test. A", lacks: syscall.EMFILE},
		"this machine had no network":         {before: "a.example.test. A", lacks: syscall.ENETUNREACH},
		"nothing before":                      {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				serve := authority(exampleZone)
				world := newNet(t, internet(map[string]behaviour{
					"192.0.2.2": delegating("example NS ns1.example", "ns1.example A 192.0.2.10"),
					"192.0.2.10": func(network string, query *dns.Msg) [][]byte {
						if network == "udp" && query.Question[0].Name == "mx.example.test." {
							return nil
						}
						return serve(network, query)
					},
				}))
				var lacking bool
				r := &Recursor{Hints: hints("192.0.2.1"), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					if lacking && address == "192.0.2.10:53" {
						return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("socket", tt.lacks)}
					}
					return world.dial(ctx, network, address)
				}}
				if _, got := askRecursor(t, r, "example.test. MX"); !strings.HasPrefix(got, "NOERROR") {
					t.Fatal(got)
				}
				if lacking = tt.lacks != nil; tt.before != "" {
					if reply, got := askRecursor(t, r, tt.before); reply != nil {
						t.Fatalf("before: %s", got)
					}
				}
				lacking = false
				if reply, got := askRecursor(t, r, "mx.example.test. A"); got != "NOERROR, 192.0.2.80" || reply.Network != "tcp" {
					t.Errorf("got %s", got)
				}
			})
		})
	}
}
