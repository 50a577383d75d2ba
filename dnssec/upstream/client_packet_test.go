package upstream

import (
	"bytes"
	"errors"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ownSocket returns a socket as a Client without Dial has it, or as one with the Dial of a
// net.Dialer.
func ownSocket(t *testing.T, server string, own bool) *socket {
	t.Helper()
	client := new(Client)
	if !own {
		client.Dial = new(net.Dialer).DialContext
	}
	s, err := client.socket(t.Context(), server, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// silentServer returns a socket that the datagrams of a test come from.
func silentServer(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// What a read gives is the same whether a buffer is there before the datagram or not.
func TestReadPacket(t *testing.T) {
	t.Parallel()
	send := func(octets int) func(*testing.T, *net.UDPConn, *socket) {
		return func(t *testing.T, server *net.UDPConn, s *socket) {
			if _, err := server.WriteTo(bytes.Repeat([]byte{7}, octets), s.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
	}
	const size = 1232
	for name, tt := range map[string]struct {
		before func(*testing.T, *net.UDPConn, *socket)
		size   int
		want   int   // octets
		err    error // or what is in its chain
		text   string
	}{
		"a datagram":                    {before: send(100), size: size, want: 100},
		"an empty one":                  {before: send(0), size: size, want: 0},
		"one as large as was asked for": {before: send(size), size: size, want: size},
		"a larger one":                  {before: send(size + 1), size: size, want: size + 1},
		"one that is larger than the usual buffers":        {before: send(2 * bufferSize), size: size, want: bufferSize},
		"as large as was asked for, and larger than those": {before: send(2 * bufferSize), size: 2 * bufferSize, want: 2 * bufferSize},
		"one that comes later": {before: func(t *testing.T, server *net.UDPConn, s *socket) {
			time.AfterFunc(10*time.Millisecond, func() { send(100)(t, server, s) })
		}, size: size, want: 100},
		"none until the deadline": {before: func(t *testing.T, _ *net.UDPConn, s *socket) {
			s.SetDeadline(time.Now().Add(time.Millisecond))
		}, size: size, err: os.ErrDeadlineExceeded, text: "timeout"},
		"none, and the deadline is over": {before: func(t *testing.T, server *net.UDPConn, s *socket) {
			send(100)(t, server, s)
			s.SetDeadline(time.Unix(1, 0))
		}, size: size, err: os.ErrDeadlineExceeded, text: "timeout"},
		"a closed port": {before: func(t *testing.T, server *net.UDPConn, s *socket) {
			server.Close()
			if _, err := s.Write([]byte{7}); err != nil {
				t.Fatal(err)
			}
		}, size: size, err: syscall.ECONNREFUSED, text: "read udp 127.0.0.1:"},
		"closed while it waits": {before: func(t *testing.T, _ *net.UDPConn, s *socket) {
			time.AfterFunc(10*time.Millisecond, func() { s.Close() })
		}, size: size, err: net.ErrClosed, text: "closed"},
	} {
		for kind, own := range map[string]bool{"own": true, "of Dial": false} {
			t.Run(name+", "+kind, func(t *testing.T) {
				t.Parallel()
				if errors.Is(tt.err, syscall.ECONNREFUSED) && runtime.GOOS == "windows" {
					t.Skip("Windows has another error")
				}
				server := silentServer(t)
				s := ownSocket(t, server.LocalAddr().String(), own)
				s.SetDeadline(time.Now().Add(10 * time.Second))
				tt.before(t, server, s)
				p, err := s.readPacket(tt.size)
				if !errors.Is(err, tt.err) {
					t.Fatalf("got error %v, want %v", err, tt.err)
				}
				if err != nil {
					if !strings.Contains(err.Error(), tt.text) || isTimeout(err) != (tt.text == "timeout") {
						t.Errorf("the error is %q (a timeout: %t), want one with %q", err, isTimeout(err), tt.text)
					}
					return
				}
				if diff := cmp.Diff(bytes.Repeat([]byte{7}, tt.want), p.octets); diff != "" {
					t.Errorf("octets: %s", diff)
				}
				p.release()
			})
		}
	}
}

// heapInUse is what is alive in the heap.
func heapInUse() int {
	runtime.GC()
	runtime.GC() // what pools have after the first one goes with the second
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// waiting is how many goroutines wait for a datagram.
func waiting() (n int) {
	stacks := make([]byte, 4<<20)
	for stack := range bytes.SplitSeq(stacks[:runtime.Stack(stacks, true)], []byte("\n\n")) {
		if bytes.Contains(stack, []byte("[IO wait")) && bytes.Contains(stack, []byte("(*socket).readPacket(")) {
			n++
		}
	}
	return n
}

// Hundreds of queries wait at the same time, and a buffer is many times what they take otherwise.
func TestQueriesWaitWithoutBuffers(t *testing.T) {
	if !waitsWithoutBuffer {
		t.Skip("not on this system")
	}
	const n = 200
	server := silentServer(t).LocalAddr().String()
	var all []*socket
	for range n {
		all = append(all, ownSocket(t, server, true))
	}
	before := heapInUse()
	var reading sync.WaitGroup
	for _, s := range all {
		reading.Go(func() { s.readPacket(1232) })
	}
	for waiting() < n {
		runtime.Gosched()
	}
	if took := heapInUse() - before; took > n*bufferSize/2 {
		t.Errorf("%d queries that wait take %d octets each, want less than half of a buffer", n, took/n)
	}
	for _, s := range all {
		s.Close()
	}
	reading.Wait()
}
