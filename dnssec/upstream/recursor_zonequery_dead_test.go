package upstream

import (
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/miekg/dns"
)

// closedPort is a connection whose peer has no such port. ICMP says so after the first packet; UDP
// connects all the same.
type closedPort struct{ net.Conn }

func (c closedPort) Read([]byte) (int, error) {
	return 0, &net.OpError{Op: "read", Net: "udp", Err: syscall.ECONNREFUSED}
}

func (c closedPort) Write(b []byte) (int, error) { return len(b), nil }

// Servers that give no reply to a minimised question, whether they are silent or not, leave the whole
// question to the others. That they gave none does not count for the same question in its own right.
func TestMinimisedQuestionsToDeadServers(t *testing.T) {
	t.Parallel()
	const dead = 4
	truncating := func(network string, query *dns.Msg) [][]byte {
		if network == "tcp" {
			return [][]byte{nil} // closes
		}
		return serveReply(func(r *dns.Msg) { r.Truncated = true })(network, query)
	}
	for _, tt := range []struct {
		name   string
		closed string // the prefix of addresses whose UDP port is closed
		serve  behaviour
	}{
		{"they are silent", "none", silent},
		{"their port is closed", "198.51.100.", silent},
		{"they truncate, and close TCP", "none", truncating},
		{"they send what cannot be read", "none", cut(authority(exampleZone))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for range 5 { // equal servers are asked in any order
					changes := map[string]behaviour{"192.0.2.10": authority(exampleZone)}
					lines := append(nameServersOf(dead+1, "ns%d.example"), fmt.Sprintf("ns%d.example A 192.0.2.10", dead))
					for i := range dead {
						address := fmt.Sprintf("198.51.100.%d", 1+i)
						lines = append(lines, fmt.Sprintf("ns%d.example A %s", i, address))
						changes[address] = tt.serve
					}
					changes["192.0.2.2"] = delegating(lines...)
					net := newNet(t, internet(changes))
					recursor := &Recursor{Hints: hints("192.0.2.1"), Dial: closedPorts(net.dial, tt.closed)}
					if _, got := askRecursor(t, recursor, "_25._tcp.mx.example.test. TLSA"); got != "NOERROR, 3 1 1 00" {
						t.Errorf("got %s", got)
					}
					if _, got := askRecursor(t, recursor, "mx.example.test. A"); got != "NOERROR, 192.0.2.80" {
						t.Errorf("got %s", got)
					}
				}
			})
		})
	}
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// closedPorts makes the UDP port closed wherever the address begins so.
func closedPorts(dial dialFunc, prefix string) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err == nil && network == "udp" && strings.HasPrefix(address, prefix) {
			conn = closedPort{conn}
		}
		return conn, err
	}
}
