package upstream

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// moody answers each name with a TXT record that has the name in it, and as its first label says.
func moody() behaviour {
	var mu sync.Mutex
	seen := make(map[string]bool)
	return func(network string, query *dns.Msg) [][]byte {
		name := query.Question[0].Name
		mu.Lock()
		again := seen[name]
		seen[name] = true
		mu.Unlock()
		reply := new(dns.Msg)
		reply.SetReply(query)
		reply.Authoritative = true
		reply.Answer = append(reply.Answer, rr(fmt.Sprintf("%s 60 TXT %q", name, name)))
		mood, _, _ := strings.Cut(name, "-")
		switch {
		case mood == "silent", mood == "late" && !again:
			return nil
		case mood == "truncated" && network == "udp":
			reply.Truncated, reply.Answer = true, nil
		case mood == "refused":
			reply.Rcode, reply.Answer = dns.RcodeRefused, nil
		case mood == "forged" && network == "udp":
			forged := pack(network, query, reply)
			forged[0] ^= 0xff // of the ID
			return [][]byte{forged, pack(network, query, reply)}
		case mood == "suspect" && network == "tcp":
			time.Sleep(time.Minute)
		case mood == "suspect" && !again: // so the query goes over TCP, too
			suspect := pack(network, query, reply)
			suspect[headerSize+1] ^= 0x20 // the case of the first letter
			return [][]byte{suspect}
		}
		return [][]byte{pack(network, query, reply)}
	}
}

// What a query needed serves the next one, unless something may go on using it: what is late, what
// goes over TCP, an error. Whatever becomes of the others, each gets its own.
func TestQueriesThatUseThingsAgainKeepApart(t *testing.T) {
	t.Parallel()
	const address = "192.0.2.1"
	for name, exchanger := range map[string]func(*fakeNet) Exchanger{
		"a Client": func(f *fakeNet) Exchanger { return &Client{Address: address, Dial: f.dial} },
		"a Recursor": func(f *fakeNet) Exchanger {
			return &Recursor{Hints: []netip.AddrPort{netip.MustParseAddrPort(address + ":5353")}, Dial: f.dial, FullNames: true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := exchanger(newNet(t, map[string]behaviour{address: moody()}))
				moods := []string{"good", "late", "forged", "truncated", "refused", "suspect", "silent", "good"}
				var all sync.WaitGroup
				failures, texts := make([]error, 8*len(moods)), make([]string, 8*len(moods))
				for i := range failures {
					all.Go(func() {
						for round := range moods {
							name := fmt.Sprintf("%s-%d-%d.", moods[(i+round)%len(moods)], i, round)
							if err := keepsApart(t, e, name); err != nil {
								failures[i], texts[i] = err, err.Error()
							}
						}
					})
				}
				all.Wait()
				for i, err := range failures {
					if err == nil || err.Error() != texts[i] {
						t.Errorf("an error was %q, and is now %v", texts[i], err)
					}
				}
			})
		})
	}
}

// keepsApart asks for a name, and checks that what comes back is about it. It returns the error of
// the query.
func keepsApart(t *testing.T, e Exchanger, name string) error {
	query := question(name, dns.TypeTXT)
	reply, err := e.Exchange(t.Context(), &Query{Msg: query})
	if err != nil {
		if failed, ok := errors.AsType[*Error](err); !ok || failed.Name != name {
			t.Errorf("%s: %v", name, err)
		}
		return err
	}
	if reply.Msg.Question[0] != query.Question[0] {
		t.Errorf("%s: the question of the reply is %v", name, reply.Msg.Question)
	}
	if reply.Msg.Rcode == dns.RcodeSuccess && (len(reply.Msg.Answer) != 1 || reply.Msg.Answer[0].(*dns.TXT).Txt[0] != name) {
		t.Errorf("%s: the answer is %v", name, reply.Msg.Answer)
	}
	return nil
}
