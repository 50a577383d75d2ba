package upstream

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// An answeredConn is a connection that the server closes after its first reply, as it looks
// where the next query is written before that reply is read.
type answeredConn struct {
	net.Conn
	first   []byte        // what was written before
	refused chan struct{} // closed when a further query was
	reply   io.Reader
}

func (c *answeredConn) Write(b []byte) (int, error) {
	if c.first == nil {
		c.first = append(c.first, b...)
		return len(b), nil
	}
	select {
	case <-c.refused:
	default:
		close(c.refused)
	}
	return 0, &net.OpError{Op: "write", Net: "tcp", Err: syscall.EPIPE}
}

func (c *answeredConn) Read(b []byte) (int, error) {
	<-c.refused
	time.Sleep(readTime)
	if c.reply == nil {
		query := new(dns.Msg)
		if err := query.Unpack(c.first[2:]); err != nil {
			return 0, err
		}
		packet := good("tcp", query)[0]
		c.reply = bytes.NewReader(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...))
	}
	return c.reply.Read(b)
}

func (*answeredConn) SetDeadline(time.Time) error      { return nil }
func (*answeredConn) SetReadDeadline(time.Time) error  { return nil }
func (*answeredConn) SetWriteDeadline(time.Time) error { return nil }
func (*answeredConn) Close() error                     { return nil }

// A reply that has come counts, even if the server has closed the connection meanwhile, and the
// next query over it failed.
func TestRepliesBeforeTheEndAreRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := newNet(t, map[string]behaviour{"192.0.2.1": good})
		var dials atomic.Int32
		client := &Client{Address: "tcp://192.0.2.1", Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials.Add(1) == 1 {
				return &answeredConn{refused: make(chan struct{})}, nil
			}
			return world.dial(ctx, network, address)
		}}
		defer client.CloseIdleConnections()
		var both sync.WaitGroup
		for _, name := range []string{"first.signed.test.", "second.signed.test."} {
			both.Go(func() {
				reply, err := client.Exchange(t.Context(), &Query{Msg: question(name, dns.TypeA)})
				wantAnswer(t, reply, err, "tcp://192.0.2.1:53 tcp")
			})
			synctest.Wait()
		}
		both.Wait()
		if n := world.queries("first."); n > 0 {
			t.Error("the query that was answered was sent again")
		}
		if n := world.queries("second."); n != 1 {
			t.Errorf("the other one was sent %d times over another connection", n)
		}
	})
}
