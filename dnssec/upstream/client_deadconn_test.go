package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// A mortalConn is a connection that may die: without a word, so that what is sent gets
// lost, or by an end that comes when the next query is on its way.
type mortalConn struct {
	net.Conn
	dead, ends *atomic.Bool
	ended      atomic.Bool
}

func (c *mortalConn) Write(b []byte) (int, error) {
	if c.dead.Load() {
		return len(b), nil
	}
	if c.ends.Load() {
		c.ended.Store(true)
		c.Conn.SetReadDeadline(time.Unix(1, 0)) // wakes up the reader
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *mortalConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.ended.Load() {
		return 0, io.EOF
	}
	return n, err
}

// A mortalDial counts connections. Those that are there die; new ones do not.
type mortalDial struct {
	dial  func(context.Context, string, string) (net.Conn, error)
	mu    sync.Mutex
	conns []*mortalConn
}

func (m *mortalDial) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := m.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &mortalConn{Conn: conn, dead: new(atomic.Bool), ends: new(atomic.Bool)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns = append(m.conns, c)
	return c, nil
}

func (m *mortalDial) die(how func(c *mortalConn) *atomic.Bool) (conns int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.conns {
		how(c).Store(true)
	}
	return len(m.conns)
}

func silently(c *mortalConn) *atomic.Bool { return c.dead }
func atOnce(c *mortalConn) *atomic.Bool   { return c.ends }

// A connection that died while it was idle costs those who find it so a second, once, and not
// their patience.
func TestStreamsThatDied(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		how  func(c *mortalConn) *atomic.Bool
		took time.Duration
	}{
		"without a word":   {silently, defaultTimeout / 5},
		"by an end, later": {atOnce, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := newNet(t, map[string]behaviour{"192.0.2.1": good})
				mortal := &mortalDial{dial: fake.dial}
				client := &Client{Address: "tcp://192.0.2.1", Dial: mortal.Dial}
				ask := func(i int) {
					reply, err := client.Exchange(t.Context(), &Query{Msg: question(fmt.Sprintf("n%d.signed.test.", i), dns.TypeA)})
					if err != nil || len(reply.Msg.Answer) == 0 {
						t.Errorf("%d: %v, %v", i, reply, err)
					}
				}
				ask(0)
				time.Sleep(idleTimeout / 2)
				mortal.die(tt.how)
				var all sync.WaitGroup
				start := time.Now()
				for i := range 10 {
					all.Go(func() { ask(i) })
				}
				all.Wait()
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %s, want %s", took, tt.took)
				}
				if n := mortal.die(silently); n < 2 || n > 2 && tt.took > 0 {
					t.Errorf("%d connections", n)
				}
				client.CloseIdleConnections()
			})
		})
	}
}

// A query whose connection died goes to one that others have made meanwhile. If that dies as well
// before it is answered, the query is sent once more.
func TestStreamThatDiedAfterAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := newNet(t, map[string]behaviour{"192.0.2.1": good})
		mortal := &mortalDial{dial: fake.dial}
		client := &Client{Address: "tcp://192.0.2.1", Dial: mortal.Dial}
		defer client.CloseIdleConnections()
		ask := func(name string) {
			reply, err := client.Exchange(t.Context(), &Query{Msg: question(name, dns.TypeA)})
			if err != nil || len(reply.Msg.Answer) == 0 {
				t.Errorf("%s: %v, %v", name, reply, err)
			}
		}
		ask("first.signed.test.")
		mortal.die(silently)
		var all sync.WaitGroup
		all.Go(func() { ask("unlucky.signed.test.") })
		synctest.Wait()
		m, err := newMessage(question("other.signed.test.", dns.TypeA))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.pipeline(t.Context(), endpointOf(t, client), m, true).await(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		mortal.die(silently)
		time.Sleep(client.stallTime() / 2)
		all.Go(func() { ask("later.signed.test.") })
		all.Wait()
	})
}

// The same over HTTPS, where HTTP/2 has pings as well.
func TestHTTPSConnectionsThatDied(t *testing.T) {
	t.Parallel()
	const timeout = 5 * time.Second
	for name, tt := range map[string]struct {
		http2 bool
		how   func(c *mortalConn) *atomic.Bool
		idle  time.Duration // before the next query
		most  time.Duration // that it takes
	}{
		"HTTP/2, without a word":                  {true, silently, 0, 2 * time.Second},
		"HTTP/2, without a word, some time ago":   {true, silently, 4 * time.Second, 900 * time.Millisecond},
		"HTTP/2, while the query is on its way":   {true, atOnce, 0, 900 * time.Millisecond},
		"HTTP/1.1, without a word":                {false, silently, 0, 2 * time.Second},
		"HTTP/1.1, while the query is on its way": {false, atOnce, 0, 900 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serveHTTPS(t, answerHTTPS)
			mortal := &mortalDial{dial: new(net.Dialer).DialContext}
			client := &Client{Address: server.URL + "/dns-query", TLS: roots(server), Dial: mortal.Dial, Timeout: timeout}
			if !tt.http2 {
				client.http = client.httpClient(endpointOf(t, client))
				client.http.Transport.(*http.Transport).TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
				client.http.Transport.(*http.Transport).ForceAttemptHTTP2 = false
			}
			defer client.CloseIdleConnections()
			ask := func() {
				reply, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
				if err != nil || len(reply.Msg.Answer) == 0 {
					t.Errorf("%v, %v", reply, err)
				}
			}
			ask()
			mortal.die(tt.how)
			time.Sleep(tt.idle)
			start := time.Now()
			var all sync.WaitGroup
			for range 5 {
				all.Go(ask)
			}
			all.Wait()
			if took := time.Since(start); took > tt.most {
				t.Errorf("took %s, want %s at most", took, tt.most)
			}
		})
	}
}

func endpointOf(t *testing.T, c *Client) endpoint {
	e, err := parseAddress(c.Address)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Whoever has to find out what stands at an address gets to know what came.
func TestWhatCameInsteadOfAReply(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		body func(query *dns.Msg) []byte
		want string
	}{
		{"nothing", func(*dns.Msg) []byte { return nil }, "not a reply to this query: an empty message came"},
		{"HTML", func(*dns.Msg) []byte {
			return []byte("<!DOCTYPE html>\n<title>Please log in\x1b[2J</title> and much more of it")
		},
			`text came, which begins with "<!DOCTYPE html>\n<title>Please log in\x1b[2`},
		{"a few octets", func(*dns.Msg) []byte { return make([]byte, 5) }, "5 octets came, less than a header"},
		{"the query", func(query *dns.Msg) []byte { return pack("tcp", query, query) }, "a query came"},
		{"another ID", func(query *dns.Msg) []byte { query.Id++; return good("tcp", query)[0] }, "its ID is another one"},
		{"another question", func(query *dns.Msg) []byte {
			other := question("b.test.", dns.TypeMX)
			other.Id = query.Id
			return good("tcp", other)[0]
		}, `it is about "b.test." MX`},
		{"no question", func(query *dns.Msg) []byte {
			return pack("tcp", query, &dns.Msg{MsgHdr: dns.MsgHdr{Id: query.Id, Response: true}})
		}, "it has not the question of the query"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := serveHTTPS(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				query := new(dns.Msg)
				if err := query.Unpack(body); err != nil {
					t.Error(err)
				}
				w.Header().Set("Content-Type", mediaType)
				w.Write(tt.body(query))
			})
			client := &Client{Address: server.URL + "/dns-query", TLS: roots(server)}
			defer client.CloseIdleConnections()
			_, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
