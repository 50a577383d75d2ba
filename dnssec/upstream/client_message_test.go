package upstream

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// A query over TCP may still be made when the same one goes out again over UDP, of the same
// message. So nothing is written into that. The race detector sees it.
func TestMessagesAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]*dns.Msg{
		"with EDNS":    question("signed.test.", dns.TypeA),
		"without EDNS": plain("signed.test.", dns.TypeA),
		"with an option": func() *dns.Msg {
			q := question("signed.test.", dns.TypeA)
			q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_LOCAL{Code: 65001, Data: []byte("x")})
			return q
		}(),
	} {
		m, err := newMessage(query)
		if err != nil {
			t.Fatal(err)
		}
		before := fmt.Sprintf("%x", m.wire[2:])
		var all sync.WaitGroup
		for range 4 {
			for _, cookie := range []string{"", strings.Repeat("ab", 8), strings.Repeat("ab", 24)} {
				all.Go(func() {
					made, err := m.withCookie(cookie)
					if err != nil {
						t.Error(err)
						return
					}
					bare := made.withoutCookie(m)
					if got := fmt.Sprintf("%x", bare[2:]); got != before {
						t.Errorf("%s: without the cookie it is %s, want %s", name, got, before)
					}
					if bare[0] != made.wire[0] || bare[1] != made.wire[1] {
						t.Errorf("%s: another ID without the cookie", name)
					}
					read := new(dns.Msg)
					if err := read.Unpack(made.wire); err != nil {
						t.Errorf("%s: %v", name, err)
					}
					if got := cookieOf(read); query.IsEdns0() != nil && cookie != "" && got != cookie {
						t.Errorf("%s: cookie %s, want %s", name, got, cookie)
					}
				})
			}
		}
		all.Wait()
	}
}
