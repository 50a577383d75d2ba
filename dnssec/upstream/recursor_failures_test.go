package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/miekg/dns"
)

// RFC 9520: a zone without answers is not asked again at once.
func TestFailuresAreRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, internet(map[string]behaviour{"192.0.2.10": silent, "192.0.2.11": silent}))
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		askRecursor(t, r, "mx.example.test. A")
		before := net.queries("mx.example.test.")
		askRecursor(t, r, "mx.example.test. A")
		if n := net.queries("mx.example.test."); n != before {
			t.Errorf("asked again at once: %d more packets", n-before)
		}
	})
}

// A failure of this machine's own is not the zone's, and not remembered.
func TestLocalFailuresAreNotRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := newNet(t, internet(nil))
		starved := false
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if starved {
				return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("socket", syscall.EMFILE)}
			}
			return world.dial(ctx, network, address)
		}}
		askRecursor(t, r, "other.example.test. A")
		starved = true
		if _, got := askRecursor(t, r, "mx.example.test. A"); !strings.Contains(got, syscall.EMFILE.Error()) {
			t.Errorf("without descriptors: %s", got)
		}
		starved = false
		if _, got := askRecursor(t, r, "mx.example.test. A"); got != "NOERROR, 192.0.2.80" {
			t.Errorf("with descriptors again: %s", got)
		}
	})
}

// Nor is it remembered of a name server whose addresses were looked for meanwhile.
func TestLocalFailuresDenyNoNameServers(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]error{
		"no descriptors": &net.OpError{Op: "dial", Net: "udp", Err: os.NewSyscallError("socket", syscall.EMFILE)},
		"not admitted":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := newNet(t, internet(map[string]behaviour{
					"192.0.2.2": delegating("example NS ns.example.org."), "192.0.2.20": authority("example.org.\nns A 192.0.2.10")}))
				lacking := true
				r := &Recursor{Hints: hints("192.0.2.1"), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					if lacking && fault != nil && address == "192.0.2.3:53" {
						return nil, fault
					}
					return world.dial(ctx, network, address)
				}, Admit: func(_ context.Context, server netip.Addr) (func(*Reply, error), error) {
					if lacking && fault == nil && server.String() == "192.0.2.3" {
						return nil, errors.New("too many queries")
					}
					return func(*Reply, error) {}, nil
				}}
				if reply, got := askRecursor(t, r, "mx.example.test. A"); reply != nil {
					t.Errorf("without what it needs: %s", got)
				}
				lacking = false
				if _, got := askRecursor(t, r, "mx.example.test. A"); got != "NOERROR, 192.0.2.80" {
					t.Errorf("with it again: %s", got)
				}
			})
		})
	}
}

// That the other servers do not answer says nothing about the one that was to be avoided.
func TestFailuresWithoutSomeServersAreNotRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, internet(map[string]behaviour{"192.0.2.11": silent}))
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		if reply, got := askRecursor(t, recursor, "mx.example.test. A", "192.0.2.10:53"); reply != nil {
			t.Fatalf("got %s from %s", got, reply.Server)
		}
		if _, got := askRecursor(t, recursor, "mx.example.test. A"); got != "NOERROR, 192.0.2.80" {
			t.Errorf("got %s", got)
		}
	})
}

// Servers that drop one type are good for others.
func TestOneTypeDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		drops := func(network string, query *dns.Msg) [][]byte {
			if query.Question[0].Qtype == dns.TypeTLSA {
				return nil
			}
			return authority(exampleZone)(network, query)
		}
		net := newNet(t, internet(map[string]behaviour{"192.0.2.10": drops, "192.0.2.11": drops}))
		recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		askRecursor(t, recursor, "_25._tcp.mx.example.test. TLSA")
		if _, got := askRecursor(t, recursor, "mx.example.test. A"); got != "NOERROR, 192.0.2.80" {
			t.Errorf("got %s", got)
		}
	})
}
