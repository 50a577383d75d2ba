// Package localfault tells errors that this machine is to blame for from those that say
// something about a server: it has too few descriptors or buffers, no route, no address of
// the family, or its caller has given up. What such an error ended has no result.
package localfault

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// Is reports whether an error is a lack of this machine. Where several errors are joined,
// as of several addresses, one that shows that nothing could be tried suffices; the want of
// a route counts only if no other attempt got any further.
func Is(err error) bool {
	kind := kindOf(err)
	return kind == exhausted || kind == noRoute
}

// IsExhausted reports whether an error says that anything would have failed at that moment:
// no descriptor, no buffer, or the caller has given up.
func IsExhausted(err error) bool { return kindOf(err) == exhausted }

type kind uint8

const (
	unknown   kind = iota // it says nothing, as the wrapper's own words
	noRoute               // this machine cannot reach that address
	elsewhere             // the network or a server
	exhausted             // nothing could have been tried
)

// kindOf looks at the causes of an error.
func kindOf(err error) kind {
	switch e := err.(type) {
	case nil:
		return unknown
	case *Judged:
		if e.local {
			return noRoute
		}
		return elsewhere
	case syscall.Errno:
		return kindOfErrno(e)
	case interface{ Unwrap() []error }:
		worst := unknown
		for _, part := range e.Unwrap() {
			worst = max(worst, kindOf(part))
		}
		return worst
	case interface{ Unwrap() error }:
		if cause := e.Unwrap(); cause != nil {
			return kindOf(cause)
		}
		return elsewhere
	case net.Error: // of time, as context.DeadlineExceeded
		return elsewhere
	}
	if err == context.Canceled {
		return exhausted
	}
	return unknown
}

func kindOfErrno(errno syscall.Errno) kind {
	switch errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM:
		return exhausted
	case syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT:
		return noRoute
	}
	return elsewhere
}

// A Judged is an error of which it is known whether this machine has a route to the
// address: a router on the way may have said the same.
type Judged struct {
	err   error
	local bool
}

func (e *Judged) Error() string { return e.err.Error() }

// Unwrap returns the error as it came.
func (e *Judged) Unwrap() error { return e.err }

// Judge finds out, for the error of a connection, whether the want of a route is this
// machine's. It asks the system, and sends nothing. Other errors come back as they are.
func Judge(err error, addr netip.AddrPort, local netip.Addr) error {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok || errno != syscall.ENETUNREACH && errno != syscall.EHOSTUNREACH || !addr.IsValid() {
		return err
	}
	// A socket for UDP that is given an address to talk to has a route looked up for it.
	dialer := net.Dialer{}
	if local.IsValid() {
		dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	conn, failure := dialer.Dial("udp", addr.String())
	if failure == nil {
		conn.Close()
	}
	return &Judged{err, failure != nil}
}
