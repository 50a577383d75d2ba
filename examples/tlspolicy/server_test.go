package main

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// TestBadInput: each is answered or closed as it deserves, is in the log, and keeps nobody else
// from an answer.
func TestBadInput(t *testing.T) {
	p := start(t, resolverFlags(t, dnssectest.New(t, zones()...))...)
	for _, tt := range []struct {
		why, send string
		want      string // the reply; empty: the connection is closed
		log       []string
	}{
		{"a line of HTTP", "GET / HTTP/1.1\r\n\r\n", "", []string{"connection closed", "not a netstring"}},
		{"no comma", "8:dane all;", "", []string{"connection closed", "comma"}},
		{"a length without end", strings.Repeat("1", 100), "", []string{"connection closed", "length"}},
		{"a key of 64 kB", netstring("dane " + strings.Repeat("x", 64<<10)), "PERM the key is too long: 65541 octets, the limit is 1024", []string{"request refused", "too long"}},
		{"a key of a megabyte", netstring("dane " + strings.Repeat("x", 1<<20)), "", []string{"connection closed", "length"}},
		{"no table", netstring("all"), "PERM the request is not the name of a table, a space and a key", []string{"request refused"}},
		{"octets that are no text", netstring("dane \x00\xff\n"), "NOTFOUND ", nil},
		{"nothing", netstring("dane "), "NOTFOUND ", nil},
	} {
		t.Run(tt.why, func(t *testing.T) {
			c := dial(t, "tcp", p.addresses[0])
			go io.WriteString(c.conn, tt.send) // it may not all be read
			if tt.want == "" {
				if !c.closed() {
					t.Error("the connection is not closed")
				}
			} else {
				if got := c.receive(); got != tt.want {
					t.Errorf("%q, want %q", got, tt.want)
				}
				if got := c.ask("all"); got != "OK dane-only" {
					t.Errorf("the next key on the connection: %q", got)
				}
			}
			if tt.log != nil {
				p.log.says(t, append(tt.log, "level=WARN")...)
			}
			if got := dial(t, "tcp", p.addresses[0]).ask("all"); got != "OK dane-only" {
				t.Errorf("another connection: %q", got)
			}
		})
	}
}

// TestPieces: a request may come in pieces, and several at once.
func TestPieces(t *testing.T) {
	p := start(t, resolverFlags(t, dnssectest.New(t, zones()...))...)
	c := dial(t, "tcp", p.addresses[0])
	for _, piece := range strings.Split(netstring("dane all"), "") {
		c.send(piece)
		time.Sleep(time.Millisecond)
	}
	if got := c.receive(); got != "OK dane-only" {
		t.Errorf("%q", got)
	}
	c.send(netstring("dane all") + netstring("dane half") + netstring("dane .all"))
	for _, want := range []string{"OK dane-only", "OK dane", "NOTFOUND "} {
		if got := c.receive(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	// A client that says no more, and still listens.
	c.send(netstring("dane half"))
	c.conn.(*net.TCPConn).CloseWrite()
	if got := c.receive(); got != "OK dane" {
		t.Errorf("half-open: %q", got)
	}
	if !c.closed() {
		t.Error("the connection stays")
	}
}

// TestBadInputFloods: whoever sends nonsense as fast as it goes does not fill the log.
func TestBadInputFloods(t *testing.T) {
	p := start(t, resolverFlags(t, dnssectest.New(t, zones()...))...)
	c := dial(t, "tcp", p.addresses[0])
	for range 5000 {
		c.send(netstring("all"))
		if got := c.receive(); !strings.HasPrefix(got, "PERM ") {
			t.Fatalf("%q", got)
		}
	}
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	if lines := strings.Count(p.log.text.String(), "request refused"); lines < 20 || lines > 100 {
		t.Errorf("5000 requests are refused in %d lines", lines)
	}
}

// TestTimes: a request that does not go on is given up, and a connection without any later.
func TestTimes(t *testing.T) {
	for send, want := range map[string]time.Duration{"": idleTimeout, "8:da": requestTimeout, netstring("dane .all") + "3": requestTimeout} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			s := &server{service: &service{log: quiet(), metrics: new(metrics)}, log: quiet()}
			start := time.Now()
			go func() {
				io.WriteString(ours, send)
				io.Copy(io.Discard, ours)
			}()
			s.converse(t.Context(), theirs)
			if got := time.Since(start); got != want {
				t.Errorf("%q: given up after %s, want %s", send, got, want)
			}
			ours.Close()
		})
	}
}

// TestIdleConnections: a thousand of them, and one more, leave room for who has a question.
func TestIdleConnections(t *testing.T) {
	p := start(t, resolverFlags(t, dnssectest.New(t, zones()...))...)
	busy := dial(t, "tcp", p.addresses[0])
	for i := range defaultConnections + 100 {
		if i%50 == 0 { // it has something to say now and then
			if got := busy.ask("all"); got != "OK dane-only" {
				t.Fatalf("after %d: %q", i, got)
			}
		}
		conn, err := net.Dial("tcp", p.addresses[0])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	if got := dial(t, "tcp", p.addresses[0]).ask("half"); got != "OK dane" {
		t.Errorf("a new one: %q", got)
	}
	if got := busy.ask("half"); got != "OK dane" {
		t.Errorf("the busy one: %q", got)
	}
	p.log.says(t, "too many connections")
}

// endsWhile is a connection on which a request comes while the server is told to end.
type endsWhile struct {
	net.Conn
	end func()
}

func (c *endsWhile) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.end()
	}
	return n, err
}

// TestEndsAtOnce: a request that comes when the server ends is answered, and no other one is waited
// for.
func TestEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		s := &server{service: &service{log: quiet(), metrics: new(metrics)}, log: quiet()}
		start := time.Now()
		stopped := make(chan struct{})
		conn := &endsWhile{theirs, func() {
			go func() {
				s.stop(t.Context())
				close(stopped)
			}()
			synctest.Wait()
		}}
		s.enter(conn)
		go func() {
			defer s.leave(conn)
			s.converse(t.Context(), conn)
		}()
		io.WriteString(ours, netstring("dane .all"))
		if got, err := readNetstring(bufio.NewReader(ours)); err != nil || got != "NOTFOUND " {
			t.Errorf("%q, %v", got, err)
		}
		<-stopped
		if took := time.Since(start); took > 0 {
			t.Errorf("the end took %s", took)
		}
	})
}

// TestEnds: what was asked before the end is answered.
func TestEnds(t *testing.T) {
	world := dnssectest.New(t, zones()...)
	p := start(t, resolverFlags(t, world)...)
	c := dial(t, "tcp", p.addresses[0])
	idle := dial(t, "tcp", p.addresses[0])
	c.send(netstring("dane all"))
	for len(world.Questions()) == 0 {
		time.Sleep(time.Millisecond)
	}
	if code := p.end(); code != exitOK {
		t.Errorf("exit status %d", code)
	}
	if got := c.receive(); got != "OK dane-only" {
		t.Errorf("%q", got)
	}
	if !c.closed() || !idle.closed() {
		t.Error("a connection stays")
	}
}
