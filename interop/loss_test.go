//go:build interop

package interop

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

const (
	lossRate = 0.3 // of the packets, in each direction
	maxDelay = 100 * time.Millisecond
)

// TestLossCostsTime asks named over a path that loses and reorders packets.
func TestLossCostsTime(t *testing.T) {
	path := newLossyPath(t, address(lab.resolvers[1].port))
	// Less patience than by default makes the test shorter, not the path better.
	resolver := newResolver(t, poolOf(&upstream.Client{Address: path.address, Timeout: 2 * time.Second}))
	var all sync.WaitGroup
	for _, l := range lookups {
		all.Go(func() { l.check(t, resolver, 45*time.Second) })
	}
	all.Wait()
	packets, lost := path.statistics()
	t.Logf("%d of %d packets were lost", lost, packets)
	if lost == 0 {
		t.Error("no packet was lost")
	}
}

// A lossyPath leads to a server, over UDP with loss and reordering and over TCP, to
// which the kernel sees, without.
type lossyPath struct {
	address, server string
	udp             net.PacketConn
	tcp             net.Listener
	carriers        sync.WaitGroup

	mu            sync.Mutex
	rand          *rand.Rand
	packets, lost int
}

func newLossyPath(t *testing.T, server string) *lossyPath {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	p := &lossyPath{address: address(port), server: server, rand: rand.New(rand.NewPCG(7672, 30))}
	if p.udp, err = net.ListenPacket("udp", p.address); err != nil {
		t.Fatal(err)
	}
	if p.tcp, err = net.Listen("tcp", p.address); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.carriers.Go(p.carryPackets)
	p.carriers.Go(func() { p.carryStreams(ctx) })
	t.Cleanup(func() {
		cancel()
		p.udp.Close()
		p.tcp.Close()
		p.carriers.Wait()
	})
	return p
}

// carryPackets brings each query to the server, and the reply back.
func (p *lossyPath) carryPackets() {
	for {
		query := make([]byte, 4096)
		n, client, err := p.udp.ReadFrom(query)
		if err != nil {
			return
		}
		p.carriers.Go(func() {
			if !p.arrives() {
				return
			}
			conn, err := net.Dial("udp", p.server)
			if err != nil {
				return
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(2 * time.Second))
			conn.Write(query[:n])
			reply := make([]byte, 4096)
			if n, err := conn.Read(reply); err == nil && p.arrives() {
				p.udp.WriteTo(reply[:n], client)
			}
		})
	}
}

// arrives says whether a packet does, once it has. Some take longer than those that
// are sent after them.
func (p *lossyPath) arrives() bool {
	p.mu.Lock()
	lost := p.rand.Float64() < lossRate
	delay := time.Duration(p.rand.Int64N(int64(maxDelay)))
	p.packets++
	if lost {
		p.lost++
	}
	p.mu.Unlock()
	time.Sleep(delay)
	return !lost
}

func (p *lossyPath) statistics() (packets, lost int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.packets, p.lost
}

// carryStreams joins each connection to one of the server's.
func (p *lossyPath) carryStreams(ctx context.Context) {
	for {
		client, err := p.tcp.Accept()
		if err != nil {
			return
		}
		p.carriers.Go(func() {
			server, err := net.Dial("tcp", p.server)
			if err != nil {
				client.Close()
				return
			}
			// The end of either direction, or of the path, ends both.
			ctx, end := context.WithCancel(ctx)
			defer end()
			context.AfterFunc(ctx, func() { client.Close(); server.Close() })
			p.carriers.Go(func() { defer end(); io.Copy(server, client) })
			io.Copy(client, server)
		})
	}
}
