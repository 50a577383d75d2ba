package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// A port log is a server on a real socket that notes where queries come from.
type portLog struct {
	mu    sync.Mutex
	ports []string
}

// serve answers with what reply says, which gets the number of the query, from 1.
func (l *portLog) serve(t *testing.T, reply func(n int, query *dns.Msg) [][]byte) (address string) {
	return serveUDP(t, func(from net.Addr, query *dns.Msg) [][]byte {
		l.mu.Lock()
		l.ports = append(l.ports, from.String())
		n := len(l.ports)
		l.mu.Unlock()
		return reply(n, query)
	})
}

// pattern names the ports by letters, in order of appearance.
func (l *portLog) pattern() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	letters, pattern := map[string]byte{}, []byte{}
	for _, port := range l.ports {
		if letters[port] == 0 {
			letters[port] = byte('A' + len(letters))
		}
		pattern = append(pattern, letters[port])
	}
	return string(pattern)
}

func TestSocketsServeFurtherQueries(t *testing.T) {
	t.Parallel()
	usual := func(_ int, query *dns.Msg) [][]byte { return good("udp", query) }
	twice := func(n int, query *dns.Msg) [][]byte {
		replies := good("udp", query)
		if n == 1 {
			forged := append([]byte(nil), replies[0]...)
			forged[0] ^= 0xff // of the ID
			return [][]byte{forged, replies[0]}
		}
		return replies
	}
	lost := func(n int, query *dns.Msg) [][]byte {
		if n == 1 {
			return nil
		}
		return good("udp", query)
	}
	for name, tt := range map[string]struct {
		reply  func(n int, query *dns.Msg) [][]byte
		client *Client
		before func(c *Client) // each query
		want   string
	}{
		"one after the other":             {reply: usual, want: "AAA"},
		"after a packet that is no reply": {reply: twice, want: "ABB"},
		"after a packet that was lost":    {reply: lost, client: &Client{Timeout: 800 * time.Millisecond}, want: "AABB"}, // the query was sent twice
		"broken while it was idle":        {reply: usual, before: breakIdle, want: "ABC"},
		"expired":                         {reply: usual, before: expireIdle, want: "ABC"},
		"closed by the caller":            {reply: usual, before: (*Client).CloseIdleConnections, want: "ABC"},
		"the caller's own":                {reply: usual, client: &Client{Dial: new(net.Dialer).DialContext}, want: "ABC"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log portLog
			client := tt.client
			if client == nil {
				client = new(Client)
			}
			client.Address = log.serve(t, tt.reply)
			defer client.CloseIdleConnections()
			for range 3 {
				if tt.before != nil {
					tt.before(client)
				}
				if _, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)}); err != nil {
					t.Fatal(err)
				}
			}
			if got := log.pattern(); got != tt.want {
				t.Errorf("queries came from ports %s, want %s", got, tt.want)
			}
		})
	}
}

// A truncated reply is easily forged, and the true one may come after it.
func TestSocketOfTruncatedReplyIsClosed(t *testing.T) {
	t.Parallel()
	var log portLog
	client := &Client{Address: log.serve(t, func(n int, query *dns.Msg) [][]byte {
		replies := good("udp", query)
		if n == 1 {
			replies[0][2] |= flagTC
		}
		return replies
	})}
	defer client.CloseIdleConnections()
	for n := range 2 {
		_, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
		if (err != nil) != (n == 0) { // nobody listens over TCP
			t.Fatal(err)
		}
	}
	if got := log.pattern(); got != "AB" {
		t.Errorf("queries came from ports %s, want AB", got)
	}
}

// What came before the query was sent is no reply to it, whatever ID it has: a forger would
// have all the time between two queries for his guesses.
func TestPacketsBeforeTheQuery(t *testing.T) {
	t.Parallel()
	ports := make(chan net.Addr, 10)
	server := handleUDP(t, func(server net.PacketConn, from net.Addr, query *dns.Msg) {
		ports <- from
		server.WriteTo(good("udp", query)[0], from)
	})
	client := &Client{Address: server.LocalAddr().String()}
	defer client.CloseIdleConnections()
	var former net.Addr
	for range 3 {
		if _, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)}); err != nil {
			t.Fatal(err)
		}
		port := <-ports
		if former != nil && port.String() == former.String() {
			t.Errorf("a query came from %s, where a packet was waiting", port)
		}
		former = port
		if _, err := server.WriteTo([]byte("guess"), port); err != nil {
			t.Fatal(err)
		}
	}
}

// The Clients of a Recursor share their sockets, so that all of them are few.
func TestRecursorBoundsIdleSockets(t *testing.T) {
	t.Parallel()
	r := new(Recursor)
	r.once.Do(r.setUp)
	for _, address := range []string{"192.0.2.1:53", "192.0.2.2:53"} {
		if got := r.servers.info(netip.MustParseAddrPort(address)).client.idleSockets(); got != &r.servers.sockets {
			t.Errorf("the client of %s keeps sockets by itself", address)
		}
	}
}

// A server that was not given the time to answer is not in backoff after that.
func TestShortDeadlineIsNotTheServersFault(t *testing.T) {
	t.Parallel()
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			pool := newNet(t, map[string]behaviour{"192.0.2.1": silent}).pool("192.0.2.1")
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			defer cancel()
			if _, err := pool.Exchange(ctx, &Query{Msg: question("signed.test.", dns.TypeA)}); err == nil {
				t.Error("an answer of a silent server")
			}
			if err := pool.backoffReason(pool.servers[0], pool.now()); err != nil {
				t.Errorf("the server is in backoff: %v", err)
			}
		})
	}
}

// Time is up for a connection that knows no deadlines, too.
func TestTimeoutOfConnectionWithoutDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{"192.0.2.1": silent})
		client := &Client{Address: "192.0.2.1", Timeout: time.Second, Attempts: 1, Dial: net.dialDeaf}
		start := time.Now()
		if _, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)}); !isTimeout(err) || time.Since(start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func (f *fakeNet) dialDeaf(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := f.dial(ctx, network, address)
	return deafConn{conn}, err
}

// A deafConn does not listen to deadlines.
type deafConn struct{ net.Conn }

func (deafConn) SetDeadline(time.Time) error { return nil }

// breakIdle makes a Read or Write at idle sockets fail.
func breakIdle(c *Client) {
	for _, socket := range c.idleSockets().idle {
		socket.Conn.Close()
	}
}

func expireIdle(c *Client) {
	for _, socket := range c.idleSockets().idle {
		socket.expires = time.Now()
	}
}

// A query that was given up may get its reply later.
func TestSocketOfCancelledQueryIsClosed(t *testing.T) {
	t.Parallel()
	var log portLog
	arrived := make(chan struct{}, 10)
	address := log.serve(t, func(n int, query *dns.Msg) [][]byte {
		arrived <- struct{}{}
		if n == 2 {
			return nil
		}
		return good("udp", query)
	})
	client := &Client{Address: address}
	defer client.CloseIdleConnections()
	ask := func(ctx context.Context) error {
		_, err := client.Exchange(ctx, &Query{Msg: question("signed.test.", dns.TypeA)})
		return err
	}
	if err := ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	if err := ask(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v of a query that was given up", err)
	}
	if err := ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := log.pattern(); got != "AAB" {
		t.Errorf("queries came from ports %s, want AAB", got)
	}
}

// A testConn is a connection that can only be closed.
type testConn struct {
	net.Conn
	closed atomic.Bool
}

func (c *testConn) Close() error { c.closed.Store(true); return nil }

func TestIdleSockets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s sockets
		idle := func(server string) *testConn {
			conn := new(testConn)
			s.put(&socket{Conn: conn, server: server, expires: time.Now().Add(socketLife)})
			return conn
		}
		a, b, later := idle("a"), idle("b"), idle("a")
		if got := s.take("a"); got == nil || got.Conn != later {
			t.Errorf("took %v for a, want the one that was used last", got)
		}
		if got := s.take("c"); got != nil {
			t.Errorf("took %v for c, want none", got)
		}
		time.Sleep(socketLife / 2)
		younger := idle("b")
		time.Sleep(socketLife / 2)
		synctest.Wait()
		if diff := cmp.Diff([]bool{true, true, false}, []bool{a.closed.Load(), b.closed.Load(), younger.closed.Load()}); diff != "" {
			t.Errorf("closed at the end of their life: %s", diff)
		}
		time.Sleep(socketLife)
		synctest.Wait()
		if !younger.closed.Load() || len(s.idle) > 0 {
			t.Errorf("%d sockets outlive their life", len(s.idle))
		}
		var many []*testConn
		for range maxIdleSockets + 1 {
			many = append(many, idle("a"))
		}
		if !many[0].closed.Load() || many[1].closed.Load() || len(s.idle) != maxIdleSockets {
			t.Errorf("%d are kept; the first closed: %t, the second: %t", len(s.idle), many[0].closed.Load(), many[1].closed.Load())
		}
		s.closeAll()
		for _, conn := range many {
			if !conn.closed.Load() {
				t.Fatal("one is open after all were to be closed")
			}
		}
		time.Sleep(socketLife) // the timer has nothing more to do
	})
}
