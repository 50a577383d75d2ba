package upstream

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

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

func TestRecursorIsPrimed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		primed := strings.ReplaceAll(rootZone, "a.root. A 192.0.2.1", "a.root. A 192.0.2.4")
		net := newNet(t, internet(map[string]behaviour{"192.0.2.1": authority(primed), "192.0.2.4": authority(primed)}))
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		askRecursor(t, recursor, "test. SOA")
		synctest.Wait()
		askRecursor(t, recursor, "org. SOA")
		if net.queries("192.0.2.4 udp org.") != 1 {
			t.Errorf("the root server of the list was not asked: %q", net.log)
		}
		if n := net.queries(" . NS"); n != 1 {
			t.Errorf("%d priming queries, want 1", n)
		}
		// When the servers of the list are gone, the hints serve again.
		net.servers["192.0.2.4"] = silent
		askRecursor(t, recursor, "a. SOA")
		if _, got := askRecursor(t, recursor, "b. SOA"); !strings.HasPrefix(got, "NXDOMAIN") {
			t.Error(got)
		}
	})
}
