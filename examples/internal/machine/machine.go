// Package machine has what our programs that go through lists of domains ask of the machine that
// they run on.
package machine

import (
	"fmt"
	"io"
	"net"
	"net/netip"
)

// descriptorsEach is what a domain may have open at a time. Its hosts and addresses are worked on
// eight at a time, each with a connection to a mail server, or with a lookup that asks several DNS
// servers.
const descriptorsEach = 24

// Fit lowers the number of domains at a time to what the system allows this process to have open,
// beside what is kept for all of them, and says so: without descriptors nothing can be found out.
func Fit(program string, concurrency, kept int, stderr io.Writer) int {
	limit, known := descriptorLimit()
	if !known {
		return concurrency
	}
	fit := max(1, (limit-kept)/descriptorsEach)
	if fit >= concurrency {
		return concurrency
	}
	fmt.Fprintf(stderr, "%s: -concurrency is lowered from %d to %d, since this process may have %d files open (ulimit -n)\n",
		program, concurrency, fit, limit)
	return fit
}

// SourceAddr returns the address of -local that connections come from; the zero one if there is no
// text. Binding tells at once whether it is one of this machine's.
func SourceAddr(text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("-local: %w", err)
	}
	listener, err := net.Listen("tcp", netip.AddrPortFrom(addr, 0).String())
	if err != nil {
		return netip.Addr{}, fmt.Errorf("-local: %w", err)
	}
	return addr, listener.Close()
}
