package queue

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// A world is an Internet that several processes, or several workers of this one, live in.
type world struct {
	*danetest.Internet
	dns, proxy string

	mu     sync.Mutex
	open   map[string]int // connections to addresses
	most   map[string]int // at a time
	dials  atomic.Int64
	linger time.Duration
}

func newWorld(t *testing.T, domains ...danetest.Domain) *world {
	t.Helper()
	w := &world{Internet: danetest.New(t, domains...), open: make(map[string]int), most: make(map[string]int)}
	var err error
	if w.dns, err = w.Listen(); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	w.proxy = listener.Addr().String()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go w.forward(conn)
		}
	}()
	return w
}

// forward connects a process to the address that it names.
func (w *world) forward(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	address, err := in.ReadString('\n')
	if err != nil {
		return
	}
	server, err := w.dial(context.Background(), "tcp", strings.TrimSpace(address))
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		io.Copy(server, in)
		server.Close()
	}()
	io.Copy(conn, server)
}

// dial counts connections.
func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := w.Internet.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dials.Add(1)
	w.open[address]++
	w.most[address] = max(w.most[address], w.open[address])
	time.Sleep(0)
	return &counted{Conn: conn, world: w, address: address}, nil
}

type counted struct {
	net.Conn
	world   *world
	address string
	once    sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() {
		time.Sleep(c.world.linger)
		c.world.mu.Lock()
		defer c.world.mu.Unlock()
		c.world.open[c.address]--
	})
	return c.Conn.Close()
}

// verifier is one in this process, whose connections are counted.
func (w *world) verifier() *dane.Verifier {
	v := w.Internet.Verifier()
	v.Hello, v.Dial = "client.example", w.dial
	return v
}

// states returns state and finding of each domain, as one Checker finds them.
func (w *world) states(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	v := w.Internet.Verifier()
	v.Hello = "client.example"
	for _, d := range w.Domains {
		r := survey.Row{Entry: survey.Entry{Line: 1, Input: d.Name, Domain: d.Name}}
		r.Result, r.Err = (&dane.Checker{Verifier: v}).Verify(t.Context(), d.Name)
		one, err := row.Of(&r, row.Options{})
		if err != nil {
			t.Fatal(err)
		}
		all[d.Name] = one.State + " " + one.Finding
	}
	return all
}
