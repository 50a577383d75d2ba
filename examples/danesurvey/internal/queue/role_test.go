package queue

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
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
		flag.Parse()
		flag.Set("test.parallel", "6") // they wait for times to pass, and do little
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
		Resolver: &poisoned{Resolver: &dnssec.Resolver{Exchanger: servers, Anchors: anchors}, role: r},
		Hello:    "client.example",
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
