package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
)

const text = "Subject: test\r\n\r\nHello.\r\n"

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// runMTA runs the program.
func runMTA(ctx context.Context, v *dane.Verifier, stdin string, args ...string) (exit int, stdout string) {
	var out strings.Builder
	p := &program{stdin: strings.NewReader(stdin), stdout: &out, log: quiet(), verifier: v}
	exit = p.run(ctx, args)
	return exit, out.String()
}

// A mailbox is a server that has an opinion about each recipient: go-smtp's.
type mailbox struct {
	refuse func(to string) error

	mu       sync.Mutex
	sessions int
	got      []delivery
}

type delivery struct {
	from string
	to   []string
	text string
}

func (m *mailbox) NewSession(*smtp.Conn) (smtp.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions++
	return &mailSession{mailbox: m}, nil
}

func (m *mailbox) deliveries() []delivery {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.got
}

func (m *mailbox) attempts() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions
}

type mailSession struct {
	mailbox *mailbox
	delivery
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error { s.from = from; return nil }
func (s *mailSession) Reset()                                      { s.delivery = delivery{} }
func (s *mailSession) Logout() error                               { return nil }

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.mailbox.refuse != nil {
		if err := s.mailbox.refuse(to); err != nil {
			return err
		}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.text = string(b)
	s.mailbox.mu.Lock()
	defer s.mailbox.mu.Unlock()
	s.mailbox.got = append(s.mailbox.got, s.delivery)
	return nil
}

// serveAt has mailboxes answer at the first addresses of an Internet, in memory and in clear.
func serveAt(t *testing.T, internet *danetest.Internet, boxes ...*mailbox) *dane.Verifier {
	t.Helper()
	listeners := map[string]*listener{}
	for i, box := range boxes {
		server := smtp.NewServer(box)
		server.Domain = "mailbox.example"
		server.ErrorLog = log.New(io.Discard, "", 0)
		l := &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
		var running sync.WaitGroup
		running.Go(func() { server.Serve(l) })
		t.Cleanup(func() { server.Close(); running.Wait() })
		listeners[fmt.Sprintf("192.0.2.%d:25", i+1)] = l
	}
	v := internet.Verifier()
	dial := v.Dial
	v.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		l := listeners[address]
		if l == nil {
			return dial(ctx, network, address)
		}
		client, server := net.Pipe()
		select {
		case l.conns <- server:
			return client, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return v
}

// A listener gets its connections from a channel.
type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }

var (
	noSuchUser = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	greylisted = &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "greylisted"}
)
