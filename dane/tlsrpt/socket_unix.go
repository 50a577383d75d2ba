//go:build unix

package tlsrpt

import (
	"net"
	"syscall"
)

// write sends a datagram to a socket, or fails at once if that is absent or full. A socket of
// our own for each needs no owner, and does not mind when the collector is restarted.
func write(socket string, payload []byte) error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Net: "unixgram", Name: socket})
	if err != nil {
		return err
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	// Conn.Write would wait for room.
	var refused error
	err = raw.Write(func(fd uintptr) bool {
		_, refused = syscall.Write(int(fd), payload)
		return true
	})
	if err != nil {
		return err
	}
	return refused
}
