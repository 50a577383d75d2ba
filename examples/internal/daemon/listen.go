package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"
)

// ErrNotLocal is the error of [CheckLocal] for the addresses that others may reach.
var ErrNotLocal = errors.New("not a loopback address, and others may reach it")

// CheckLocal returns an error unless an address with a port is of this machine alone. A name
// could change its address, so only addresses count. The port is that of the examples in the
// text.
func CheckLocal(address string, port int) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%q: want an IP address and a port, such as 127.0.0.1:%d or [::1]:%d", address, port, port)
	}
	if !at.Addr().Unmap().IsLoopback() {
		return fmt.Errorf("%s: %w", address, ErrNotLocal)
	}
	return nil
}

// Listen returns a listener for an IP address and a port, or for "unix:" and a path. A
// socket at the path that nobody listens at is replaced.
func Listen(address string, mode fs.FileMode) (net.Listener, error) {
	path, unix := strings.CutPrefix(address, "unix:")
	if !unix {
		return net.Listen("tcp", address)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// removeStale removes a socket that is left of a process that was killed.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return nil // to be created, or for Listen to complain of
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("unix:%s: what is there is not a socket, and is not replaced", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
		return fmt.Errorf("unix:%s: another process listens there", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}
