package upstream

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// A streams is a Client for TCP in a bubble, and its server.
type streams struct {
	*testing.T
	*Client
	net   *fakeNet
	conns atomic.Int32
}

func overTCP(t *testing.T, serve behaviour, test func(s *streams)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &streams{T: t, net: newNet(t, map[string]behaviour{"192.0.2.1": serve})}
		s.Client = &Client{Address: "tcp://192.0.2.1", Dial: counted(s.net.dial, nil, &s.conns)}
		test(s)
	})
}

// ask wants the name's own answer.
func (s *streams) ask(ctx context.Context, name string) error {
	reply, err := s.Exchange(ctx, &Query{Msg: question(name, dns.TypeA)})
	if err == nil && (len(reply.Msg.Answer) == 0 || reply.Msg.Answer[0].Header().Name != name) {
		err = fmt.Errorf("%s: got %v", name, reply.Msg)
	}
	return err
}

func (s *streams) mustAsk(name string) {
	s.Helper()
	if err := s.ask(s.Context(), name); err != nil {
		s.Error(err)
	}
}

func (s *streams) wantConns(want int32) {
	s.Helper()
	if got := s.conns.Load(); got != want {
		s.Errorf("%d connections, want %d", got, want)
	}
}

func TestConnectionsAreReusedUntilTheyAreIdle(t *testing.T) {
	t.Parallel()
	overTCP(t, good, func(s *streams) {
		s.mustAsk("a.signed.test.")
		time.Sleep(idleTimeout - 1)
		s.mustAsk("b.signed.test.")
		s.wantConns(1)
		time.Sleep(idleTimeout)
		synctest.Wait()
		if s.Client.stream != nil {
			t.Error("an idle Client has a connection")
		}
		s.mustAsk("c.signed.test.")
		s.wantConns(2)
		s.CloseIdleConnections()
		s.mustAsk("d.signed.test.")
		s.wantConns(3)
	})
}

func TestTruncationUsesTheConnectionThatIsThere(t *testing.T) {
	t.Parallel()
	overTCP(t, good, func(s *streams) {
		var packets atomic.Int32
		s.Client = &Client{Address: "192.0.2.1", Dial: counted(s.net.dial, &packets, &s.conns)}
		for range 3 {
			reply, err := s.Exchange(s.Context(), &Query{Msg: question("large.test.", dns.TypeTXT)})
			wantAnswer(t, reply, err, "192.0.2.1:53 tcp")
		}
		s.wantConns(1)
	})
}

func TestRepliesOutOfOrder(t *testing.T) {
	t.Parallel()
	serve := named(map[string]behaviour{"a": slow(3*time.Second, good), "b": slow(2*time.Second, good), "c": slow(time.Second, good)})
	overTCP(t, serve, func(s *streams) {
		start := time.Now()
		var all sync.WaitGroup
		for i, label := range []string{"a", "b", "c", "d"} {
			all.Go(func() {
				s.mustAsk(label + ".signed.test.")
				if got, want := time.Since(start), time.Duration(3-i)*time.Second; got != want {
					t.Errorf("%s took %s, want %s", label, got, want)
				}
			})
		}
		all.Wait()
		s.wantConns(1)
	})
}

func TestQueriesInFlightAreBounded(t *testing.T) {
	t.Parallel()
	overTCP(t, slow(time.Second, good), func(s *streams) {
		var all sync.WaitGroup
		for i := range 2*maxInFlight + 1 {
			all.Go(func() { s.mustAsk(fmt.Sprintf("n%d.signed.test.", i)) })
		}
		all.Wait()
		s.wantConns(3)
	})
}

// A server may close whenever it likes (RFC 7766 §6.2.4).
func TestConnectionsThatEnd(t *testing.T) {
	t.Parallel()
	t.Run("after each reply", func(t *testing.T) {
		once := func(network string, query *dns.Msg) [][]byte {
			time.Sleep(time.Second)
			return append(good(network, query), nil)
		}
		overTCP(t, once, func(s *streams) {
			var all sync.WaitGroup
			for i := range 5 {
				all.Go(func() { s.mustAsk(fmt.Sprintf("n%d.signed.test.", i)) })
			}
			all.Wait()
		})
	})
	t.Run("in place of a reply, the first time", func(t *testing.T) {
		overTCP(t, named(map[string]behaviour{"b": first(closing, good)}), func(s *streams) {
			s.mustAsk("a.signed.test.")
			s.mustAsk("b.signed.test.")
			s.wantConns(2)
		})
	})
	t.Run("in place of a reply, always", func(t *testing.T) {
		overTCP(t, named(map[string]behaviour{"b": closing}), func(s *streams) {
			s.mustAsk("a.signed.test.")
			if err := s.ask(s.Context(), "b.signed.test."); !errors.Is(err, io.EOF) {
				t.Errorf("got %v", err)
			}
			s.wantConns(2)
			s.mustAsk("c.signed.test.")
		})
	})
	t.Run("while another query is in place", func(t *testing.T) {
		overTCP(t, named(map[string]behaviour{"a": slow(time.Second, good), "b": closing}), func(s *streams) {
			var all sync.WaitGroup
			all.Go(func() { s.mustAsk("a.signed.test.") })
			synctest.Wait()
			s.ask(s.Context(), "b.signed.test.")
			all.Wait()
		})
	})
	t.Run("by what is no reply", func(t *testing.T) {
		for name, change := range map[string]func(packet []byte) []byte{
			"another ID":            func(p []byte) []byte { p[0] ^= 1; return p },
			"another question":      func(p []byte) []byte { p[headerSize+1] = 'x'; return p },
			"no header":             func(p []byte) []byte { return p[:2] },
			"nothing in the packet": func(p []byte) []byte { return p[:0] },
		} {
			forge := func(network string, query *dns.Msg) [][]byte { return [][]byte{change(good(network, query)[0])} }
			overTCP(t, named(map[string]behaviour{"b": forge}), func(s *streams) {
				s.mustAsk("a.signed.test.")
				err := s.ask(s.Context(), "b.signed.test.")
				if !errors.Is(err, errNotReply) {
					t.Errorf("%s: got %v", name, err)
				}
				s.mustAsk("c.signed.test.")
				s.wantConns(3)
			})
		}
	})
}

func TestWaitersLeaveAlone(t *testing.T) {
	t.Parallel()
	serve := named(map[string]behaviour{"a": slow(2*time.Second, good), "b": slow(3*time.Second, good)})
	overTCP(t, serve, func(s *streams) {
		var all sync.WaitGroup
		ctx, cancel := context.WithCancel(s.Context())
		time.AfterFunc(time.Second, cancel)
		all.Go(func() { s.mustAsk("b.signed.test.") })
		if err := s.ask(ctx, "a.signed.test."); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		all.Wait() // the late reply to a does no harm
		s.mustAsk("c.signed.test.")
		s.wantConns(1)
	})
}

func TestConnectionsThatAreSilent(t *testing.T) {
	t.Parallel()
	t.Run("to all", func(t *testing.T) {
		overTCP(t, named(map[string]behaviour{"a": silent}), func(s *streams) {
			if err := s.ask(s.Context(), "a.signed.test."); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			s.mustAsk("b.signed.test.")
			s.wantConns(2)
		})
	})
	t.Run("to one query, while others are answered", func(t *testing.T) {
		overTCP(t, named(map[string]behaviour{"a": silent}), func(s *streams) {
			var all sync.WaitGroup
			all.Go(func() { s.ask(s.Context(), "a.signed.test.") })
			time.Sleep(time.Second)
			s.mustAsk("b.signed.test.")
			all.Wait()
			s.mustAsk("c.signed.test.")
			s.wantConns(1)
		})
	})
}

// What a domain has in its records is no reason to leave the connection, at which others
// wait for their replies (RFC 7766 §6.2).
func TestRepliesThatCannotBeReadFailAlone(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]behaviour{
		"the message ends in a record": cut(good),
		"garbage at the end": func(network string, query *dns.Msg) [][]byte {
			return [][]byte{append(good(network, query)[0], 0)}
		},
		"truncated": but(func(_, reply *dns.Msg) { reply.Truncated = true }),
		"SERVFAIL by a header alone": func(network string, query *dns.Msg) [][]byte {
			return [][]byte{headerAlone(query, dns.RcodeServerFailure)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			overTCP(t, named(map[string]behaviour{"a": slow(time.Second, good), "b": serve}), func(s *streams) {
				var all sync.WaitGroup
				all.Go(func() { s.mustAsk("a.signed.test.") })
				synctest.Wait()
				for range 3 {
					err := s.ask(s.Context(), "b.signed.test.")
					if !isUnusableReply(err) {
						t.Errorf("got %v", err)
					}
				}
				all.Wait()
				s.mustAsk("c.signed.test.")
				s.wantConns(1)
			})
		})
	}
}

func TestNobodyReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ends []net.Conn
		client := &Client{Address: "tcp://192.0.2.1", Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			ends = append(ends, far)
			return near, nil
		}}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if _, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)}); err == nil {
					t.Error("no error")
				}
			})
		}
		all.Wait()
		synctest.Wait()
		for _, far := range ends { // the near ends are closed
			if _, err := far.Read(make([]byte, 1)); err != io.EOF {
				t.Error(err)
			}
		}
	})
}

func TestDialEndsWithItsLastWaiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := &Client{Address: "tcp://192.0.2.1", Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		var all sync.WaitGroup
		all.Go(func() { client.Exchange(ctx, &Query{Msg: question("signed.test.", dns.TypeA)}) })
		start := time.Now()
		_, err := client.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != defaultTimeout {
			t.Errorf("got %v after %s", err, time.Since(start))
		}
		all.Wait()
	}) // fails if the dial goes on
}

// Whatever a server sends, reading ends, and nobody waits on.
func FuzzStream(f *testing.F) {
	query, err := newMessage(question("signed.test.", dns.TypeA))
	if err != nil {
		f.Fatal(err)
	}
	msg := new(dns.Msg)
	if err := msg.Unpack(query.wire); err != nil {
		f.Fatal(err)
	}
	whole := good("tcp", msg)[0]
	frame := append(binary.BigEndian.AppendUint16(nil, uint16(len(whole))), whole...)
	f.Add(frame)
	f.Add(append(frame, frame...))
	f.Add(frame[:20])
	f.Add([]byte{0, 0})
	f.Fuzz(func(t *testing.T, sent []byte) {
		s := &stream{
			out: make(chan []byte, 1), done: make(chan struct{}), onEnd: func(*stream) {}, stop: func() {},
			inFlight: make(map[uint16]chan []byte),
		}
		near, far := net.Pipe()
		far.Close()
		s.conn = near
		at := s.pipeline(query)
		if len(sent) > 4 {
			copy(sent[2:], query.wire[:2])
		}
		r := bytes.NewReader(sent)
		for err := error(nil); err == nil; {
			err = s.read(r)
			s.end(err)
		}
		if reply, err := at.await(t.Context(), query); (reply == nil) == (err == nil) {
			t.Errorf("got %v, %v", reply, err)
		}
	})
}
