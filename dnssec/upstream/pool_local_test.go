package upstream

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// A starvedNet is a fakeNet for a process that has no descriptors left, while it lacks them.
type starvedNet struct {
	*fakeNet
	lacking bool
}

func (s *starvedNet) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.lacking {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("socket", syscall.EMFILE)}
	}
	return s.fakeNet.dial(ctx, network, address)
}

// What this machine lacks says nothing about servers: they are in no backoff for it, and are
// probed as soon as that is possible.
func TestPoolBlamesNoServerForThisMachine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := &starvedNet{fakeNet: newNet(t, map[string]behaviour{"192.0.2.1": good, "192.0.2.2": good})}
		pool := &Pool{}
		for _, address := range []string{"192.0.2.1", "192.0.2.2"} {
			pool.Exchangers = append(pool.Exchangers, &Client{Address: address, Dial: world.dial})
		}
		ask := func(name string) (*Reply, error) {
			return pool.Exchange(t.Context(), &Query{Msg: question(name, dns.TypeA)})
		}
		world.lacking = true
		if _, err := ask("host.unsigned.test."); !errors.Is(err, syscall.EMFILE) {
			t.Errorf("without descriptors: %v", err)
		}
		for _, s := range pool.servers {
			if err := pool.backoffReason(s, time.Now()); err != nil {
				t.Errorf("%s is in backoff: %v", s.name, err)
			}
			if c := pool.capability(t.Context(), s, "."); !errors.Is(c.Err, syscall.EMFILE) {
				t.Errorf("a probe without descriptors: %+v", c)
			}
		}
		world.lacking = false
		if got := outcome(ask("host.unsigned.test.")); got != "192.0.2.1:53 udp" {
			t.Errorf("with descriptors again: %s", got)
		}
		closeAll(pool)
	})
}

// A probe finds fault with no server for what could not be sent.
func TestProbeWithoutDescriptors(t *testing.T) {
	t.Parallel()
	for _, enough := range []int{0, 1, 2, 3} { // a probe has four connections
		synctest.Test(t, func(t *testing.T) {
			world := newNet(t, map[string]behaviour{"192.0.2.1": good})
			var mu sync.Mutex
			client := &Client{Address: "192.0.2.1", Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				mu.Lock()
				enough--
				lacking := enough < 0
				mu.Unlock()
				return (&starvedNet{world, lacking}).dial(ctx, network, address)
			}}
			defer client.CloseIdleConnections()
			if c := Probe(t.Context(), client, "."); len(c.Causes)+len(c.Flaws) > 0 {
				t.Errorf("found %s", c)
			}
		})
	}
}

// Nor is it a reason to ask others than the system's servers, which may not know the same names.
func TestAutoKeepsItsServersWithoutDescriptors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := &starvedNet{fakeNet: newNet(t, map[string]behaviour{"192.0.2.100": good, "192.0.2.1": authority(rootZone)})}
		auto := &Auto{Recursor: &Recursor{Hints: hints("192.0.2.1"), Dial: world.dial}, path: resolvConfOf(t, "nameserver 192.0.2.100\n"), dial: world.dial}
		ask := func() string {
			return outcome(auto.Exchange(t.Context(), &Query{Msg: question("host.unsigned.test.", dns.TypeA)}))
		}
		world.lacking = true
		if got := ask(); !strings.Contains(got, syscall.EMFILE.Error()) {
			t.Errorf("without descriptors: %s", got)
		}
		world.lacking = false
		if got := ask(); got != "192.0.2.100:53 udp" {
			t.Errorf("with descriptors again: %s", got)
		}
		if n := world.queries("192.0.2.1 "); n > 0 {
			t.Errorf("%d queries to the root", n)
		}
	})
}
