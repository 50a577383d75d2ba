//go:build interop

package interop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// impatient are forwarders of the table that soon close idle connections. Knot Resolver 5.6.0
// takes 7 seconds whatever net.tcp_in_idle says, and dnsdist 1.7.3 with a second closes
// new connections, too.
var impatient = []forwarder{
	{name: "named, impatient", more: "\n\ttcp-idle-timeout 5;", start: func(n *internet, f forwarder) error {
		return n.startEncryptingNamed(f, "dnssec-validation no;", "")
	}},
	{name: "unbound, impatient", more: " tcp-idle-timeout: 500\n incoming-num-tcp: 200\n", start: func(n *internet, f forwarder) error {
		return n.startEncryptingUnbound(f, "iterator")
	}},
	{name: "knot-resolver, impatient", more: "net.tcp_in_idle(500)\n", start: (*internet).startKnotResolver},
	{name: "dnsdist, impatient", more: "setTCPRecvTimeout(2)\n", httpsIdle: 1, start: (*internet).startDnsdist},
}

// encryptedTransports are those that keep a connection, over TLS.
var encryptedTransports = []struct {
	name   string
	client func(forwarder) *upstream.Client
}{
	{"TLS", func(f forwarder) *upstream.Client {
		return &upstream.Client{Address: "tls://" + address(f.tls) + "#" + resolverName, TLS: ourRoots()}
	}},
	{"HTTPS", func(f forwarder) *upstream.Client {
		return &upstream.Client{Address: "https://" + address(f.https) + "/dns-query", TLS: ourRoots()}
	}},
}

// raceSpread is about how long after the time for it a server closes a connection, and how
// long before a query for it has to be sent to come too late.
const raceSpread = 10 * time.Millisecond

// TestQueriesRaceTheServersClose sends a hundred queries just when the server has had enough
// of an idle connection, before, while and after it closes it. None of them fails.
func TestQueriesRaceTheServersClose(t *testing.T) {
	for _, f := range impatient {
		t.Run(f.name, func(t *testing.T) {
			lab.stopAfter(t)
			f, err := lab.startForwarder(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, via := range encryptedTransports {
				t.Run(via.name, func(t *testing.T) {
					t.Parallel()
					raceTheClose(t, func() *upstream.Client { return via.client(f) })
				})
			}
		})
	}
}

func raceTheClose(t *testing.T, newClient func() *upstream.Client) {
	const clients, queries = 50, 2 // of each
	var late, longest atomic.Int64
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			time.Sleep(time.Duration(i) * raceSpread) // so many handshakes at once take their time
			w, client := new(watch), newClient()
			client.Dial = w.Dial
			defer client.CloseIdleConnections()
			query(t, client)
			idle, closed := w.idle()
			if !closed {
				t.Error("the server does not close its connection")
				return
			}
			query(t, client)
			for range queries {
				time.Sleep(idle + time.Duration((2*rand.Float64()-1)*float64(raceSpread)))
				query(t, client)
			}
			longest.Store(max(longest.Load(), int64(idle)))
			late.Add(int64(len(w.conns) - 2))
		})
	}
	all.Wait()
	t.Logf("connections are closed after %s at most; %d of %d queries got a new one", time.Duration(longest.Load()).Round(time.Millisecond), late.Load(), clients*queries)
	if late.Load() == 0 {
		t.Error("no connection was closed in time")
	}
}

// idle returns how long the server keeps the first connection after a reply.
func (w *watch) idle() (_ time.Duration, closed bool) {
	if len(w.conns) == 0 {
		return 0, false
	}
	start := time.Now()
	select {
	case <-w.conns[0].closed:
	case <-time.After(9 * time.Second): // before the client itself closes it
		return 0, false
	}
	return time.Since(start), true
}

func query(t *testing.T, client *upstream.Client) {
	t.Helper()
	msg := new(dns.Msg).SetQuestion(domains[0].name+".", dns.TypeMX)
	reply, err := client.Exchange(t.Context(), &upstream.Query{Msg: msg})
	if err != nil || len(reply.Msg.Answer) == 0 {
		t.Errorf("%v, %v", reply, err)
	}
}

// A watch keeps the connections that it makes, by Dial of another place if there is one.
type watch struct {
	dial  dialer
	mu    sync.Mutex
	conns []*watchedConn
}

// A watchedConn tells when it is closed.
type watchedConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (w *watch) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	dial := w.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &watchedConn{Conn: conn, closed: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, c)
	return c, nil
}

// Close is what follows when the server has said that it will close the connection.
func (c *watchedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// deadConnAllowance is what a busy machine may add to the second that a dead connection
// costs, and to the time of a query that has a new one.
const deadConnAllowance = 700 * time.Millisecond

// TestConnectionsThatAreCut drops all packets of the connections that are there, as a
// firewall does that has forgotten them, and stops servers and starts them anew. The first
// costs one query about a second, and neither has a query fail. A forwarder's host is a
// namespace, from which relays lead to the resolvers that it asks.
func TestConnectionsThatAreCut(t *testing.T) {
	for _, f := range forwarders {
		t.Run(f.name, func(t *testing.T) {
			host := newNamespace(t, syscall.CLONE_NEWNET)
			lab.stopAfter(t)
			var err error
			host.do(func() {
				if _, err = command(lab.dir, "ip", "link", "set", "lo", "up"); err != nil {
					return
				}
				for _, r := range lab.resolvers {
					if err = relayTo(t, address(r.port), address(r.port)); err != nil {
						return
					}
				}
				f, err = lab.startForwarder(f)
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, via := range encryptedTransports {
				w := &watch{dial: host.Dial}
				client := via.client(f)
				client.Dial = w.Dial
				t.Cleanup(client.CloseIdleConnections)
				t.Run(via.name+", dropped", func(t *testing.T) {
					timed(t, client)
					w.cut(t, host)
					first, second := timed(t, client), timed(t, client)
					t.Logf("took %s, and then %s", first, second)
					if first < time.Second/2 {
						t.Error("the connection was not cut")
					}
					if first > time.Second+deadConnAllowance || second > deadConnAllowance {
						t.Errorf("took %s and %s, want a second and less", first, second)
					}
				})
				t.Run(via.name+", started anew", func(t *testing.T) {
					timed(t, client)
					lab.daemons[len(lab.daemons)-1].stop()
					host.do(func() { err = f.start(lab, f) })
					if err != nil {
						t.Fatal(err)
					}
					if took := timed(t, client); took > deadConnAllowance {
						t.Errorf("took %s", took)
					}
				})
			}
		})
	}
}

func timed(t *testing.T, client *upstream.Client) time.Duration {
	t.Helper()
	start := time.Now()
	query(t, client)
	return time.Since(start).Round(time.Millisecond)
}

// cut has the host drop all packets of the connections so far.
func (w *watch) cut(t *testing.T, host *namespace) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var err error
	host.do(func() {
		for _, c := range w.conns {
			port := strconv.Itoa(c.LocalAddr().(*net.TCPAddr).Port)
			for _, end := range []string{"--sport", "--dport"} {
				rule := fmt.Sprintf("iptables -A OUTPUT -p tcp %s %s -j DROP", end, port)
				if _, err = command(lab.dir, strings.Fields(rule)...); err != nil {
					return
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
