package main

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/tlsrpt"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// What the first connection to a host makes of the message, where the second one
// would take it in clear. Only a refused STARTTLS or a failed handshake may lead
// there: dane.Host.Fallback. A server that is busy (421) before the message is tried once more
// by dane.Verifier.Connect, in the same way.
func TestOnlyTLSFailuresWeaken(t *testing.T) {
	t.Parallel()
	fault := func(step smtptest.Stage, fault smtptest.Fault) func(*smtptest.Server) {
		return func(s *smtptest.Server) { s.Faults = map[smtptest.Stage]smtptest.Fault{step: fault} }
	}
	reply := func(step smtptest.Stage, reply string) func(*smtptest.Server) {
		return func(s *smtptest.Server) { s.Replies = map[smtptest.Stage]string{step: reply} }
	}
	const queued, inClear, bounced = "stays queued", "goes in clear", "bounces"
	for _, tt := range []struct {
		name  string
		first func(*smtptest.Server)
		want  string
	}{
		{"554 in the greeting", fault(smtptest.AtGreeting, smtptest.Permanent), bounced},
		{"closed before the greeting", fault(smtptest.AtGreeting, smtptest.Close), queued},
		{"a greeting that is none", reply(smtptest.AtGreeting, "Welcome"), queued},
		{"450 to EHLO", reply(smtptest.AtHello, "450 4.7.1 Not now"), queued},
		{"550 to EHLO", reply(smtptest.AtHello, "550 5.7.1 Not you"), bounced},
		{"closed after EHLO", fault(smtptest.AtHello, smtptest.Close), queued},
		{"closed after STARTTLS", fault(smtptest.AtStartTLS, smtptest.Close), queued},
		{"450 to EHLO over TLS", reply(smtptest.AtHelloTLS, "450 4.7.1 Not now"), queued},
		{"closed after EHLO over TLS", fault(smtptest.AtHelloTLS, smtptest.Close), queued},
		{"421 to MAIL", reply(smtptest.AtMail, "421 4.3.2 Not now"), queued},
		{"450 to MAIL", reply(smtptest.AtMail, "450 4.7.1 Not now"), queued},
		{"450 to RCPT", reply(smtptest.AtRcpt, "450 4.2.0 Greylisted"), queued},
		{"550 to RCPT", reply(smtptest.AtRcpt, "550 5.1.1 No such user"), bounced},
		{"450 to DATA", reply(smtptest.AtData, "450 4.3.0 Not now"), queued},
		{"450 to the message", reply(smtptest.AtMessage, "450 4.3.0 Not now"), queued},
		{"closed after the message", fault(smtptest.AtMessage, smtptest.Close), queued},

		{"454 to STARTTLS", fault(smtptest.AtStartTLS, smtptest.Temporary), inClear},
		{"502 to STARTTLS", reply(smtptest.AtStartTLS, "502 5.5.1 Not here"), inClear},
		{"STARTTLS is not offered", func(s *smtptest.Server) { s.NoStartTLS = true }, inClear},
		{"502 to EHLO, and HELO taken", reply(smtptest.AtHello, "502 5.5.1 What is that?"), inClear},
		{"closed in the handshake", fault(smtptest.AtHandshake, smtptest.Close), inClear},
		{"plaintext in the handshake", fault(smtptest.AtHandshake, smtptest.Permanent), inClear},
		{"only TLS 1.1", func(s *smtptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		}, inClear},
		{"a certificate of the client, in TLS 1.2", clientCertificate(tls.VersionTLS12), inClear},
		{"a certificate of the client, in TLS 1.3", clientCertificate(tls.VersionTLS13), inClear},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			internet := danetest.New(t, danetest.Domain{Name: "clear.example", Hosts: []danetest.Host{{
				Name: "mail", Server: func(s *smtptest.Server) { s.NoStartTLS = true },
			}}})
			first := smtptest.NewUnstartedServer()
			t.Cleanup(first.Close)
			tt.first(first)
			v := internet.Verifier()
			second, connections := v.Dial, atomic.Int32{}
			v.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				if connections.Add(1) == 1 {
					return first.Dial(ctx, network, address)
				}
				return second(ctx, network, address)
			}
			status, _ := runMTA(t.Context(), v, text, "-from", "me@sender.example", "you@clear.example")
			got := map[int]string{exitLater: queued, exitDelivered: inClear, exitBounce: bounced}[status]
			if got != tt.want {
				t.Errorf("exit status %d: it %s, want that it %s", status, got, tt.want)
			}
			if n := connections.Load(); tt.want != inClear && n != 1 {
				t.Errorf("%d connections, want no second one", n)
			}
		})
	}
}

// What the host says decides the code of a failure, at each stage that go-smtp goes through, and
// only what is about TLS is one of TLS (RFC 8460 §4.3).
func TestCodesOfReplies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		step        smtptest.Stage
		reply, want string // code and type
	}{
		{smtptest.AtGreeting, "450 4.7.1 Not now", "4.7.1 "},
		{smtptest.AtHello, "450 4.7.25 Not now", "4.7.25 "},
		{smtptest.AtStartTLS, "454 4.7.0 Not now", "4.7.4 starttls-not-supported"},
		{smtptest.AtStartTLS, "421 4.3.2 Not now", "4.3.2 "},
		{smtptest.AtHelloTLS, "450 4.7.25 Not now", "4.7.25 "},
		{smtptest.AtRcpt, "450 4.2.0 Greylisted", "4.2.0 "},
		{smtptest.AtRcpt, "454 4.7.1 Relay access denied", "4.7.1 "},
	} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{
			Name: "mail", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) { s.Replies = map[smtptest.Stage]string{tt.step: tt.reply} },
		}}})
		m := &mailer{verifier: internet.Verifier(), reporter: new(tlsrpt.Reporter), log: quiet()}
		r := m.deliver(t.Context(), &message{open: inMemory([]byte(text))}, []string{"you@a.example"})[0]
		if r.failure.Code+" "+string(r.failure.ResultType) != tt.want {
			t.Errorf("%s %q: %v: %+v, want %s", tt.step, tt.reply, r.err, r.failure, tt.want)
		}
	}
}

func clientCertificate(version uint16) func(*smtptest.Server) {
	return func(s *smtptest.Server) {
		s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: version, MaxVersion: version}
	}
}
