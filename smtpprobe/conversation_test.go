package smtpprobe_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// TestNothingAfterTheHandshakeIsAnError: the question was answered. What goes wrong
// is recorded.
func TestNothingAfterTheHandshakeIsAnError(t *testing.T) {
	t.Parallel()
	const minutes = 5 * time.Minute
	for _, test := range []struct {
		name  string
		setUp func(*smtptest.Server)
		stage smtpprobe.Stage
		is    error
		code  int
		took  time.Duration
		quits bool
	}{
		{name: "EHLO is refused", setUp: fault(smtptest.AtHelloTLS, smtptest.Permanent), stage: smtpprobe.StageHelloTLS, code: 554, quits: true},
		{name: "EHLO is not answered", setUp: fault(smtptest.AtHelloTLS, smtptest.Hang), stage: smtpprobe.StageHelloTLS, is: os.ErrDeadlineExceeded, took: minutes},
		{name: "the connection ends", setUp: fault(smtptest.AtHelloTLS, smtptest.Close), stage: smtpprobe.StageHelloTLS, is: io.ErrUnexpectedEOF},
		{name: "the reply has no end", setUp: fault(smtptest.AtHelloTLS, smtptest.Endless), stage: smtpprobe.StageHelloTLS, is: smtpprobe.ErrReply},
		{name: "QUIT is refused", setUp: fault(smtptest.AtQuit, smtptest.Temporary), stage: smtpprobe.StageQuit, code: 454},
		{name: "QUIT is not answered", setUp: fault(smtptest.AtQuit, smtptest.Hang), stage: smtpprobe.StageQuit, is: os.ErrDeadlineExceeded, took: 5 * time.Second},
		{name: "the connection ends at QUIT", setUp: fault(smtptest.AtQuit, smtptest.Close), stage: smtpprobe.StageQuit, is: io.ErrUnexpectedEOF},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := smtptest.NewUnstartedServer()
				defer server.Close()
				test.setUp(server)
				start := time.Now()
				result, err := proberOf(server).Probe(t.Context(), address, server.ClientTLS())
				if err != nil || result.TLS == nil || !result.TLS.HandshakeComplete {
					t.Fatalf("error %v, TLS %+v", err, result.TLS)
				}
				late, ok := errors.AsType[*smtpprobe.Error](result.Late)
				if !ok || late.Stage != test.stage || test.is != nil && !errors.Is(late, test.is) {
					t.Errorf("late error %v, want %v at %v", result.Late, test.is, test.stage)
				}
				if test.code != 0 && (late.Reply == nil || late.Reply.Code != test.code) {
					t.Errorf("late error %v, want the code %d", late, test.code)
				}
				if quit := result.Quit.Code == 221; quit != test.quits {
					t.Errorf("QUIT said: %t, want %t", quit, test.quits)
				}
				if took := time.Since(start); took != test.took {
					t.Errorf("it took %v, want %v", took, test.took)
				}
			})
		})
	}
}

// TestClosedWhileWeSpeak: what a server has said before it closed counts, even if the
// command could not be sent any more.
func TestClosedWhileWeSpeak(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, said string
		code       int
		is         error
	}{
		{"with 421", "421 4.7.0 Too many connections\r\n", 421, nil},
		{"with something that it must not say", "250 OK\r\n", 0, syscall.EPIPE},
		{"without a word", "", 0, syscall.EPIPE},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			prober := smtpprobe.Prober{Dial: func(context.Context, string, string) (net.Conn, error) {
				return &deafConn{parts: []string{"220 mail.example ESMTP\r\n", test.said}}, nil
			}}
			_, err := prober.Probe(t.Context(), address, nil)
			e, ok := errors.AsType[*smtpprobe.Error](err)
			if !ok || e.Stage != smtpprobe.StageHello || test.is != nil && !errors.Is(err, test.is) {
				t.Fatalf("error %v", err)
			}
			if test.code != 0 && (e.Reply == nil || e.Reply.Code != test.code || e.Reply.EnhancedCode() != "4.7.0") {
				t.Errorf("error %v, want the code %d", err, test.code)
			}
		})
	}
}

// A deafConn has said something, and takes nothing.
type deafConn struct {
	net.Conn
	parts []string
}

func (c *deafConn) Read(p []byte) (int, error) {
	if len(c.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.parts[0])
	c.parts = c.parts[1:]
	return n, nil
}

func (c *deafConn) Write([]byte) (int, error) { return 0, syscall.EPIPE }

func (c *deafConn) Close() error { return nil }

func (c *deafConn) LocalAddr() net.Addr { return nil }

func (c *deafConn) SetDeadline(time.Time) error { return nil }

func (c *deafConn) SetReadDeadline(time.Time) error { return nil }
