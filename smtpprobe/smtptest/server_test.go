package smtptest_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

const address = "192.0.2.25:25"

// dial connects a client of the standard library in memory.
func dial(t *testing.T, server *smtptest.Server) *smtp.Client {
	t.Helper()
	conn, err := server.Dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	client, err := smtp.NewClient(conn, smtptest.DefaultName)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// deliver sends a message, and returns the first error.
func deliver(client *smtp.Client, from, to, text string) error {
	if err := client.Mail(from); err != nil {
		return err
	}
	if err := client.Rcpt(to); err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	return w.Close()
}

func TestKeepsMailOfAStandardClient(t *testing.T) {
	t.Parallel()
	server := smtptest.NewServer()
	defer server.Close()
	client, err := smtp.Dial(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.StartTLS(server.ClientTLS()); err != nil {
		t.Fatal(err)
	}
	const text = "Subject: dots\r\n\r\n.\r\n..two\r\nthe end\r\n"
	if err := deliver(client, "a@example.org", "b@mail.example", text); err != nil {
		t.Fatal(err)
	}
	if err := client.Reset(); err != nil {
		t.Fatal(err)
	}
	if err := client.Quit(); err != nil {
		t.Fatal(err)
	}
	want := []smtptest.Message{{From: "a@example.org", To: []string{"b@mail.example"}, Data: []byte(text), TLS: true}}
	if diff := cmp.Diff(want, server.Messages()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	server.Close()
	session := server.Sessions()[0]
	if !session.Ended || session.Err != nil || session.TLS == nil || session.ServerName != smtptest.DefaultName {
		t.Errorf("session %+v", session)
	}
	if diff := cmp.Diff([]string{
		"EHLO localhost", "STARTTLS", "EHLO localhost", "MAIL FROM:<a@example.org> BODY=8BITMIME", "RCPT TO:<b@mail.example>",
		"DATA", "RSET", "QUIT",
	}, session.Commands); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
}

func TestOrderOfCommands(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, commands string // separated by semicolons
		want           string // codes
	}{
		{"a transaction", "EHLO a;MAIL FROM:<b@c>;RCPT TO:<d@e>;RCPT TO:<f@g>;DATA;.;QUIT", "250 250 250 250 354 250 221"},
		{"lower case, and a space too many", "helo a;mail from: <b@c> SIZE=1;rcpt to: <d@e>;quit", "250 250 250 221"},
		{"a bounce has no sender", "EHLO a;MAIL FROM:<>;RCPT TO:<d@e>", "250 250 250"},
		{"MAIL before EHLO", "MAIL FROM:<b@c>", "503"},
		{"MAIL twice", "EHLO a;MAIL FROM:<b@c>;MAIL FROM:<b@c>", "250 250 503"},
		{"RCPT before MAIL", "EHLO a;RCPT TO:<d@e>", "250 503"},
		{"DATA before RCPT", "EHLO a;MAIL FROM:<b@c>;DATA", "250 250 503"},
		{"RSET forgets", "EHLO a;MAIL FROM:<b@c>;RSET;RCPT TO:<d@e>", "250 250 250 503"},
		{"EHLO forgets", "EHLO a;MAIL FROM:<b@c>;EHLO a;RCPT TO:<d@e>", "250 250 250 503"},
		{"a sender without brackets", "EHLO a;MAIL FROM:b@c", "250 501"},
		{"a recipient that is empty", "EHLO a;MAIL FROM:<b@c>;RCPT TO:<>", "250 250 501"},
		{"what does nothing", "NOOP;VRFY a", "250 252"},
		{"what is unknown", "XYZZY;", "500 500"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := smtptest.NewUnstartedServer()
			defer server.Close()
			conn, err := server.Dial(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			client := textproto.NewConn(conn)
			defer client.Close()
			client.ReadResponse(220)
			var codes []string
			for command := range strings.SplitSeq(test.commands, ";") {
				client.PrintfLine("%s", command)
				code, _, err := client.ReadResponse(0)
				if code == 0 {
					t.Fatalf("%s: %v", command, err)
				}
				codes = append(codes, fmt.Sprint(code))
			}
			if got := strings.Join(codes, " "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestFaultsInATransaction(t *testing.T) {
	t.Parallel()
	for _, stage := range []smtptest.Stage{smtptest.AtMail, smtptest.AtRcpt, smtptest.AtData, smtptest.AtMessage} {
		for fault, code := range map[smtptest.Fault]int{smtptest.Temporary: 454, smtptest.Permanent: 554, smtptest.Close: 0} {
			t.Run(fmt.Sprintf("%s: %d", stage, code), func(t *testing.T) {
				t.Parallel()
				server := smtptest.NewUnstartedServer()
				defer server.Close()
				server.Faults = map[smtptest.Stage]smtptest.Fault{stage: fault}
				client := dial(t, server)
				defer client.Close()
				err := deliver(client, "a@example.org", "b@mail.example", "text\r\n")
				refused, ok := errors.AsType[*textproto.Error](err)
				if err == nil || ok != (code != 0) || ok && refused.Code != code {
					t.Errorf("error %v, want code %d", err, code)
				}
				if kept := server.Messages(); len(kept) > 0 {
					t.Errorf("kept %v all the same", kept)
				}
			})
		}
	}
}

func TestRepliesOfOnesOwn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		reply string
		kept  int
		code  int
	}{
		{reply: "250 2.0.0 Queued as 4711", kept: 1},
		{reply: "452 4.3.1 Disk full", code: 452},
		{reply: "421 4.3.2 Going down", code: 421},
	} {
		server := smtptest.NewUnstartedServer()
		server.Replies = map[smtptest.Stage]string{smtptest.AtMessage: test.reply}
		client := dial(t, server)
		err := deliver(client, "a@example.org", "b@mail.example", "text\r\n")
		refused, ok := errors.AsType[*textproto.Error](err)
		if ok != (test.code != 0) || ok && refused.Code != test.code {
			t.Errorf("%s: error %v", test.reply, err)
		}
		if got := len(server.Messages()); got != test.kept {
			t.Errorf("%s: %d messages kept", test.reply, got)
		}
		if err := client.Noop(); (err == nil) != (test.code != 421) {
			t.Errorf("%s: and then: %v", test.reply, err) // RFC 5321 §3.8
		}
		client.Close()
		server.Close()
	}
}

func TestCertificateByServerName(t *testing.T) {
	t.Parallel()
	first, second, third := smtptest.NewUnstartedServer(), smtptest.NewUnstartedServer(), smtptest.NewUnstartedServer()
	server := smtptest.NewUnstartedServer(first.Certificates[0], second.Certificates[0])
	defer server.Close()
	server.ByName = map[string]tls.Certificate{"other.example": third.Certificates[0]}
	for name, want := range map[string]*smtptest.Server{
		"mail.example":    first,
		"other.example":   third,
		"OTHER.example":   third,
		"unknown.example": first,
		"":                first,
	} {
		var got *tls.ConnectionState
		config := &tls.Config{
			ServerName: name, InsecureSkipVerify: true,
			VerifyConnection: func(state tls.ConnectionState) error { got = &state; return nil },
		}
		if err := dial(t, server).StartTLS(config); err != nil {
			t.Errorf("%q: %v", name, err)
		} else if !got.PeerCertificates[0].Equal(want.Certificate()) {
			t.Errorf("%q: another certificate", name)
		}
	}
}

func TestZeroServerHasNoCertificate(t *testing.T) {
	t.Parallel()
	var server smtptest.Server
	client := dial(t, &server)
	if err := client.StartTLS(&tls.Config{ServerName: "a.example"}); err == nil {
		t.Error("handshake without a certificate")
	}
	server.Close()
	session := server.Sessions()[0]
	if session.TLS != nil || session.Err == nil || session.ServerName != "a.example" {
		t.Errorf("session %+v", session)
	}
	defer func() {
		if recover() == nil {
			t.Error("Certificate returns what is not there")
		}
	}()
	server.Certificate()
}

// TestClientInjection: RFC 3207 §4.2, CVE-2011-0411 from the other side.
func TestClientInjection(t *testing.T) {
	t.Parallel()
	server := smtptest.NewUnstartedServer()
	conn, err := server.Dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "EHLO a\r\nSTARTTLS\r\nMAIL FROM:<attacker@example.org>\r\n")
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Error(err)
	}
	server.Close()
	if session := server.Sessions()[0]; session.Err == nil || len(session.Commands) != 2 {
		t.Errorf("session %+v", session)
	}
}

func TestSTARTTLSTwice(t *testing.T) {
	t.Parallel()
	server := smtptest.NewUnstartedServer()
	defer server.Close()
	client := dial(t, server)
	defer client.Close()
	if err := client.StartTLS(server.ClientTLS()); err != nil {
		t.Fatal(err)
	}
	if offered, _ := client.Extension("STARTTLS"); offered {
		t.Error("STARTTLS is offered over TLS") // RFC 3207 §4.2
	}
	id, err := client.Text.Cmd("STARTTLS")
	if err != nil {
		t.Fatal(err)
	}
	client.Text.StartResponse(id)
	defer client.Text.EndResponse(id)
	if _, _, err := client.Text.ReadResponse(503); err != nil {
		t.Error(err)
	}
}

func TestNoStartTLS(t *testing.T) {
	t.Parallel()
	server := smtptest.NewUnstartedServer()
	defer server.Close()
	server.NoStartTLS = true
	server.Extensions = []string{"X-COLOUR blue"}
	client := dial(t, server)
	defer client.Close()
	if offered, _ := client.Extension("STARTTLS"); offered {
		t.Error("STARTTLS is offered")
	}
	if _, parameters := client.Extension("X-COLOUR"); parameters != "blue" {
		t.Error("an extension of one's own is not announced")
	}
	err := client.StartTLS(server.ClientTLS())
	if e, ok := errors.AsType[*textproto.Error](err); !ok || e.Code != 500 {
		t.Errorf("error %v", err)
	}
}

func TestSessionsAreResumedWithTicketKeys(t *testing.T) {
	t.Parallel()
	server := smtptest.NewUnstartedServer()
	defer server.Close()
	server.TLS = new(tls.Config)
	server.TLS.SetSessionTicketKeys([][32]byte{{1}})
	config := server.ClientTLS()
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for range 2 {
		client := dial(t, server)
		if err := client.StartTLS(config); err != nil {
			t.Fatal(err)
		}
		client.Quit()
	}
	if sessions := server.Sessions(); sessions[0].TLS.DidResume || !sessions[1].TLS.DidResume {
		t.Error("not resumed")
	}
}

func TestSamePortOnSeveralAddresses(t *testing.T) {
	t.Parallel()
	first, second := smtptest.NewUnstartedServer(), smtptest.NewUnstartedServer()
	first.Addr, first.Name = "127.0.0.5:0", "first.example"
	func() {
		defer func() {
			if reason := recover(); reason != nil {
				t.Skipf("no such loopback address: %v", reason) // not everywhere but on Linux
			}
		}()
		first.Start()
	}()
	defer first.Close()
	port := netip.MustParseAddrPort(first.Addr).Port()
	second.Addr, second.Name = fmt.Sprintf("127.0.0.6:%d", port), "second.example"
	second.Start()
	defer second.Close()
	more, err := first.Listen("127.0.0.7:0")
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{first.Addr: "220 first", second.Addr: "220 second", more: "220 first"} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if line, _ := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, want) {
			t.Errorf("%s says %q", address, line)
		}
		conn.Close()
	}
}

func TestCloseEndsWhatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := smtptest.NewUnstartedServer()
		server.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtGreeting: smtptest.Hang}
		conn, err := server.Dial(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Hour, server.Close)
		start := time.Now()
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF || time.Since(start) != time.Hour {
			t.Errorf("error %v after %v", err, time.Since(start))
		}
		synctest.Wait()
		if _, err := server.Dial(t.Context(), "tcp", address); err == nil {
			t.Error("a closed server can be dialled")
		}
		if _, err := server.Listen("127.0.0.1:0"); err == nil {
			t.Error("a closed server listens")
		}
	})
}

func TestDialGivesAddresses(t *testing.T) {
	t.Parallel()
	server := smtptest.NewUnstartedServer()
	defer server.Close()
	for _, address := range []string{"192.0.2.25:25", "[2001:db8::25]:25"} {
		conn, err := server.Dial(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		local := netip.MustParseAddrPort(conn.LocalAddr().String())
		if conn.RemoteAddr().String() != address || !local.Addr().IsLoopback() || local.Port() < 49152 {
			t.Errorf("from %v to %v", local, conn.RemoteAddr())
		}
		conn.Close()
	}
	if _, err := server.Dial(t.Context(), "tcp", "mail.example:25"); err == nil {
		t.Error("a name is no address")
	}
}

func TestDelays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := smtptest.NewUnstartedServer()
		defer server.Close()
		server.Delays = map[smtptest.Stage]time.Duration{smtptest.AtGreeting: 20 * time.Second, smtptest.AtHandshake: 5 * time.Second}
		start := time.Now()
		client := dial(t, server)
		if err := client.StartTLS(server.ClientTLS()); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 25*time.Second {
			t.Errorf("it took %v, want 25 s", took)
		}
		client.Close()
	})
}

// TestClientTakesLeaveAfterTheServer: when the client takes leave of TLS, the server has
// long closed. Over TCP that is no error, and must be none in memory: clients would take
// the message that the server has accepted for one that it has not.
func TestClientTakesLeaveAfterTheServer(t *testing.T) {
	t.Parallel()
	for name, dial := range map[string]func(*smtptest.Server) (net.Conn, error){
		"TCP":       func(s *smtptest.Server) (net.Conn, error) { return net.Dial("tcp", s.Addr) },
		"in memory": func(s *smtptest.Server) (net.Conn, error) { return s.Dial(t.Context(), "tcp", address) },
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(name+", "+tls.VersionName(version), func(t *testing.T) {
				t.Parallel()
				server := smtptest.NewServer()
				defer server.Close()
				conn, err := dial(server)
				if err != nil {
					t.Fatal(err)
				}
				client, err := smtp.NewClient(conn, smtptest.DefaultName)
				if err != nil {
					t.Fatal(err)
				}
				config := server.ClientTLS()
				config.MaxVersion = version
				if err := client.StartTLS(config); err != nil {
					t.Fatal(err)
				}
				if err := deliver(client, "a@example.org", "b@mail.example", "Subject: x\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				if _, err := client.Text.Cmd("QUIT"); err != nil {
					t.Fatal(err)
				}
				if _, _, err := client.Text.ReadResponse(221); err != nil {
					t.Fatal(err)
				}
				server.Close() // waits until the session has ended
				if err := client.Close(); err != nil || len(server.Messages()) != 1 {
					t.Errorf("%d messages, error on close: %v", len(server.Messages()), err)
				}
			})
		}
	}
}
