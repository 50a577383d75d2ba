package upstream

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"
)

func TestClientAgainstFaults(t *testing.T) {
	t.Parallel()
	repeat := func(n int, change func(forged []byte)) func([]byte) [][]byte {
		return func(packet []byte) [][]byte {
			var packets [][]byte
			for range n {
				forged := bytes.Clone(packet)
				change(forged)
				packets = append(packets, forged)
			}
			return append(packets, packet)
		}
	}
	only := func(change func(packet []byte) []byte) behaviour {
		return wire(func(packet []byte) [][]byte { return [][]byte{change(packet)} })
	}
	for _, tt := range []struct {
		name    string
		server  behaviour
		query   *dns.Msg
		network string // of the reply; empty if there is none
		err     string // in its text
		elapsed time.Duration
	}{
		{name: "a good server", server: good, network: "udp"},
		{name: "nobody at the address", server: nil, err: "over udp: signed.test. A: dial udp: connection refused"},
		{name: "a silent server ends the patience", server: silent, err: "no reply in time", elapsed: 5 * time.Second},
		{name: "a slow server", server: slow(4*time.Second, good), network: "udp", elapsed: 4 * time.Second},
		{name: "the first packet is lost, the second is not", server: first(silent, good), network: "udp", elapsed: 5 * time.Second / 8},
		{name: "ten forgeries with another ID come first", server: wire(repeat(10, func(p []byte) { p[0] ^= 1 })), network: "udp"},
		{name: "ten forgeries for another name come first", server: wire(repeat(10, func(p []byte) { p[headerSize+1] = 'x' })), network: "udp"},
		{name: "hundreds of forgeries: TCP is out of the forger's reach", server: wire(repeat(300, func(p []byte) { p[0] ^= 1 })), network: "tcp"},
		{name: "only another ID", server: only(func(p []byte) []byte { p[1] ^= 1; return p }),
			err: "packets ignored: 5, the last one: not a reply to this query", elapsed: 5 * time.Second},
		{name: "only another type", server: only(func(p []byte) []byte { p[headerSize+14] = byte(dns.TypeNS); return p }),
			err: "not a reply", elapsed: 5 * time.Second},
		{name: "only another class", server: only(func(p []byte) []byte { p[headerSize+16] = dns.ClassCHAOS; return p }),
			err: "not a reply", elapsed: 5 * time.Second},
		{name: "the query comes back: QR is 0", server: only(func(p []byte) []byte { p[2] &^= flagQR; return p }),
			err: "not a reply", elapsed: 5 * time.Second},
		{name: "another opcode", server: only(func(p []byte) []byte { p[2] |= dns.OpcodeNotify << 3; return p }),
			err: "not a reply", elapsed: 5 * time.Second},
		{name: "empty datagrams", server: only(func([]byte) []byte { return []byte{} }), err: "no reply in time", elapsed: 5 * time.Second},
		{name: "a header alone", server: only(func(p []byte) []byte { return p[:headerSize] }), err: "not a reply", elapsed: 5 * time.Second},
		{name: "garbage behind the message", server: only(func(p []byte) []byte { return append(p, "garbage"...) }),
			network: "tcp", elapsed: fallbackDelay},
		{name: "a record that nobody can read, over TCP, too", server: cut(good), err: "over tcp: signed.test. A: malformed message", elapsed: fallbackDelay},
		{name: "the message ends between two records", server: only(func(p []byte) []byte {
			return p[:len(p)-11] // without the OPT record, which dns.Msg.Unpack does not miss
		}), network: "tcp", elapsed: fallbackDelay},
		{name: "the message ends in a record", server: only(func(p []byte) []byte { return p[:len(p)-3] }), network: "tcp", elapsed: fallbackDelay},
		{name: "the name in other case", server: only(func(p []byte) []byte { p[headerSize+1] ^= 0x20; return p }), network: "tcp", elapsed: fallbackDelay},
		{name: "ten forgeries with the name in other case come first", server: wire(repeat(10, func(p []byte) { p[headerSize+1] ^= 0x20 })), network: "udp"},
		{name: "the name asked for in another text form", server: good, query: question(`\115igned.test.`, dns.TypeA), network: "udp"},
		{name: "SERVFAIL is a reply", server: good, query: question("broken.test.", dns.TypeA), network: "udp"},
		{name: "dropped signatures are not a Client's business", server: but(stripping), network: "udp"},
		{name: "an answer too large for UDP", server: good, query: question("large.test.", dns.TypeTXT), network: "tcp"},
		{name: "everything is truncated over UDP", server: only(func(p []byte) []byte { p[2] |= flagTC; return p }), network: "tcp"},
		{name: "truncated in a record", server: only(func(p []byte) []byte { p[2] |= flagTC; return p[:len(p)-3] }), network: "tcp"},
		{name: "everything is truncated over TCP, too", server: but(func(_, reply *dns.Msg) { reply.Truncated = true }),
			err: "over tcp: signed.test. A: reply is truncated"},
		{name: "a UDP reply larger than EDNS allows", query: question("large.test.", dns.TypeTXT), server: func(_ string, query *dns.Msg) [][]byte {
			return good("tcp", query)
		}, network: "tcp"},
		{name: "TCP with another ID", server: func(network string, query *dns.Msg) [][]byte {
			packets := good(network, query)
			packets[0][2] |= flagTC
			if network == "tcp" {
				packets[0][0] ^= 1
			}
			return packets
		}, err: "over tcp: signed.test. A: not a reply"},
		{name: "TCP closes without a word", server: func(network string, query *dns.Msg) [][]byte {
			packets := good(network, query)
			packets[0][2] |= flagTC
			if network == "tcp" {
				packets[0] = nil
			}
			return packets
		}, err: "over tcp: signed.test. A: EOF"},
		{name: "TCP is silent", server: func(network string, query *dns.Msg) [][]byte {
			packets := good(network, query)
			packets[0][2] |= flagTC
			if network == "tcp" {
				return nil
			}
			return packets
		}, err: "over tcp: signed.test. A: no reply in time", elapsed: 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := newNet(t, map[string]behaviour{"192.0.2.1": tt.server})
				client := &Client{Address: "192.0.2.1", Dial: net.dial, Attempts: 1}
				query := tt.query
				if query == nil {
					query = question("signed.test.", dns.TypeA)
				}
				before := query.Copy()
				start := time.Now()
				reply, err := client.Exchange(t.Context(), &Query{Msg: query})
				if elapsed := time.Since(start); elapsed != tt.elapsed {
					t.Errorf("took %s, want %s", elapsed, tt.elapsed)
				}
				if diff := cmp.Diff(before, query, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("the query was changed: %s", diff)
				}
				if tt.err != "" {
					e, ok := errors.AsType[*Error](err)
					if !ok || reply != nil || e.Server != "192.0.2.1:53" || !strings.Contains(err.Error(), tt.err) {
						t.Fatalf("got %v, %v; want an error with %q", reply, err, tt.err)
					}
					if late := strings.Contains(tt.err, "in time"); late && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("%v is not DeadlineExceeded", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if reply.Network != tt.network || reply.Server != "192.0.2.1:53" || reply.Elapsed != tt.elapsed || reply.Msg.Truncated {
					t.Errorf("got %+v, want a whole reply over %s", reply, tt.network)
				}
			})
		})
	}
}

func TestClientEndsWithTheContext(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"192.0.2.1", "tcp://192.0.2.1"} {
		synctest.Test(t, func(t *testing.T) {
			net := newNet(t, map[string]behaviour{"192.0.2.1": silent})
			client := &Client{Address: address, Dial: net.dial}
			q := &Query{Msg: question("signed.test.", dns.TypeA)}
			start := time.Now()
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			if _, err := client.Exchange(ctx, q); !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
				t.Errorf("%s, cancelled: %v after %s", address, err, time.Since(start))
			}
			start = time.Now()
			before := net.queries("")
			ctx, cancel = context.WithTimeout(t.Context(), 600*time.Millisecond)
			defer cancel()
			if _, err := client.Exchange(ctx, q); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 600*time.Millisecond {
				t.Errorf("%s, deadline: %v after %s", address, err, time.Since(start))
			}
			// Even in so short a time a packet may be lost.
			if got := net.queries("") - before; strings.HasPrefix(address, "192") && got != 5 {
				t.Errorf("%d queries sent, want 5", got)
			}
		})
	}
}

func TestClientRefusesWhatIsNoQuery(t *testing.T) {
	t.Parallel()
	two := question("signed.test.", dns.TypeA)
	two.Question = append(two.Question, two.Question[0])
	for name, msg := range map[string]*dns.Msg{
		"nil": nil, "no question": new(dns.Msg), "two questions": two, "a name that is none": plain("a..test.", dns.TypeA),
	} {
		client := &Client{Address: "192.0.2.1", Dial: new(fakeNet).dial}
		_, err := client.Exchange(t.Context(), &Query{Msg: msg})
		if e, ok := errors.AsType[*Error](err); !ok || errors.Is(err, syscall.ECONNREFUSED) || e.Err == nil {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestClientHonoursAvoid(t *testing.T) {
	t.Parallel()
	client := &Client{Address: "tcp://192.0.2.1"}
	_, err := client.Exchange(t.Context(), &Query{Msg: plain("signed.test.", dns.TypeA), Avoid: []string{client.String()}})
	if !errors.Is(err, ErrExhausted) {
		t.Errorf("got %v", err)
	}
}

// Forgers have to guess both ID and port (RFC 5452 §9.2).
func TestQueriesAtOnceHaveTheirOwnPortsAndIDs(t *testing.T) {
	t.Parallel()
	const queries = 20
	var mu sync.Mutex
	ports, ids := map[string]bool{}, map[uint16]bool{}
	all, arrived := make(chan struct{}), sync.Once{}
	conn := handleUDP(t, func(server net.PacketConn, from net.Addr, query *dns.Msg) {
		mu.Lock()
		if ports[from.String()], ids[query.Id] = true, true; len(ports) == queries {
			arrived.Do(func() { close(all) })
		}
		mu.Unlock()
		go func() {
			<-all
			server.WriteTo(good("udp", query)[0], from)
		}()
	})
	client := &Client{Address: conn.LocalAddr().String()}
	q := &Query{Msg: question("signed.test.", dns.TypeA)} // one for all: Exchange must not write into it
	var asked sync.WaitGroup
	for range queries {
		asked.Go(func() {
			if _, err := client.Exchange(t.Context(), q); err != nil {
				t.Error(err) // no reply at all, unless all have ports of their own
			}
		})
	}
	asked.Wait()
	mu.Lock()
	defer mu.Unlock()
	if len(ids) < queries/2 {
		t.Errorf("%d queries with %d IDs", queries, len(ids))
	}
}

func TestForgeriesFromOtherSources(t *testing.T) {
	t.Parallel()
	other, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	address := serveUDP(t, func(from net.Addr, query *dns.Msg) [][]byte {
		forged := resolve(query)
		forged.Answer = []dns.RR{rr("signed.test. 60 A 203.0.113.66")}
		other.WriteTo(pack("udp", query, forged), from) // with the right ID, and first
		return good("udp", query)
	})
	reply, err := (&Client{Address: address}).Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
	wantAnswer(t, reply, err, address+" udp")
	if got := reply.Msg.Answer[0].(*dns.A).A.String(); got != "192.0.2.81" {
		t.Errorf("the forged address %s was taken", got)
	}
}

func TestClosedPortFailsAtOnce(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := conn.LocalAddr().String()
	conn.Close()
	start := time.Now()
	_, err = (&Client{Address: address}).Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
	if !errors.Is(err, syscall.ECONNREFUSED) || time.Since(start) > defaultTimeout/2 {
		t.Errorf("%v after %s", err, time.Since(start))
	}
}

// A server that promises a long message over TCP and sends a short one.
func TestTCPMessageThatEndsEarly(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := read("tcp", conn); err == nil {
			conn.Write(append(binary.BigEndian.AppendUint16(nil, 4000), make([]byte, 100)...))
		}
	}()
	_, err = (&Client{Address: "tcp://" + listener.Addr().String()}).Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "unexpected EOF") {
		t.Errorf("got %v", err)
	}
}
