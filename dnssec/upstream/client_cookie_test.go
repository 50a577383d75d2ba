package upstream

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"
)

const (
	jar   = "00112233445566778899aabbccddeeff" // a server's cookie
	newer = "ffeeddccbbaa99887766554433221100" // and another one
)

// client is the part of a cookie that is the client's.
func client(cookie string) string { return cookie[:clientCookieSize] }

func TestCookies(t *testing.T) {
	t.Parallel()
	// Each server is asked three times. The log has, for each query, its network and
	// "none", "client" or the server's cookie in it.
	for _, tt := range []struct {
		name     string
		server   behaviour
		log      []string
		networks string
		elapsed  time.Duration // of the first
	}{
		{
			name: "a server without", server: good,
			log: []string{"udp client", "udp client", "udp client"}, networks: "udp udp udp",
		},
		{
			name:   "a server with",
			server: baking(func(_, cookie string) (string, int) { return client(cookie) + jar, 0 }),
			log:    []string{"udp client", "udp " + jar, "udp " + jar}, networks: "udp udp udp",
		},
		{
			name: "a new cookie replaces the old one",
			server: baking(func(_, cookie string) (string, int) {
				if strings.HasSuffix(cookie, jar) {
					return client(cookie) + newer, 0
				}
				return client(cookie) + jar, 0
			}),
			log: []string{"udp client", "udp " + jar, "udp " + newer}, networks: "udp udp udp",
		},
		{
			name: "forgeries with another cookie, or one of another length, come first",
			server: func(network string, query *dns.Msg) (packets [][]byte) {
				own := client(cookieOf(query))
				for _, cookie := range []string{
					"0123456789abcdef" + jar, own + "00112233445566", own[:14], own + strings.Repeat("00", 33), own + jar,
				} {
					packets = append(packets, baking(func(string, string) (string, int) { return cookie, 0 })(network, query)...)
				}
				return packets
			},
			log: []string{"udp client", "udp " + jar, "udp " + jar}, networks: "udp udp udp",
		},
		{
			name: "without one once it has shown them: perhaps a forgery",
			server: baking(func(network, cookie string) (string, int) {
				if network == "udp" && strings.HasSuffix(cookie, jar) {
					return "", 0
				}
				return client(cookie) + jar, 0
			}),
			log:      []string{"udp client", "udp " + jar, "tcp " + jar, "udp " + jar, "tcp " + jar},
			networks: "udp tcp tcp",
		},
		{
			name: "no longer any, as TCP shows",
			server: baking(func(_, cookie string) (string, int) {
				if strings.HasSuffix(cookie, jar) {
					return "", 0
				}
				return client(cookie) + jar, 0
			}),
			log: []string{"udp client", "udp " + jar, "tcp " + jar, "udp client"}, networks: "udp tcp udp",
		},
		{
			name: "BADCOOKIE for queries without its own",
			server: baking(func(_, cookie string) (string, int) {
				if len(cookie) == clientCookieSize {
					return cookie + jar, dns.RcodeBadCookie
				}
				return client(cookie) + jar, 0
			}),
			log: []string{"udp client", "udp " + jar, "udp " + jar, "udp " + jar}, networks: "udp udp udp",
		},
		{
			name: "BADCOOKIE whatever comes over UDP",
			server: baking(func(network, cookie string) (string, int) {
				if network == "udp" {
					return client(cookie) + jar, dns.RcodeBadCookie
				}
				return client(cookie) + jar, 0
			}),
			log: []string{
				"udp client", "udp " + jar, "tcp " + jar,
				"udp " + jar, "udp " + jar, "tcp " + jar, "udp " + jar, "udp " + jar, "tcp " + jar,
			},
			networks: "tcp tcp tcp",
		},
		{
			name: "FORMERR for the option",
			server: baking(func(_, cookie string) (string, int) {
				if cookie != "none" {
					return "", dns.RcodeFormatError
				}
				return "", 0
			}),
			log: []string{"udp client", "udp none", "udp none", "udp none"}, networks: "udp udp udp",
		},
		{
			name: "silence for the option",
			server: func(network string, query *dns.Msg) [][]byte {
				if cookieOf(query) != "none" {
					return nil
				}
				return good(network, query)
			},
			log: []string{"udp client", "udp client", "udp client", "udp client", "udp none", "udp none", "udp none"}, networks: "udp udp udp",
			elapsed: 3 * defaultTimeout / 4,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var log, own, networks []string
				net := newNet(t, map[string]behaviour{"192.0.2.1": func(network string, query *dns.Msg) [][]byte {
					cookie := cookieOf(query)
					entry := network + " none"
					mu.Lock()
					if cookie != "none" {
						own = append(own, client(cookie))
						entry = network + " client"
						if len(cookie) > clientCookieSize {
							entry = network + " " + cookie[clientCookieSize:]
						}
					}
					log = append(log, entry)
					mu.Unlock()
					return tt.server(network, query)
				}})
				asker := &Client{Address: "192.0.2.1", Dial: net.dial}
				for i := range 3 {
					query := question("signed.test.", dns.TypeA)
					setCookie(query, "0011223344556677")
					before := query.Copy()
					start := time.Now()
					reply, err := asker.Exchange(t.Context(), &Query{Msg: query})
					if err != nil {
						t.Fatal(err)
					}
					if got := time.Since(start); i == 0 && got != tt.elapsed {
						t.Errorf("took %s, want %s", got, tt.elapsed)
					}
					networks = append(networks, reply.Network)
					if len(reply.Msg.Answer) == 0 || cookieOf(reply.Msg) != "none" {
						t.Errorf("got %v", reply.Msg)
					}
					if diff := cmp.Diff(before, query, cmpopts.EquateEmpty()); diff != "" {
						t.Errorf("the query was changed: %s", diff)
					}
				}
				if diff := cmp.Diff(tt.log, log); diff != "" {
					t.Errorf("want - got +\n%s", diff)
				}
				if got := strings.Join(networks, " "); got != tt.networks {
					t.Errorf("answers over %s, want %s", got, tt.networks)
				}
				for _, cookie := range own {
					if cookie != own[0] || cookie == "0011223344556677" {
						t.Errorf("our cookies are %v", own)
						break
					}
				}
			})
		})
	}
}

func TestNoCookieWithoutEDNS(t *testing.T) {
	t.Parallel()
	net := newNet(t, map[string]behaviour{"192.0.2.1": func(network string, query *dns.Msg) [][]byte {
		if query.IsEdns0() != nil {
			t.Errorf("the server got %v", query)
		}
		return good(network, query)
	}})
	reply, err := (&Client{Address: "192.0.2.1", Dial: net.dial}).Exchange(t.Context(), &Query{Msg: plain("unsigned.test.", dns.TypeA)})
	wantAnswer(t, reply, err, "192.0.2.1:53 udp")
}

// Nobody shall know us by our cookie at another address.
func TestCookiesAreForOneAddress(t *testing.T) {
	t.Parallel()
	at := func(host string) net.Addr { return &net.UDPAddr{IP: net.ParseIP(host), Port: 1024} }
	var p peer
	p.rotateCookie(at("192.0.2.7"))
	p.serverCookie = jar
	first := p.cookie()
	if p.rotateCookie(at("192.0.2.7")); p.cookie() != first || len(first) != clientCookieSize+len(jar) {
		t.Errorf("got %q and %q", first, p.cookie())
	}
	if p.rotateCookie(at("192.0.2.8")); len(p.cookie()) != clientCookieSize || p.cookie() == client(first) {
		t.Errorf("got %q after %q", p.cookie(), first)
	}
	p.rotateCookie(nil) // has none
	if other := new(peer); other.cookie() != "" {
		t.Errorf("got %q", other.cookie())
	}
}

// A new ID and a new port for each way of asking.
func TestAskingAgainIsFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var ids []uint16
		var udp, tcp atomic.Int32
		fake := newNet(t, map[string]behaviour{"192.0.2.1": func(network string, query *dns.Msg) [][]byte {
			mu.Lock()
			ids = append(ids, query.Id)
			mu.Unlock()
			return baking(func(_, cookie string) (string, int) { return client(cookie) + jar, dns.RcodeBadCookie })(network, query)
		}})
		asker := &Client{Address: "192.0.2.1", Dial: counted(fake.dial, &udp, &tcp)}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		reply, err := asker.Exchange(ctx, &Query{Msg: question("signed.test.", dns.TypeA)})
		if err != nil || reply.Msg.Rcode != dns.RcodeBadCookie {
			t.Errorf("got %v, %v", reply, err)
		}
		if udp.Load() != 2 || tcp.Load() != 1 || len(ids) != 3 || ids[0] == ids[1] && ids[1] == ids[2] {
			t.Errorf("%d sockets, %d connections, IDs %v", udp.Load(), tcp.Load(), ids)
		}
	})
}
