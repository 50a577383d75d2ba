package smtpprobe_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// The cases of a server that does not do what it should, in order of the stages.
// What follows at any stage is in TestEveryStageHasADeadline.
var brokenServers = []struct {
	name, why string
	setUp     func(*smtptest.Server)
	stage     smtpprobe.Stage
	is        error // errors.Is
	code      int   // of the refusal
	quits     bool  // the server is told
}{
	{
		name: "the greeting is 554", why: "RFC 5321 §3.1: the server waits for QUIT",
		setUp: fault(smtptest.AtGreeting, smtptest.Permanent),
		stage: smtpprobe.StageGreeting, code: 554, quits: true,
	},
	{
		name: "the greeting is 421", why: "RFC 5321 §3.8: the server closes, so QUIT is of no use",
		setUp: fault(smtptest.AtGreeting, smtptest.Temporary),
		stage: smtpprobe.StageGreeting, code: 421,
	},
	{
		name: "the greeting is of another protocol", why: "it is no SMTP reply",
		setUp: reply(smtptest.AtGreeting, "SSH-2.0-OpenSSH_9.9"),
		stage: smtpprobe.StageGreeting, is: smtpprobe.ErrReply,
	},
	{
		name: "the connection ends before the greeting", why: "that is no refusal",
		setUp: fault(smtptest.AtGreeting, smtptest.Close),
		stage: smtpprobe.StageGreeting, is: io.ErrUnexpectedEOF,
	},
	{
		name: "the greeting has no end", why: "lines are counted",
		setUp: fault(smtptest.AtGreeting, smtptest.Endless),
		stage: smtpprobe.StageGreeting, is: smtpprobe.ErrReply,
	},
	{
		name: "a line of the greeting has no end", why: "octets are counted",
		setUp: fault(smtptest.AtGreeting, smtptest.EndlessLine),
		stage: smtpprobe.StageGreeting, is: smtpprobe.ErrReply,
	},
	{
		name: "two greetings", why: "the second one would pass for the reply to EHLO",
		setUp: fault(smtptest.AtGreeting, smtptest.Inject),
		stage: smtpprobe.StageHello, is: smtpprobe.ErrReply,
	},
	{
		name: "421 after the greeting", why: "RFC 5321 §3.8: a server may say so at any time",
		setUp: reply(smtptest.AtGreeting, "220 mail.example\r\n421 going down\r\n"),
		stage: smtpprobe.StageHello, code: 421,
	},
	{
		name: "EHLO is refused for now", why: "RFC 5321 §4.2.1: trying again later may help",
		setUp: fault(smtptest.AtHello, smtptest.Temporary),
		stage: smtpprobe.StageHello, code: 454, quits: true,
	},
	{
		name: "502 to EHLO", why: "HELO has no STARTTLS, so it is of no use to who wants that",
		setUp: reply(smtptest.AtHello, "502 5.5.1 What is that?"),
		stage: smtpprobe.StageHello, code: 502, quits: true,
	},
	{
		name: "501 to EHLO", why: "RFC 5321 §4.2.4: the server knows EHLO, and does not like the client's name",
		setUp: reply(smtptest.AtHello, "501 5.5.4 Invalid domain name"),
		stage: smtpprobe.StageHello, code: 501, quits: true,
	},
	{
		name: "550 to EHLO", why: "RFC 5321 §4.1.1.1: a refusal is not a server without STARTTLS",
		setUp: reply(smtptest.AtHello, "550 5.7.1 Not you"),
		stage: smtpprobe.StageHello, code: 550, quits: true,
	},
	{
		name: "the last line of the reply to EHLO is 550", why: "Postfix: the last line decides",
		setUp: reply(smtptest.AtHello, "250-mail.example\r\n250-STARTTLS\r\n550 5.7.1 Not you\r\n"),
		stage: smtpprobe.StageHello, code: 550, quits: true,
	},
	{
		name: "the last line of the reply to EHLO is 450", why: "Postfix: the last line decides",
		setUp: reply(smtptest.AtHello, "250-mail.example\r\n250-STARTTLS\r\n450 4.7.1 Not now\r\n"),
		stage: smtpprobe.StageHello, code: 450, quits: true,
	},
	{
		name: "the last line of the greeting is 554", why: "Postfix: the last line decides",
		setUp: reply(smtptest.AtGreeting, "220-mail.example\r\n554 5.7.1 Not you\r\n"),
		stage: smtpprobe.StageGreeting, code: 554, quits: true,
	},
	{
		name: "the last line of the reply to EHLO is no reply", why: "RFC 5321 §4.2.1: there is no code 150",
		setUp: reply(smtptest.AtHello, "250-mail.example\r\n250-STARTTLS\r\n150 x\r\n"),
		stage: smtpprobe.StageHello, is: smtpprobe.ErrReply,
	},
	{
		name: "a line of the reply to EHLO is none", why: "it might have been STARTTLS",
		setUp: reply(smtptest.AtHello, "250-mail.example\r\n250\tSTARTTLS\r\n250 SIZE\r\n"),
		stage: smtpprobe.StageHello, is: smtpprobe.ErrReply,
	},
	{
		name: "STARTTLS with something at its end", why: "it is neither an offer nor none",
		setUp: reply(smtptest.AtHello, "250-mail.example\r\n250-STARTTLS;\r\n250 SIZE\r\n"),
		stage: smtpprobe.StageHello, is: smtpprobe.ErrReply,
	},
	{
		name: "STARTTLS with a NUL at its end", why: "Postfix takes it for an offer, so it is not none",
		setUp: reply(smtptest.AtHello, "250-mail.example\r\n250-starttls\x00\r\n250 SIZE\r\n"),
		stage: smtpprobe.StageHello, is: smtpprobe.ErrReply,
	},
	{
		name: "another keyword with STARTTLS in it", why: "RFC 5321 §4.1.1.1: it is one of its own",
		setUp: reply(smtptest.AtHello, "250-mail.example\r\n250-X-STARTTLS\r\n250 SIZE\r\n"),
		stage: smtpprobe.StageStartTLS, is: smtpprobe.ErrNoStartTLS, quits: true,
	},
	{
		name: "CR CR LF after STARTTLS", why: "CVE-2011-0411: where the reply ends must be beyond doubt",
		setUp: reply(smtptest.AtStartTLS, "220 go\r\r\n"),
		stage: smtpprobe.StageStartTLS, is: smtpprobe.ErrReply,
	},
	{
		name: "two codes after STARTTLS", why: "CVE-2011-0411: there must be no second opinion",
		setUp: reply(smtptest.AtStartTLS, "454-no\r\n220 go\r\n"),
		stage: smtpprobe.StageStartTLS, is: smtpprobe.ErrReply,
	},
	{
		name: "a CR after the reply to STARTTLS", why: "CVE-2011-0411: one octet is enough",
		setUp: reply(smtptest.AtStartTLS, "220 go\r\n\r\n"),
		stage: smtpprobe.StageStartTLS, is: smtpprobe.ErrInjection,
	},
	{
		name: "STARTTLS stands in the first line only", why: "RFC 5321 §4.1.1.1: that is the server's name",
		setUp: reply(smtptest.AtHello, "250-STARTTLS\r\n250 SIZE"),
		stage: smtpprobe.StageStartTLS, is: smtpprobe.ErrNoStartTLS, quits: true,
	},
	{
		name: "STARTTLS is not offered", why: "RFC 7672 §2.2: the caller's policy has to know",
		setUp: func(s *smtptest.Server) { s.NoStartTLS = true },
		stage: smtpprobe.StageStartTLS, is: smtpprobe.ErrNoStartTLS, quits: true,
	},
	{
		name: "454 to STARTTLS", why: "RFC 3207 §4",
		setUp: fault(smtptest.AtStartTLS, smtptest.Temporary),
		stage: smtpprobe.StageStartTLS, code: 454, quits: true,
	},
	{
		name: "5xx to STARTTLS", why: "RFC 3207 §4",
		setUp: fault(smtptest.AtStartTLS, smtptest.Permanent),
		stage: smtpprobe.StageStartTLS, code: 554, quits: true,
	},
	{
		name: "plaintext before STARTTLS", why: "it would pass for the reply to STARTTLS",
		setUp: fault(smtptest.AtHello, smtptest.Inject),
		stage: smtpprobe.StageStartTLS, is: smtpprobe.ErrReply,
	},
	{
		name: "plaintext after STARTTLS", why: "RFC 3207 §4.2, CVE-2011-0411",
		setUp: fault(smtptest.AtStartTLS, smtptest.Inject),
		stage: smtpprobe.StageStartTLS, is: smtpprobe.ErrInjection,
	},
	{
		name: "half a line after STARTTLS", why: "one octet is enough",
		setUp: reply(smtptest.AtStartTLS, "220 go\r\n2\n"),
		stage: smtpprobe.StageStartTLS, is: smtpprobe.ErrInjection,
	},
	{
		name: "the connection ends in the handshake", why: "that is no verdict on a certificate",
		setUp: fault(smtptest.AtHandshake, smtptest.Close),
		stage: smtpprobe.StageHandshake, is: io.ErrUnexpectedEOF,
	},
	{
		name: "plaintext in the handshake", why: "it comes too late for ErrInjection, and fails all the same",
		setUp: fault(smtptest.AtHandshake, smtptest.Permanent),
		stage: smtpprobe.StageHandshake,
	},
	{
		name: "endless plaintext in the handshake", why: "crypto/tls reads no more than a record",
		setUp: fault(smtptest.AtHandshake, smtptest.EndlessLine),
		stage: smtpprobe.StageHandshake,
	},
	{
		name: "only TLS 1.1", why: "crypto/tls has TLS 1.2 as its minimum (RFC 8996)",
		setUp: func(s *smtptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		},
		stage: smtpprobe.StageHandshake,
	},
	{
		name: "no certificate for the server name", why: "RFC 6066 §3: the alert unrecognized_name",
		setUp: func(s *smtptest.Server) {
			s.ByName = map[string]tls.Certificate{"other.example": s.Certificates[0]}
			s.Certificates = nil
		},
		stage: smtpprobe.StageHandshake,
	},
}

// TestRepliesThatOtherSendersRead: what Postfix 3.7 takes for an offer of STARTTLS
// is one here.
func TestRepliesThatOtherSendersRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, hello string }{
		{"CR CR LF", "250-mail.example\r\r\n250-SIZE\r\r\n250 STARTTLS\r\r\n"},
		{"three CRs", "250-mail.example\r\r\r\n250 STARTTLS\r\r\r\n"},
		{"a bare LF", "250-mail.example\n250 STARTTLS\n"},
		{"lower case", "250-mail.example\r\n250 starttls\r\n"},
		{"a tab after the keyword", "250-mail.example\r\n250-STARTTLS\t\r\n250 SIZE\r\n"},
		{"blanks after the keyword", "250-mail.example\r\n250-STARTTLS  \r\n250 SIZE\r\n"},
		{"a blank before the keyword", "250-mail.example\r\n250- STARTTLS\r\n250 SIZE\r\n"},
		{"a tab before the keyword", "250-mail.example\r\n250-\tSTARTTLS\r\n250 SIZE\r\n"},
		{"= after the keyword", "250-mail.example\r\n250-STARTTLS=yes\r\n250 SIZE\r\n"},
		{"= before the keyword", "250-mail.example\r\n250-=STARTTLS\r\n250 SIZE\r\n"},
		{"a parameter", "250-mail.example\r\n250-STARTTLS required\r\n250 SIZE\r\n"},
		{"200 lines", "250-mail.example\r\n" + strings.Repeat("250-X-LONG\r\n", 200) + "250 STARTTLS\r\n"},
		{"another code on the last line", "250-mail.example\r\n250-STARTTLS\r\n220 SIZE\r\n"},
		{"another code on the first line", "550-mail.example\r\n250-STARTTLS\r\n250 SIZE\r\n"},
		{"another code on a line between", "250-mail.example\r\n220-STARTTLS\r\n250 SIZE\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := smtptest.NewUnstartedServer()
			defer server.Close()
			server.Replies = map[smtptest.Stage]string{
				smtptest.AtHello:    test.hello,
				smtptest.AtHelloTLS: strings.ReplaceAll(test.hello, "STARTTLS", "PIPELINING"),
			}
			result, err := proberOf(server).Probe(t.Context(), address, server.ClientTLS())
			if err != nil || result.Late != nil || !result.OffersStartTLS {
				t.Errorf("errors %v, %v; STARTTLS is offered: %t", err, result.Late, result.OffersStartTLS)
			}
		})
	}
}

func TestBrokenServers(t *testing.T) {
	t.Parallel()
	for _, test := range brokenServers {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.why == "" {
				t.Fatal("a case without a reason")
			}
			synctest.Test(t, func(t *testing.T) {
				server := smtptest.NewUnstartedServer()
				defer server.Close()
				config := server.ClientTLS()
				test.setUp(server)
				start := time.Now()
				result, err := proberOf(server).Probe(t.Context(), address, config)
				e, ok := errors.AsType[*smtpprobe.Error](err)
				if !ok || e.Stage != test.stage || e.Addr != result.Addr {
					t.Fatalf("error %v, want it at %v", err, test.stage)
				}
				if test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("error %v, want %v", err, test.is)
				}
				code := 0
				if e.Reply != nil {
					code = e.Reply.Code
				}
				if code != test.code {
					t.Errorf("error %v, want the code %d", err, test.code)
				}
				if quit := result.Quit.Code == 221; quit != test.quits {
					t.Errorf("QUIT said: %t, want %t", quit, test.quits)
				}
				if result.Late != nil {
					t.Errorf("late error %v", result.Late)
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("it took %v", took) // nothing here waits for anybody
				}
			})
		})
	}
}

func TestRefusedConnection(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	result, err := new(smtpprobe.Prober).Probe(t.Context(), listener.Addr().String(), nil)
	if e, ok := errors.AsType[*smtpprobe.Error](err); !ok || e.Stage != smtpprobe.StageDial || result.LocalAddr.IsValid() {
		t.Errorf("error %v, LocalAddr %v", err, result.LocalAddr)
	}
	if _, ok := errors.AsType[*net.OpError](err); !ok {
		t.Errorf("the error of the dialer is not to be found in %v", err)
	}
}

// TestOverSockets has what could be different in memory.
func TestOverSockets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		setUp func(*smtptest.Server)
		stage smtpprobe.Stage
		is    error
	}{
		{"a context that ends while the server hangs", fault(smtptest.AtHandshake, smtptest.Hang), smtpprobe.StageHandshake, context.DeadlineExceeded},
		{"plaintext after STARTTLS, CVE-2011-0411", fault(smtptest.AtStartTLS, smtptest.Inject), smtpprobe.StageStartTLS, smtpprobe.ErrInjection},
		{"a greeting without end", fault(smtptest.AtGreeting, smtptest.Endless), smtpprobe.StageGreeting, smtpprobe.ErrReply},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := smtptest.NewUnstartedServer()
			test.setUp(server)
			server.Start()
			defer server.Close()
			ctx := t.Context()
			if test.is == context.DeadlineExceeded {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
				defer cancel()
			}
			_, err := new(smtpprobe.Prober).Probe(ctx, server.Addr, server.ClientTLS())
			if e, ok := errors.AsType[*smtpprobe.Error](err); !ok || e.Stage != test.stage || !errors.Is(err, test.is) {
				t.Errorf("error %v, want %v at %v", err, test.is, test.stage)
			}
		})
	}
}
