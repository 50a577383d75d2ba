package dane_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// A message that was taken does not wait for a server that is slow to take leave, whatever
// deadlines the client has set; the reply to a message whose text is QUIT does.
func TestQuitIsShort(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]time.Duration{"no deadline": 0, "one of the client": 10 * time.Minute, "a short one": time.Second} {
		synctest.Test(t, func(t *testing.T) {
			internet := danetest.New(t, oneHost("3 1 1", func(s *smtptest.Server) {
				s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtQuit: smtptest.Hang}
				s.Delays = map[smtptest.Stage]time.Duration{smtptest.AtMessage: 9 * time.Minute}
			}))
			v := internet.Verifier()
			conn, err := v.Connect(t.Context(), firstHost(t, v, "a.example"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			r := textproto.NewReader(bufio.NewReader(conn))
			r.ReadLine()
			for _, line := range []string{"HELO me.example", "MAIL FROM:<a@b.example>", "RCPT TO:<you@a.example>", "DATA"} {
				fmt.Fprint(conn, line, "\r\n")
				if reply, err := r.ReadLine(); err != nil || reply[0] > '3' {
					t.Fatalf("%s: %s, %v", line, reply, err)
				}
			}
			io.WriteString(conn, "QUIT\r\n") // the text, as clients write it that do not buffer
			io.WriteString(conn, ".\r\n")
			if reply, err := r.ReadLine(); err != nil || !strings.HasPrefix(reply, "250") {
				t.Fatalf("%s: after the message: %q, %v", name, reply, err)
			}
			want := 5 * time.Second
			if own > 0 {
				conn.SetDeadline(time.Now().Add(own))
				want = min(want, own)
			}
			began := time.Now()
			io.WriteString(conn, "quit\r\n")
			if reply, err := r.ReadLine(); err == nil || time.Since(began) != want {
				t.Errorf("%s: %q after %v, %v", name, reply, time.Since(began), err)
			}
		})
	}
}

// A client that says STARTTLS over TLS, or where none is offered, has made a mistake: whatever the
// server replies, no message bounces for that.
func TestStartTLSOnConn(t *testing.T) {
	t.Parallel()
	clear := func(s *smtptest.Server) { s.NoStartTLS = true }
	for _, tt := range []struct {
		name   string
		server func(*smtptest.Server)
		tlsa   string
	}{{"over TLS", nil, "3 1 1"}, {"in clear", clear, ""}} {
		internet := danetest.New(t, oneHost(tt.tlsa, tt.server))
		v := internet.Verifier()
		conn, err := v.Connect(t.Context(), firstHost(t, v, "a.example"))
		if err != nil {
			t.Fatal(err)
		}
		client, err := smtp.NewClient(conn, "mail.a.example")
		if err != nil {
			t.Fatal(err)
		}
		err = conn.MessageError(client.StartTLS(&tls.Config{InsecureSkipVerify: true}))
		f := dane.Classify(err)
		if err == nil || f.Permanent || f.Code != "4.3.5" || f.ResultType != "" || !strings.Contains(f.Text, "STARTTLS") {
			t.Errorf("%s: %v, %+v", tt.name, err, f)
		}
		if err := client.Mail("a@b.example"); err != nil {
			t.Error(err)
		}
		refused := conn.MessageError(&textproto.Error{Code: 550, Msg: "5.1.1 no such user"})
		if got := dane.Classify(refused); got.Code != "5.1.1" {
			t.Errorf("%s, and then a message that is refused: %+v", tt.name, got)
		}
		client.Close()
	}
}
