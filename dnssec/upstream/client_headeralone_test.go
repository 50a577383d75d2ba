package upstream

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// headersForEDNS answers what has an OPT record by a header alone.
func headersForEDNS(rcode int, serve behaviour) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		if query.IsEdns0() != nil {
			return [][]byte{headerAlone(query, rcode)}
		}
		return serve(network, query)
	}
}

// headersBefore sends a header alone before each reply over UDP, as a forger would.
func headersBefore(serve behaviour) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		packets := serve(network, query)
		if network == "udp" && query.IsEdns0() != nil {
			packets = append([][]byte{headerAlone(query, dns.RcodeFormatError)}, packets...)
		}
		return packets
	}
}

// A header alone, without the question, is a hint to ask authoritative servers without EDNS
// (DVE-2020-0001; RFC 6891 §7).
func TestHeadersAlone(t *testing.T) {
	t.Parallel()
	zone := authority(exampleZone)
	const mx, a = "NOERROR, 10 mx.example.test.", "NOERROR, 192.0.2.80"
	for _, tt := range []struct {
		name       string
		server     behaviour
		mx, a      string   // the answers, or part of them
		queries    []string // to the server: network, and "EDNS" or "plain"
		took, then time.Duration
	}{
		{
			name: "for whatever has an OPT record", server: headersForEDNS(dns.RcodeFormatError, zone), mx: mx, a: a,
			queries: []string{"udp EDNS", "tcp EDNS", "udp plain", "udp EDNS", "udp plain"}, took: fallbackDelay,
		},
		{
			name: "with NOTIMP", server: headersForEDNS(dns.RcodeNotImplemented, zone), mx: mx, a: a,
			queries: []string{"udp EDNS", "tcp EDNS", "udp plain", "udp EDNS", "udp plain"}, took: fallbackDelay,
		},
		{
			name: "and no TCP", server: withoutTCP(headersForEDNS(dns.RcodeFormatError, zone)), mx: mx, a: a,
			queries: []string{"udp EDNS", "tcp EDNS", "udp plain", "udp EDNS", "tcp EDNS", "udp plain"},
			took:    fallbackDelay + tcpFailureGrace, then: fallbackDelay + tcpFailureGrace,
		},
		{
			name: "and silence over TCP", server: byNetwork(headersForEDNS(dns.RcodeFormatError, zone), silent), mx: mx, a: a,
			queries: []string{"udp EDNS", "tcp EDNS", "udp plain", "udp EDNS", "tcp EDNS", "udp plain"},
			took:    serverTimeout / 8, then: serverTimeout / 8,
		},
		{
			name: "before a good reply", server: headersBefore(zone), mx: mx, a: a,
			queries: []string{"udp EDNS", "udp EDNS"},
		},
		{
			name: "in place of a reply, as TCP shows", server: byNetwork(headersForEDNS(dns.RcodeFormatError, zone), zone), mx: mx, a: a,
			queries: []string{"udp EDNS", "tcp EDNS", "udp EDNS", "tcp EDNS"}, took: fallbackDelay, then: fallbackDelay,
		},
		{
			name: "of a server that has answered EDNS", server: first(zone, headersForEDNS(dns.RcodeFormatError, zone)),
			mx: mx, a: a,
			queries: []string{"udp EDNS", "udp EDNS", "tcp EDNS", "udp plain"}, then: fallbackDelay,
		},
		{
			name: "of such a server over UDP only", server: first(zone, withoutTCP(headersForEDNS(dns.RcodeFormatError, zone))),
			mx: mx, a: "answered FORMERR by a header alone",
			queries: []string{"udp EDNS", "udp EDNS", "tcp EDNS"}, then: fallbackDelay + tcpFailureGrace,
		},
		{
			name: "SERVFAIL", server: headersForEDNS(dns.RcodeServerFailure, zone),
			mx: "answered SERVFAIL by a header alone", a: "answered SERVFAIL by a header alone",
			queries: []string{"udp EDNS", "tcp EDNS", "udp EDNS", "tcp EDNS"}, took: fallbackDelay, then: fallbackDelay,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var log []string
				fake := newNet(t, internet(map[string]behaviour{
					"192.0.2.2": authority(strings.ReplaceAll(testZone, "example NS ns2.example", "")),
					"192.0.2.10": func(network string, query *dns.Msg) [][]byte {
						mu.Lock()
						defer mu.Unlock()
						log = append(log, network+" "+map[bool]string{true: "plain", false: "EDNS"}[query.IsEdns0() == nil])
						return tt.server(network, query)
					},
				}))
				r := &Recursor{Hints: hints("192.0.2.1"), Dial: fake.dial}
				for _, q := range []struct {
					text, want string
					took       time.Duration
				}{{"example.test. MX", tt.mx, tt.took}, {"mx.example.test. A", tt.a, tt.then}} {
					start := time.Now()
					_, got := askRecursor(t, r, q.text)
					if !strings.Contains(got, q.want) {
						t.Errorf("%s: got %s, want %s", q.text, got, q.want)
					}
					if took := time.Since(start); took != q.took {
						t.Errorf("%s: took %s, want %s", q.text, took, q.took)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				if diff := cmp.Diff(tt.queries, log); diff != "" {
					t.Errorf("want - got +\n%s", diff)
				}
				time.Sleep(idleTimeout)
			})
		})
	}
}

// What a server knows is not learnt from headers alone, but it is from replies.
func TestHeadersAloneAreNotRemembered(t *testing.T) {
	t.Parallel()
	for rcode, remembered := range map[string]bool{"header": false, "reply": true} {
		t.Run(rcode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				zone := authority(exampleZone)
				server := headersForEDNS(dns.RcodeFormatError, zone)
				if remembered {
					server = func(network string, query *dns.Msg) [][]byte {
						if query.IsEdns0() != nil {
							reply := new(dns.Msg).SetRcode(query, dns.RcodeFormatError)
							return [][]byte{pack(network, query, reply)}
						}
						return zone(network, query)
					}
				}
				fake := newNet(t, internet(map[string]behaviour{"192.0.2.10": server, "192.0.2.11": server}))
				r := &Recursor{Hints: hints("192.0.2.1"), Dial: fake.dial}
				askRecursor(t, r, "example.test. MX")
				r.servers.mu.Lock()
				n := 0
				for _, state := range r.servers.infos {
					if time.Now().Before(state.noEDNSUntil) {
						n++
					}
				}
				r.servers.mu.Unlock()
				if (n > 0) != remembered {
					t.Errorf("%d servers are asked without EDNS from now on", n)
				}
				time.Sleep(idleTimeout)
			})
		})
	}
}

// A forwarder that cannot read EDNS is of no use, and is not asked without. It costs no time.
func TestHeadersAloneOfForwarders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newNet(t, map[string]behaviour{addr1: headersForEDNS(dns.RcodeFormatError, good), addr2: good})
		pool := fake.pool(addr1, addr2)
		start := time.Now()
		reply, err := pool.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
		wantAnswer(t, reply, err, addr2+":53 udp")
		if took := time.Since(start); took != fallbackDelay {
			t.Errorf("took %s, want %s", took, fallbackDelay)
		}
		if got := fmt.Sprint(errors.Join(reply.PassedOver...)); !strings.Contains(got, "over tcp: signed.test. A: server answered FORMERR by a header alone") {
			t.Errorf("passed over: %s", got)
		}
		closeAll(pool)
	})
}
