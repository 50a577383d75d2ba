package smtptest

import (
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"
)

func pipe() (net.Conn, net.Conn) {
	return newPipe(netip.MustParseAddrPort("127.0.0.1:49153"), netip.MustParseAddrPort("192.0.2.25:25"))
}

// TestPipeIsANetConn has the checks that all net.Conns have to pass.
func TestPipeIsANetConn(t *testing.T) {
	t.Parallel()
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		c1, c2 = pipe()
		return c1, c2, func() { c1.Close(); c2.Close() }, nil
	})
}

func TestPipeBuffersUpToALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, server := pipe()
		defer client.Close()
		defer server.Close()
		client.SetWriteDeadline(time.Now().Add(time.Minute))
		start := time.Now()
		n, err := client.Write(make([]byte, streamSize+1))
		if n != streamSize || err != os.ErrDeadlineExceeded || time.Since(start) != time.Minute {
			t.Errorf("%d octets written, error %v, after %v", n, err, time.Since(start))
		}
		client.Close()
		if all, err := io.ReadAll(server); len(all) != streamSize || err != nil {
			t.Errorf("%d octets read, error %v", len(all), err)
		}
	})
}

// TestWritesToNobody compares the pipe with TCP on loopback: the first write to an end
// that has been closed is lost without an error, and what is written later fails.
func TestWritesToNobody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		make func(*testing.T) (near, far net.Conn)
	}{
		{"TCP", tcp},
		{"in memory", func(*testing.T) (near, far net.Conn) { return pipe() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			near, far := c.make(t)
			defer near.Close()
			far.Write([]byte("bye"))
			far.Close()
			if all, err := io.ReadAll(near); string(all) != "bye" || err != nil {
				t.Errorf("read %q, error %v", all, err)
			}
			if n, err := near.Write([]byte("first")); n != len("first") || err != nil {
				t.Errorf("first write: %d octets, error %v", n, err)
			}
			if err := writeUntilError(near); err == nil {
				t.Error("no write fails")
			}
			if n, err := near.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Errorf("read after that: %d octets, error %v", n, err)
			}
		})
		t.Run(c.name+", with octets unread", func(t *testing.T) {
			t.Parallel()
			near, far := c.make(t)
			defer near.Close()
			near.Write([]byte("unread"))
			if _, err := io.ReadFull(far, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			far.Close()
			if err := writeUntilError(near); err == nil {
				t.Error("no write fails")
			}
		})
	}
}

func tcp(t *testing.T) (near, far net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if near, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// writeUntilError gives the system some time to hear of the reset.
func writeUntilError(conn net.Conn) error {
	for range 1000 {
		if _, err := conn.Write([]byte("x")); err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}
