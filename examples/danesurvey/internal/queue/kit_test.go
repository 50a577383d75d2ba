package queue

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/work"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// A role is what a process of this test binary is, besides the test.
type role struct {
	Serve, Work  bool
	Try          bool   // connect once, for who works
	Dir, Listen  string // of who serves
	URL          string // of who works
	DNS, Proxy   string
	Anchors      []string
	Poison       string // a host whose name ends who asks DNS for it
	PoisonJudge  string // a host whose certificate ends who judges it
	PoisonAddr   string // an address that ends who connects to it
	Vantage      string
	Slow         time.Duration
	Parallel     int
	LeaseAckWait [2]time.Duration
}

const roleVariable = "DANESURVEY_TEST_ROLE"

func TestMain(m *testing.M) {
	text := os.Getenv(roleVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var r role
	err := json.Unmarshal([]byte(text), &r)
	if err == nil {
		err = r.run(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (r *role) run(ctx context.Context) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if r.Serve {
		return serveFolder(ctx, r, log)
	}
	v, err := r.verifier()
	if err != nil {
		return err
	}
	if r.Try {
		return Try(ctx, smtpprobe.Prober{Dial: v.Dial}, os.Stdin, os.Stdout)
	}
	w := newWorker(r.URL, r.Vantage, &dane.Checker{Verifier: v})
	w.Try = r.try
	w.ackWait, w.quiet, w.Log = r.LeaseAckWait[1], 2*time.Second, log
	w.Survey.Parallel = r.Parallel
	return w.Run(ctx)
}

// try has a process of its own connect.
func (r role) try(ctx context.Context, question []byte) ([]byte, error) {
	r.Work, r.Try = false, true
	text, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+string(text))
	cmd.Stdin = bytes.NewReader(question)
	return cmd.Output()
}

// serveFolder serves a survey that is in a folder, or is made there of its list.
func serveFolder(ctx context.Context, r *role, log *slog.Logger) error {
	st, err := store.Open(r.Dir)
	if err != nil {
		st, err = store.Create(r.Dir, func() (store.About, error) {
			file, err := os.Open(r.Dir + ".list")
			if err != nil {
				return store.About{}, err
			}
			defer file.Close()
			about := store.About{Created: time.Now()}
			about.List, err = work.CopyList(ctx, r.Dir, "test", file, "")
			return about, err
		})
	}
	if err != nil {
		return err
	}
	defer st.Close()
	e := &Embedded{Listen: r.Listen, Dir: filepath.Join(r.Dir, "queue"), MaxBytes: DefaultMaxBytes, Name: "test", Log: log}
	nats, conn, err := e.Start()
	if err != nil {
		return err
	}
	defer nats.Shutdown()
	defer conn.Close()
	s := newServer(conn, st, r.Dir)
	s.lease, s.ackWait, s.Log = r.LeaseAckWait[0], r.LeaseAckWait[1], log
	if r.Vantage != "" {
		s.Vantages = []string{r.Vantage}
	}
	return s.Run(ctx)
}

// testLog shows what goes on where tests are verbose.
func testLog() *slog.Logger {
	if flag.Parsed() && testing.Verbose() {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.DiscardHandler)
}

func newServer(conn *nats.Conn, st *store.Store, dir string) *Server {
	return &Server{
		Conn: conn, Name: "test", Store: st, Entries: st.About().List.Entries, lease: time.Second, ackWait: 2 * time.Second, Log: testLog(),
		List: func() (survey.Source, func() error, error) {
			list, err := work.OpenList(dir, st.About().List, "")
			if err != nil {
				return nil, nil, err
			}
			return list, list.Close, nil
		},
	}
}

func newWorker(url, vantage string, checker *dane.Checker) *Worker {
	no := survey.Limit{Connections: -1, PerSecond: -1}
	return &Worker{
		URL: url, Name: "test", Row: row.Options{Vantage: vantage}, ackWait: 2 * time.Second, Log: testLog(),
		Survey: &survey.Survey{
			Checker: checker, Parallel: 8, Limits: survey.Limits{Address: no, Network: no, Provider: no, DNS: no, Pause: -1},
		},
	}
}

// verifier is one in the Internet of the test, which is in another process.
func (r *role) verifier() (*dane.Verifier, error) {
	servers, err := upstream.Servers(r.DNS)
	if err != nil {
		return nil, err
	}
	anchors, err := anchor.Parse(strings.NewReader(strings.Join(r.Anchors, "\n")), "test")
	if err != nil {
		return nil, err
	}
	return &dane.Verifier{
		TLS: &tls.Config{VerifyConnection: func(state tls.ConnectionState) error {
			if r.PoisonJudge != "" && state.ServerName == r.PoisonJudge {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
			return nil
		}},
		Resolver: &poisoned{Resolver: &dnssec.Resolver{Exchanger: servers, Anchors: anchors}, role: r}, Hello: "client.example",
		AllowAll: true, AttemptTimeout: 5 * time.Second,
		Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
			if r.PoisonAddr != "" && strings.HasPrefix(address, r.PoisonAddr+":") {
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
			time.Sleep(r.Slow)
			conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.Proxy)
			if err == nil {
				_, err = fmt.Fprintln(conn, address)
			}
			return conn, err
		},
	}, nil
}

// A poisoned resolver ends the process.
type poisoned struct {
	*dnssec.Resolver
	role *role
}

func (p *poisoned) Lookup(ctx context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	if p.role.Poison != "" && strings.TrimSuffix(name, ".") == p.role.Poison {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return p.Resolver.Lookup(ctx, name, qtype)
}

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

// A survey in a folder, of a list that has the domains of a world in turn.
type folder struct {
	dir   string
	lines []string
}

func newFolder(t *testing.T, w *world, lines int) *folder {
	t.Helper()
	f := &folder{dir: filepath.Join(t.TempDir(), "survey")}
	for i := range lines {
		f.lines = append(f.lines, w.Domains[i%len(w.Domains)].Name)
	}
	f.write(t)
	return f
}

// write writes the list, for who makes the store of it.
func (f *folder) write(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(f.dir+".list", []byte(strings.Join(f.lines, "\n")+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
}

// create makes the store.
func (f *folder) create(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Create(f.dir, func() (about store.About, err error) {
		about.List, err = work.CopyList(t.Context(), f.dir, "test", strings.NewReader(strings.Join(f.lines, "\n")+"\n"), "")
		return about, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// check fails unless there is exactly one row a line from each vantage point, with the right verdict.
func checkRows(t *testing.T, st *store.Store, f *folder, states map[string]string, vantages ...string) {
	t.Helper()
	seen := make(map[string]int)
	for r, err := range st.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		seen[fmt.Sprint(r.Vantage, " ", r.Line)]++
		if r.Line > len(f.lines) || r.Input != f.lines[r.Line-1] {
			t.Fatalf("line %d is %q", r.Line, r.Input)
		}
		if got := r.State + " " + r.Finding; got != states[r.Input] {
			t.Errorf("%s, line %d: %s, want %s\n%.600s", r.Input, r.Line, got, states[r.Input], r.Text)
		}
	}
	wrong := 0
	for _, v := range vantages {
		for line := range f.lines {
			if n := seen[fmt.Sprint(v, " ", line+1)]; n != 1 {
				if wrong++; wrong < 10 {
					t.Errorf("vantage %q, line %d: %d rows", v, line+1, n)
				}
			}
		}
	}
	if len(seen) != len(vantages)*len(f.lines) {
		t.Errorf("%d lines with rows, want %d", len(seen), len(vantages)*len(f.lines))
	}
}

// embed starts a NATS server.
func embed(t *testing.T, e *Embedded) (*server.Server, *nats.Conn) {
	t.Helper()
	e.Dir, e.MaxBytes, e.Name = t.TempDir(), DefaultMaxBytes, "test"
	if e.Listen == "" {
		e.Listen = "127.0.0.1:0"
	}
	s, conn, err := e.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	t.Cleanup(conn.Close)
	return s, conn
}

// start runs this binary in another role, in a process of its own.
func (r role) start(t *testing.T) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"="+string(text))
	if testing.Verbose() {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String()).String()
}
