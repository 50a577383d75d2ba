package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const stranger = "0123456789abcdef" // the cookie of another client

// replaying is a good server behind a cache that has what others were sent. The cache
// sees to UDP alone.
func replaying(change func(query, reply *dns.Msg)) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		reply := resolve(query)
		if network == "udp" {
			change(query, reply)
		}
		return [][]byte{pack(network, query, reply)}
	}
}

func withOption(option dns.EDNS0) behaviour {
	return replaying(func(_, reply *dns.Msg) { reply.IsEdns0().Option = append(reply.IsEdns0().Option, option) })
}

// Whatever a cache between the server and us has kept of others' questions costs no time
// to speak of at first, and none after that.
func TestReplayedReplies(t *testing.T) {
	t.Parallel()
	otherCase := wire(func(p []byte) [][]byte { p[headerSize+1] ^= 0x20; return [][]byte{p} })
	foreign := replaying(func(_, reply *dns.Msg) { setCookie(reply, stranger+jar) })
	for _, tt := range []struct {
		name     string
		server   behaviour
		first    time.Duration // that the first query takes
		networks string        // of the first and the second reply
	}{
		{"the cookie of another client", foreign, fallbackDelay, "tcp udp"},
		{"the cookie of another client, over TCP, too", baking(func(string, string) (string, int) { return stranger + jar, 0 }), fallbackDelay, "tcp udp"},
		{"the cookie of another client, and no TCP", withoutTCP(foreign), fallbackDelay + tcpFailureGrace, "udp udp"},
		{"a cookie of a length that no cookie has", replaying(func(_, reply *dns.Msg) { setCookie(reply, "0011") }), fallbackDelay, "tcp udp"},
		{"BADCOOKIE for another client", baking(func(network, cookie string) (string, int) {
			if network == "udp" && cookie != "none" {
				return stranger + jar, dns.RcodeBadCookie
			}
			return "", 0
		}), fallbackDelay, "tcp udp"},
		{"our cookie alone, as CoreDNS sends it", baking(func(_, cookie string) (string, int) { return client(cookie), 0 }), 0, "udp udp"},
		{"the name in the letter case of another question", otherCase, fallbackDelay, "tcp udp"},
		{"the name in another letter case, and no TCP", withoutTCP(otherCase), fallbackDelay + tcpFailureGrace, "udp udp"},
		{"without CD", replaying(func(_, reply *dns.Msg) { reply.CheckingDisabled = false }), 0, "udp udp"},
		{"with AD", replaying(func(_, reply *dns.Msg) { reply.AuthenticatedData = true }), 0, "udp udp"},
		{"without DO", replaying(func(_, reply *dns.Msg) { reply.IsEdns0().SetDo(false) }), 0, "udp udp"},
		{"without an OPT record", replaying(func(_, reply *dns.Msg) { reply.Extra = nil }), 0, "udp udp"},
		{"an extended error", withOption(&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeStaleAnswer, ExtraText: "old"}), 0, "udp udp"},
		{"padding", withOption(&dns.EDNS0_PADDING{Padding: make([]byte, 100)}), 0, "udp udp"},
		{"the name of the server", withOption(&dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: "6e73"}), 0, "udp udp"},
		{"a client's network", withOption(&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(192, 0, 2, 0)}), 0, "udp udp"},
		{"an option that nobody knows", withOption(&dns.EDNS0_LOCAL{Code: 65001, Data: []byte{1, 2, 3}}), 0, "udp udp"},
		{"a reply that is larger than we ask for", replaying(func(_, reply *dns.Msg) {
			reply.IsEdns0().Option = append(reply.IsEdns0().Option, &dns.EDNS0_PADDING{Padding: make([]byte, 1300)})
			reply.IsEdns0().SetUDPSize(4096)
		}), 0, "tcp tcp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newNet(t, map[string]behaviour{"192.0.2.1": tt.server})
				client := &Client{Address: "192.0.2.1", Dial: fake.dial}
				defer client.CloseIdleConnections()
				var networks []string
				for _, want := range []time.Duration{tt.first, 0} {
					start := time.Now()
					reply, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
					if err != nil {
						t.Fatal(err)
					}
					networks = append(networks, reply.Network)
					if took := time.Since(start); took != want {
						t.Errorf("took %s, want %s", took, want)
					}
					want := resolve(question("signed.test.", dns.TypeA)).Answer
					if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(reply.Msg.Answer)); diff != "" {
						t.Errorf("want - got +\n%s", diff)
					}
					if q := reply.Msg.Question[0].Name; q != "signed.test." {
						t.Errorf("the name is %s", q)
					}
				}
				if got := strings.Join(networks, " "); got != tt.networks {
					t.Errorf("replies over %s, want %s", got, tt.networks)
				}
			})
		})
	}
}

// Where TCP leads nowhere, the query is sent again in a way to which no reply is suspect.
func TestReplayedRepliesAndSilentTCP(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newNet(t, map[string]behaviour{"192.0.2.1": func(network string, query *dns.Msg) [][]byte {
			if network == "tcp" {
				return nil
			}
			return replaying(func(_, reply *dns.Msg) { setCookie(reply, stranger+jar) })(network, query)
		}})
		client := &Client{Address: "192.0.2.1", Dial: fake.dial}
		start := time.Now()
		reply, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
		wantAnswer(t, reply, err, "192.0.2.1:53 udp")
		if took := time.Since(start); took != defaultTimeout/8 {
			t.Errorf("took %s, want %s", took, defaultTimeout/8)
		}
	})
}

// A server that has shown a cookie does not lose it by one suspect reply, which may be a
// forgery, but a cache that brings others' cookies again and again gets none.
func TestCookiesOutliveOneSuspectReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var log []string
		var asked int
		fake := newNet(t, map[string]behaviour{"192.0.2.1": baking(func(network, cookie string) (string, int) {
			mu.Lock()
			defer mu.Unlock()
			log = append(log, strings.TrimSpace(network+" "+strings.TrimPrefix(cookie[min(len(cookie), clientCookieSize):], " ")))
			if cookie == "none" {
				log[len(log)-1] = network + " none"
				return "", 0
			}
			if network == "udp" {
				if asked++; asked > 1 {
					return stranger + newer, 0
				}
			}
			return client(cookie) + jar, 0
		})})
		client := &Client{Address: "192.0.2.1", Dial: fake.dial}
		defer client.CloseIdleConnections()
		for range 6 {
			reply, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
			if err != nil || len(reply.Msg.Answer) == 0 {
				t.Fatalf("got %v, %v", reply, err)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		want := []string{"udp", "udp " + jar, "tcp " + jar, "udp " + jar, "tcp " + jar, "udp " + jar, "tcp " + jar, "udp none", "udp none"}
		if diff := cmp.Diff(want, log); diff != "" {
			t.Errorf("want - got +\n%s", diff)
		}
	})
}

// A forgery may come long before the good reply, over whatever network that comes.
func TestSuspectRepliesBeforeGoodOnes(t *testing.T) {
	t.Parallel()
	otherCase := func(p []byte) []byte { p[headerSize+1] ^= 0x20; return p }
	for _, tt := range []struct {
		name     string
		udp, tcp time.Duration // until the good reply; 0 for never
		network  string
		elapsed  time.Duration
		learnt   bool
	}{
		{name: "UDP is quicker", udp: 300 * time.Millisecond, tcp: 400 * time.Millisecond, network: "udp", elapsed: 300 * time.Millisecond},
		{name: "UDP is all there is", udp: 80 * time.Millisecond, network: "udp", elapsed: 80 * time.Millisecond},
		{name: "TCP is quicker", udp: 300 * time.Millisecond, tcp: 100 * time.Millisecond, network: "tcp", elapsed: 100*time.Millisecond + fallbackDelay, learnt: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newNet(t, map[string]behaviour{"192.0.2.1": good})
				dial := func(ctx context.Context, network, address string) (net.Conn, error) {
					switch {
					case network == "udp":
						return fake.forging(good, otherCase, tt.udp), nil
					case tt.tcp == 0:
						return nil, errors.New("refused")
					}
					select {
					case <-time.After(tt.tcp):
						return fake.dial(ctx, network, address)
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
				client := &Client{Address: "192.0.2.1", Dial: dial}
				start := time.Now()
				reply, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
				client.CloseIdleConnections()
				wantAnswer(t, reply, err, "192.0.2.1:53 "+tt.network)
				if took := time.Since(start); took != tt.elapsed {
					t.Errorf("took %s, want %s", took, tt.elapsed)
				}
				client.mu.Lock()
				defer client.mu.Unlock()
				if client.peer.changesCase != tt.learnt {
					t.Errorf("taken to change the case: %t", client.peer.changesCase)
				}
			})
		})
	}
}

// forging returns a connection for UDP to a server. The reply to the first query comes
// late, and a changed copy of it at once.
func (f *fakeNet) forging(serve behaviour, forge func([]byte) []byte, delay time.Duration) net.Conn {
	client, server := net.Pipe()
	f.running.Go(func() {
		defer server.Close()
		packet := make([]byte, maxMessage)
		n, err := server.Read(packet)
		if err != nil {
			return
		}
		query := new(dns.Msg)
		query.Unpack(packet[:n])
		reply := serve("udp", query)[0]
		server.Write(forge(bytes.Clone(reply)))
		time.Sleep(delay)
		server.Write(reply)
	})
	return client
}

// What a domain has in its records is not charged to the server that has it for others, too.
func TestRecursorBlamesNoServerForWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		odd := cut(but(func(query, reply *dns.Msg) {
			reply.Rcode, reply.Ns, reply.Answer = dns.RcodeSuccess, nil, []dns.RR{rr(query.Question[0].Name + " 60 IN A 192.0.2.1")}
		}))
		fake := newNet(t, internet(map[string]behaviour{"192.0.2.10": odd, "192.0.2.11": odd}))
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: fake.dial}
		if _, got := askRecursor(t, r, "mx.example.test. A"); !strings.Contains(got, "malformed message") {
			t.Errorf("got %s", got)
		}
		for _, server := range hints("192.0.2.10", "192.0.2.11") {
			if r.servers.isSilent(server) {
				t.Errorf("%s is taken to be silent", server)
			}
		}
		time.Sleep(idleTimeout)
	})
}
