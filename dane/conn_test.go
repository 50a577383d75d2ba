package dane_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// A context that ends, ends all that waits for a server: Connect, and the client that has the
// connection. Before, a client was blocked for seconds after the deadline.
func TestConnectCancelled(t *testing.T) {
	t.Parallel()
	steps := []smtptest.Stage{smtptest.AtGreeting, smtptest.AtHello, smtptest.AtStartTLS, smtptest.AtHandshake, smtptest.AtHelloTLS,
		smtptest.AtMail, smtptest.AtRcpt, smtptest.AtData, smtptest.AtMessage, smtptest.AtQuit}
	for _, tlsa := range []string{"3 1 1", ""} {
		for _, step := range steps {
			if tlsa == "" && step == smtptest.AtHandshake {
				continue // there is time left for the weaker way; see TestConnectFallbackHasTime
			}
			synctest.Test(t, func(t *testing.T) {
				internet := danetest.New(t, oneHost(tlsa, failing(step, smtptest.Hang)))
				v := internet.Verifier()
				h := firstHost(t, v, "a.example")
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				began := time.Now()
				conn, err := v.Connect(ctx, h)
				if err == nil {
					err = conn.MessageError(sendOver(conn, func(client *smtp.Client) error { return sendMessage(client, "you@a.example") }))
				}
				want := 10 * time.Second
				if step == smtptest.AtQuit {
					want = 5 * time.Second
				}
				if took := time.Since(began); took != want {
					t.Errorf("TLSA %q, %s: took %v: %v", tlsa, step, took, err)
				}
				failure := dane.Classify(err)
				if step == smtptest.AtQuit {
					if err != nil {
						t.Errorf("TLSA %q: the message was taken, and %v", tlsa, err)
					}
				} else if !errors.Is(err, context.DeadlineExceeded) || failure.Permanent {
					t.Errorf("TLSA %q, %s: %v, %+v", tlsa, step, err, failure)
				}
			})
		}
	}
}

// A context that ends with a cause of its own, as that of signal.NotifyContext, is one that has
// ended all the same: the message stays queued, whatever another host has said.
func TestConnEndsWithCause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		internet := danetest.New(t, oneHost("3 1 1", failing(smtptest.AtMail, smtptest.Hang)))
		v := internet.Verifier()
		ctx, cancel := context.WithCancelCause(t.Context())
		conn, err := v.Connect(ctx, firstHost(t, v, "a.example"))
		if err != nil {
			t.Fatal(err)
		}
		cause := errors.New("interrupted")
		time.AfterFunc(time.Minute, func() { cancel(cause) })
		err = conn.MessageError(sendOver(conn, func(client *smtp.Client) error { return sendMessage(client, "you@a.example") }))
		if !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
			t.Error(err)
		}
		refused := &dane.Error{Domain: "a.example", Permanent: true, Err: dane.ErrNoDomain}
		if failure := dane.Classify(errors.Join(refused, err)); failure.Code != "4.4.2" || failure.Permanent {
			t.Errorf("%+v", failure)
		}
	})
}

// A client that sets no deadlines does not wait for ever, and one that does is left alone.
func TestConnWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		internet := danetest.New(t, oneHost("3 1 1", nil))
		v := internet.Verifier()
		conn, err := v.Connect(t.Context(), firstHost(t, v, "a.example"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		r := textproto.NewReader(bufio.NewReader(conn))
		if line, err := r.ReadLine(); line != "220 mail.a.example ESMTP" {
			t.Errorf("%q, %v", line, err)
		}
		var timeout net.Error
		for _, own := range []time.Duration{0, time.Second, time.Hour, 0} {
			want := own
			if conn.SetDeadline(time.Time{}); own == 0 {
				want = 10 * time.Minute // RFC 5321 §4.5.3.2.6
			} else {
				conn.SetReadDeadline(time.Now().Add(own))
			}
			began := time.Now()
			if _, err := r.ReadLine(); !errors.As(err, &timeout) || !timeout.Timeout() || time.Since(began) != want {
				t.Errorf("%v after %v, want %v", err, time.Since(began), want)
			}
		}
		fmt.Fprint(conn, "NOOP\r\n")
		if line, err := r.ReadLine(); !strings.HasPrefix(line, "250") {
			t.Errorf("%q, %v", line, err)
		}
	})
}

// A server that says a line every nine minutes does not have the client for as long as it likes.
// Before, the time was that of each line.
func TestConnWaitsForSlowReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		internet := danetest.New(t, oneHost("", nil))
		v := internet.Verifier()
		client, server := net.Pipe()
		v.Dial = func(context.Context, string, string) (net.Conn, error) { return client, nil }
		done := make(chan bool)
		go func() {
			defer close(done)
			io.WriteString(server, "220 mail.a.example\r\n")
			bufio.NewReader(server).ReadString('\n')
			io.WriteString(server, "250 mail.a.example\r\n")
			go io.Copy(io.Discard, server)
			for err := error(nil); err == nil; _, err = io.WriteString(server, "250-wait\r\n") {
				time.Sleep(9 * time.Minute)
			}
		}()
		conn, err := v.Connect(t.Context(), firstHost(t, v, "a.example"))
		if err != nil {
			t.Fatal(err)
		}
		r := textproto.NewReader(bufio.NewReader(conn))
		r.ReadLine()
		for range 2 { // a client that goes on has as much time again
			began := time.Now()
			io.WriteString(conn, "EHLO sender.example\r\n")
			_, _, err := r.ReadResponse(250)
			if took := time.Since(began); !errors.Is(err, os.ErrDeadlineExceeded) || took != time.Hour {
				t.Errorf("%v after %v", err, took)
			}
		}
		conn.Close()
		<-done
	})
}

// What was seen of the server is in the Conn, and the message is not sent twice because of how
// the connection ends.
func TestConn(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t, oneHost("3 1 1", nil))
	v := internet.Verifier()
	v.Hello = "sender.example"
	h := firstHost(t, v, "a.example")
	conn, err := v.Connect(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	a := conn.Attempt
	if conn.Host != h || a.Addr.String() != "192.0.2.1:25" || !a.Authenticated || a.Match.Record.String() != h.Records[0].String() || a.Fallback || a.Err != nil {
		t.Errorf("%+v", a)
	}
	if conn.RemoteAddr().String() != "192.0.2.1:25" || conn.LocalAddr().String() != a.Session.LocalAddr.String() {
		t.Errorf("%s, %s", conn.LocalAddr(), conn.RemoteAddr())
	}
	if _, err := io.WriteString(conn, "QUIT\r\n"); err != nil {
		t.Error(err)
	}
	if said, err := io.ReadAll(conn); string(said) != "220 mail.a.example ESMTP\r\n221 2.0.0 Bye\r\n" || err != nil {
		t.Errorf("%q, %v", said, err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if conn.MessageError(nil) != nil {
		t.Error("nil is an error")
	}
	for _, session := range internet.Servers["mail.a.example"].Sessions() {
		if diff := cmp.Diff([]string{"EHLO sender.example", "STARTTLS", "EHLO sender.example", "QUIT"}, session.Commands); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

// The zero Conn is closed, and has passed nothing.
func TestZeroConn(t *testing.T) {
	t.Parallel()
	var conn dane.Conn
	_, read := conn.Read(make([]byte, 1))
	_, written := conn.Write([]byte("QUIT\r\n"))
	for _, err := range []error{read, written, conn.SetDeadline(time.Now()), conn.Close(), conn.MessageError(net.ErrClosed)} {
		if !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
	if conn.LocalAddr() != nil || conn.RemoteAddr() != nil || conn.ConnectionState().HandshakeComplete || conn.Report().Passed {
		t.Error("it has ends")
	}
}

// A hook that panics is the caller's fault, but the connection of which nobody knows then ends with
// the context all the same.
func TestConnEndsWithTheContextAfterAPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := danetest.New(t, oneHost("", nil)).Verifier()
		client, server := net.Pipe()
		v.Dial = func(context.Context, string, string) (net.Conn, error) { return client, nil }
		closed := make(chan bool)
		go func() {
			defer close(closed)
			io.WriteString(server, "220 mail.a.example\r\n")
			r := bufio.NewReader(server)
			r.ReadString('\n')
			io.WriteString(server, "250 mail.a.example\r\n")
			io.Copy(io.Discard, r)
		}()
		host := firstHost(t, v, "a.example")
		ctx, cancel := context.WithCancel(t.Context())
		func() {
			defer func() { recover() }()
			v.Connect(dane.WithTrace(ctx, &dane.Trace{Attempt: func(*dane.Host, dane.Attempt) { panic("hook") }}), host)
			t.Error("no panic")
		}()
		cancel()
		select {
		case <-closed:
		case <-time.After(time.Second):
			t.Error("the connection is open")
			server.Close()
		}
	})
}
