//go:build interop

package interop

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// TestRecursor follows the referrals from the root, each to another host, and comes
// to the statuses of the table.
func TestRecursor(t *testing.T) {
	network := newNetwork(t)
	resolver := newResolver(t, &upstream.Recursor{
		Hints: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr(rootServer), 53)},
		Dial:  network.Dial,
	})
	for _, d := range domains {
		for q, want := range d.questions() {
			t.Run(q.String(), func(t *testing.T) {
				answer, err := resolver.Lookup(t.Context(), q.name, dns.StringToType[q.qtype])
				if answer == nil {
					t.Fatal(err)
				}
				if got := answer.Status.String(); got != want {
					t.Errorf("%s: %s is %s, want %s: %v", d.why, q, got, want, err)
				}
			})
		}
	}
}

// A namespace is one of our own, where addresses and ports are not those of the
// machine. It is nameless, so it is gone with the programs in it.
type namespace struct {
	work chan func() // done within it
	id   int         // of the thread that is in it
}

// newNamespace makes one of the kinds in flags. It skips the test where namespaces
// are not permitted.
func newNamespace(t *testing.T, flags int) *namespace {
	t.Helper()
	n := &namespace{work: make(chan func())}
	entered := make(chan error)
	go func() {
		// A namespace is that of a thread, which is kept from other goroutines, and
		// from ending before the process: daemons end with the thread that started
		// them (see startDaemon), and it may have started any.
		runtime.LockOSThread()
		n.id = syscall.Gettid()
		entered <- syscall.Unshare(flags)
		for f := range n.work {
			f()
		}
	}()
	if err := <-entered; err != nil {
		t.Skipf("namespaces are not permitted: %v", err)
	}
	return n
}

// A network is an Ethernet of network namespaces: one for each name server, where it
// has port 53 of an address that is not loopback, and one for us.
type network struct{ *namespace }

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{newNamespace(t, syscall.CLONE_NEWNET)}
	lab.stopAfter(t)
	var err error
	n.do(func() {
		for _, argv := range []string{
			"ip link add switch type bridge",
			"ip address add 10.53.0.254/24 dev switch",
			"ip link set switch up",
		} {
			if _, err = command(lab.dir, strings.Fields(argv)...); err != nil {
				return
			}
		}
		for _, s := range []struct {
			name, address string
			zones         []string
		}{
			{"root", rootServer, []string{"."}},
			{"tld", tldServer, topLevel},
			{"leaf", leafServer, domainNames()},
		} {
			if err = n.startNamed(s.name, s.address, s.zones); err != nil {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// plugIn makes a network namespace with a network card, whose other end goes into
// the switch, and runs a program there.
const plugIn = `set -e
name=$1 address=$2 switch=$3
shift 3
ip link add eth0 type veth peer name "$name" netns "$switch"
nsenter --net="/proc/$switch/ns/net" ip link set "$name" master switch up
ip address add "$address/24" dev eth0
ip link set eth0 up
exec "$@"
`

func (n *network) startNamed(name, address string, zones []string) error {
	conf := fmt.Sprintf(namedOptions, 53, fmt.Sprintf("listen-on { %s; }; recursion no; dnssec-validation no;", address))
	for _, zone := range zones {
		conf += lab.zoneStatement(zone)
	}
	return lab.startNamed("netns-"+name, conf, answers(net.JoinHostPort(address, "53"), zones[0], dns.TypeSOA),
		"unshare", "--net", "sh", "-c", plugIn, "sh", name, address, fmt.Sprint(n.id))
}

func (n *namespace) do(f func()) {
	done := make(chan struct{})
	n.work <- func() { defer close(done); f() }
	<-done
}

// Dial is for upstream.Client. A connection stays in the namespace where it began.
func (n *namespace) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	n.do(func() { conn, err = new(net.Dialer).DialContext(ctx, network, address) })
	return conn, err
}
