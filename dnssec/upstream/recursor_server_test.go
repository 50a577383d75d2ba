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
