package upstream

import (
	"strings"
	"sync/atomic"
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
