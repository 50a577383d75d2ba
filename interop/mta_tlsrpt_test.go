//go:build interop

package interop

import (
	"net"
	"strings"
	"sync"
	"testing"
)

// collectReports plays the collector of tlsrpt-reporter, which Debian does not have. The
// function that is returned gives the datagrams so far, one a line.
func (w *world) collectReports(t *testing.T, socket string) func() string {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Net: "unixgram", Name: socket})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all strings.Builder
	var reader sync.WaitGroup
	reader.Go(func() {
		for buf := make([]byte, 1<<16); ; {
			n, err := conn.Read(buf)
			if err != nil {
				return // closed
			}
			mu.Lock()
			all.Write(append(buf[:n:n], '\n'))
			mu.Unlock()
		}
	})
	t.Cleanup(func() { conn.Close(); reader.Wait() })
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
}
