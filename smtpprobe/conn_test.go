package smtpprobe_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// What an SMTP client gets from Connect: a connection that it can begin with, or an error
// that says at which stage there was none.
func TestConnect(t *testing.T) {
	t.Parallel()
	anyone := &tls.Config{InsecureSkipVerify: true}
	for _, tt := range []struct {
		name, why     string
		setUp         func(*smtptest.Server)
		config        *tls.Config
		opportunistic bool
		want          string // "TLS", "clear", or the stage of the error
	}{
		{name: "over TLS", config: anyone, want: "TLS"},
		{name: "in clear, without a configuration", want: "clear"},
		{name: "no STARTTLS", setUp: noStartTLS, config: anyone, want: "starttls"},
		{name: "no STARTTLS, and none needed", setUp: noStartTLS, config: anyone, opportunistic: true, want: "clear"},
		{name: "STARTTLS that is not needed", config: anyone, opportunistic: true, want: "TLS"},
		{name: "no EHLO, and nothing needed", why: "RFC 5321 §3.2", setUp: reply(smtptest.AtHello, "502 5.5.1 What?"), config: anyone, opportunistic: true, want: "clear"},
		{name: "no EHLO", setUp: reply(smtptest.AtHello, "502 5.5.1 What?"), config: anyone, want: "hello"},
		{name: "EHLO refused for now", why: "it is no server without STARTTLS", setUp: reply(smtptest.AtHello, "450 4.7.1 Later"), config: anyone, opportunistic: true, want: "hello"},
		{name: "STARTTLS refused", why: "that weakens on a new connection only", setUp: reply(smtptest.AtStartTLS, "454 4.7.0 Later"), config: anyone, opportunistic: true, want: "starttls"},
		{name: "injected in clear", setUp: fault(smtptest.AtStartTLS, smtptest.Inject), config: anyone, opportunistic: true, want: "starttls"},
		{name: "a certificate that nobody knows", config: new(tls.Config), opportunistic: true, want: "handshake"},
		{name: "EHLO over TLS refused", why: "it takes no mail", setUp: reply(smtptest.AtHelloTLS, "550 5.7.1 Not you"), config: anyone, want: "hello-tls"},
		{name: "a certificate of the client that is missing, in TLS 1.3", why: "RFC 8446 §4.4.2.4", setUp: func(s *smtptest.Server) {
			s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
		}, config: anyone, want: "handshake"},
		{name: "a greeting that refuses", setUp: reply(smtptest.AtGreeting, "554 5.7.1 Not you"), config: anyone, want: "greeting"},
		{name: "a greeting that many clients cannot read", setUp: reply(smtptest.AtGreeting, "220-a\r\r\n250-"+strings.Repeat("b", 1000)+"\n211 c"), config: anyone, want: "TLS"},
		{name: "STARTTLS offered over TLS, too", why: "RFC 3207 §4.2: it must not be; a client would try it", setUp: reply(smtptest.AtHelloTLS, "250-mail.example\r\n250-SIZE 100\r\n250 starttls"), config: anyone, want: "TLS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := smtptest.NewUnstartedServer()
				if tt.setUp != nil {
					tt.setUp(server)
				}
				p := proberOf(server)
				p.Opportunistic = tt.opportunistic
				ctx, cancel := context.WithCancel(t.Context())
				conn, result, err := p.Connect(ctx, address, tt.config)
				cancel() // the connection goes on without it
				if got := clientGets(t, conn, err); got != tt.want {
					t.Errorf("%s: %q, %v; want %q\n%s", tt.why, got, err, tt.want, result)
				}
				server.Close()
				messages := server.Messages()
				if sent := len(messages) == 1; sent != (err == nil) || sent && messages[0].TLS != (tt.want == "TLS") {
					t.Errorf("the server got %+v", messages)
				}
				for _, session := range server.Sessions() {
					if err == nil && session.Err != nil {
						t.Errorf("the session ended with %v", session.Err)
					}
				}
			})
		})
	}
}

func noStartTLS(s *smtptest.Server) { s.NoStartTLS = true }

// clientGets sends a message as a client does that knows nothing of TLS but to start it
// wherever it is offered.
func clientGets(t *testing.T, conn *smtpprobe.Conn, err error) string {
	if e, ok := errors.AsType[*smtpprobe.Error](err); ok {
		if conn != nil {
			t.Error("a connection and an error")
		}
		return e.Stage.String()
	}
	defer conn.Close()
	client, err := smtp.NewClient(conn, "mail.example")
	if err != nil {
		t.Fatal(err)
	}
	if offered, _ := client.Extension("STARTTLS"); offered {
		t.Error("STARTTLS is offered to the client")
	}
	if err := errors.Join(client.Mail("a@client.example"), client.Rcpt("b@mail.example")); err != nil {
		t.Fatal(err)
	}
	w, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(w, "Subject: test\r\n\r\nHello.\r\n")
	if err := errors.Join(w.Close(), client.Quit(), conn.Close()); err != nil {
		t.Error(err)
	}
	if conn.ConnectionState().HandshakeComplete {
		return "TLS"
	}
	return "clear"
}

// What is read is what the server says, whatever the size of the reads and of the lines, but
// for an offer of STARTTLS.
func TestConnReads(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	padding := strings.Repeat(" ", 2048-len("250-STARTTLS")) // to where a reader without more room has to stop
	for said, want := range map[string]string{
		"250 OK\r\n":                                              "250 OK\r\n",
		"250-a\r\n250 STARTTLS\r\n":                               "250-a\r\n250 XSTARTTLS\r\n",
		"250-StartTLS\n250 SIZE\n":                                "250-XStartTLS\n250 SIZE\n",
		"250-  starttls now\r\r\n250 SIZE\n":                      "250-  Xstarttls now\r\r\n250 SIZE\n",
		"250-a\r\nSTARTTLS\r\n250 SIZE\r\n":                       "250-a\r\nXSTARTTLS\r\n250 SIZE\r\n", // a line of text to net/smtp
		"250-STARTTLS" + padding + "250-STARTTLS\r\n250 SIZE\r\n": "250-XSTARTTLS" + padding + "250-STARTTLS\r\n250 SIZE\r\n",
		"250 STARTTLS":                                            "250 XSTARTTLS",
		"251-STARTTLS\r\n":                                        "251-XSTARTTLS\r\n",
		"530 STARTTLS first\r\n":                                  "530 STARTTLS first\r\n",
		"250-STARTTLSX\r\n250 x STARTTLS\r\n":                     "250-STARTTLSX\r\n250 x STARTTLS\r\n",
		"220 STARTTLS\r\n":                                        "220 XSTARTTLS\r\n",
		"250 " + long + "250 STARTTLS\r\n":                        "250 " + long + "250 STARTTLS\r\n",
		"250-" + long + "\r\n250 STARTTLS\r\n":                    "250-" + long + "\r\n250 XSTARTTLS\r\n",
		"250 no end":                                              "250 no end",
		"\x00\xff\r\n\r\n250":                                     "\x00\xff\r\n\r\n250",
		"250-STARTTLS\r\n250-STARTTLS\r\n250 \n":                  "250-XSTARTTLS\r\n250-XSTARTTLS\r\n250 \n",
	} {
		for _, size := range []int{1, 7, 1 << 16} {
			conn := connectedTo(t, said)
			var got strings.Builder
			if _, err := io.CopyBuffer(&got, struct{ io.Reader }{conn}, make([]byte, size)); err != nil {
				t.Errorf("%.40q: %v", said, err)
			}
			if diff := cmp.Diff("220 mail.example\r\n"+want, got.String()); diff != "" {
				t.Errorf("%.40q by %d: (-want +got)\n%s", said, size, diff)
			}
			conn.Close()
		}
	}
}

// connectedTo is a connection in clear to a server that says this after EHLO, and closes.
func connectedTo(t *testing.T, said string) *smtpprobe.Conn {
	p := &smtpprobe.Prober{Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			io.WriteString(server, "220 mail.example\r\n")
			bufio.NewReader(server).ReadString('\n')
			io.WriteString(server, "250 mail.example\r\n")
			io.WriteString(server, said)
		}()
		return client, nil
	}}
	conn, _, err := p.Connect(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// A client that reads a reply to its end, as all do, is not led on for ever; one that goes on
// writing may read as much as it asks for.
func TestConnIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := smtptest.NewUnstartedServer()
		server.Faults = faults(smtptest.AtMail, smtptest.Endless)
		defer server.Close()
		conn, _, err := proberOf(server).Connect(t.Context(), address, server.ClientTLS())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		r.ReadString('\n')
		for range 1 << 16 {
			fmt.Fprint(conn, "NOOP\r\n")
			if line, err := r.ReadString('\n'); !strings.HasPrefix(line, "250") {
				t.Fatalf("%q, %v", line, err)
			}
		}
		fmt.Fprint(conn, "EHLO client.example\r\nMAIL FROM:<>\r\n")
		const limit = 1 << 20
		read, err := io.Copy(io.Discard, r)
		if !errors.Is(err, smtpprobe.ErrReply) || read < limit || read > limit+1<<13 {
			t.Errorf("%d octets, %v", read, err)
		}
	})
}

// A deadline is one of the reads that follow, and another takes its place.
func TestConnDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := smtptest.NewUnstartedServer()
		defer server.Close()
		conn, _, err := proberOf(server).Connect(t.Context(), address, server.ClientTLS())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		if line, err := r.ReadString('\n'); line != "220 mail.example ESMTP\r\n" {
			t.Errorf("%q, %v", line, err)
		}
		for range 2 {
			conn.SetReadDeadline(time.Now().Add(time.Hour))
			began := time.Now()
			if _, err := r.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Hour {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		}
		conn.SetDeadline(time.Time{})
		io.WriteString(conn, "NOOP\r\n")
		if line, err := r.ReadString('\n'); !strings.HasPrefix(line, "250") {
			t.Errorf("%q, %v", line, err)
		}
	})
}

// When the context ends before Connect is done, there is no connection.
func TestConnectCancelled(t *testing.T) {
	t.Parallel()
	for _, step := range []smtptest.Stage{smtptest.AtGreeting, smtptest.AtHello, smtptest.AtStartTLS, smtptest.AtHandshake, smtptest.AtHelloTLS} {
		synctest.Test(t, func(t *testing.T) {
			server := smtptest.NewUnstartedServer()
			server.Faults = map[smtptest.Stage]smtptest.Fault{step: smtptest.Hang}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			conn, result, err := proberOf(server).Connect(ctx, address, server.ClientTLS())
			if conn != nil || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > time.Second {
				t.Errorf("%s: %v, %v after %v\n%s", step, conn, err, time.Since(began), result)
			}
			server.Close()
		})
	}
}

// The zero Conn is closed.
func TestZeroConn(t *testing.T) {
	t.Parallel()
	var conn smtpprobe.Conn
	_, read := conn.Read(make([]byte, 1))
	_, written := conn.Write([]byte("QUIT\r\n"))
	for _, err := range []error{read, written, conn.SetDeadline(time.Now()), conn.Close(), conn.Abort()} {
		if !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	}
	if conn.LocalAddr() != nil || conn.RemoteAddr() != nil || conn.ConnectionState().HandshakeComplete {
		t.Error("it has ends")
	}
}

// Close ends a Write to a server that has stopped reading, whoever calls it, as that of every
// net.Conn. Before, over TLS it waited for the end of the Write.
func TestConnCloseEndsWrite(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe() // without buffers
	defer server.Close()
	go servesUntilReady(server)
	p := &smtpprobe.Prober{Dial: func(context.Context, string, string) (net.Conn, error) { return client, nil }}
	conn, _, err := p.Connect(t.Context(), address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() {
		_, err := conn.Write(make([]byte, 1<<20))
		written <- err
	}()
	if _, err := server.Read(make([]byte, 1)); err != nil { // so that the Write goes on
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(10*time.Second, func() { conn.Abort() })
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if !watchdog.Stop() {
		t.Error("Close waits for the Write")
	}
	if <-written == nil {
		t.Error("all was written")
	}
}

// servesUntilReady is a server that reads nothing after the EHLO over TLS.
func servesUntilReady(conn net.Conn) {
	r := bufio.NewReader(conn)
	io.WriteString(conn, "220 mail.example\r\n")
	r.ReadString('\n')
	io.WriteString(conn, "250-mail.example\r\n250 STARTTLS\r\n")
	r.ReadString('\n')
	io.WriteString(conn, "220 Go\r\n")
	over := tls.Server(conn, &tls.Config{Certificates: smtptest.NewUnstartedServer().Certificates})
	bufio.NewReader(over).ReadString('\n')
	io.WriteString(over, "250 mail.example\r\n")
}
