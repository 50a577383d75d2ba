package localfault_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"github.com/danesmtp/danesmtp/internal/localfault"
)

func dialing(errno syscall.Errno) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", errno)}
}

func TestIs(t *testing.T) {
	t.Parallel()
	refused, noRoute, tooMany := dialing(syscall.ECONNREFUSED), dialing(syscall.ENETUNREACH), dialing(syscall.EMFILE)
	for _, tt := range []struct {
		name             string
		err              error
		local, exhausted bool
	}{
		{"no error", nil, false, false},
		{"too many open files", tooMany, true, true},
		{"too many open files in the system", dialing(syscall.ENFILE), true, true},
		{"no buffer space", dialing(syscall.ENOBUFS), true, true},
		{"no memory", dialing(syscall.ENOMEM), true, true},
		{"the caller has given up", fmt.Errorf("lookup: %w", context.Canceled), true, true},
		{"no route", noRoute, true, false},
		{"no such source address", dialing(syscall.EADDRNOTAVAIL), true, false},
		{"no such family", dialing(syscall.EAFNOSUPPORT), true, false},
		{"refused", refused, false, false},
		{"a router says that the host is not there", dialing(syscall.EHOSTUNREACH), false, false},
		{"out of time", context.DeadlineExceeded, false, false},
		{"closed", io.EOF, false, false},
		{"no route to one address, the other refuses", errors.Join(noRoute, refused), false, false},
		{"no route to one address, the other is out of time", errors.Join(noRoute, context.DeadlineExceeded), false, false},
		{"no route to both", errors.Join(noRoute, noRoute), true, false},
		{"no descriptor for one address, the other refuses", errors.Join(tooMany, refused), true, true},
		{"a sentinel and its cause", fmt.Errorf("%w: %w", errors.New("no server"), noRoute), true, false},
	} {
		if got := localfault.Is(tt.err); got != tt.local {
			t.Errorf("%s: local is %t, want %t", tt.name, got, tt.local)
		}
		if got := localfault.IsExhausted(tt.err); got != tt.exhausted {
			t.Errorf("%s: exhausted is %t, want %t", tt.name, got, tt.exhausted)
		}
	}
}

// Loopback has a route everywhere, so that somebody else must have said that there is none.
func TestJudge(t *testing.T) {
	t.Parallel()
	here := netip.MustParseAddrPort("127.0.0.1:9")
	err := localfault.Judge(dialing(syscall.ENETUNREACH), here, netip.Addr{})
	if localfault.Is(err) || !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("%v is local, or has lost its cause", err)
	}
	if err := localfault.Judge(dialing(syscall.ENETUNREACH), here, netip.MustParseAddr("192.0.2.1")); !localfault.Is(err) {
		t.Errorf("from an address that is not there: %v is not local", err)
	}
	if refused := dialing(syscall.ECONNREFUSED); localfault.Judge(refused, here, netip.Addr{}) != refused {
		t.Error("an error that says more has been changed")
	}
}
