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
		if _, err := server.Write([]byte("x")); err != io.ErrClosedPipe {
			t.Errorf("write to nobody: %v", err)
		}
	})
}
