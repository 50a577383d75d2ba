package clients

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

const text = "Subject: test\r\n\r\nHello.\r\n"

// senders are the three clients, each with a message to a recipient.
func senders(t *testing.T, to string) map[string]Send {
	message := mail.NewMsg()
	if err := message.From("me@sender.example"); err != nil {
		t.Fatal(err)
	}
	if err := message.To(to); err != nil {
		t.Fatal(err)
	}
	message.Subject("test")
	message.SetBodyString(mail.TypeTextPlain, "Hello.\r\n")
	return map[string]Send{
		"net/smtp": NetSMTP("sender.example", "me@sender.example", to, []byte(text)),
		"go-smtp":  GoSMTP("sender.example", "me@sender.example", to, []byte(text)),
		"go-mail":  GoMail("sender.example", message),
	}
}

// A world with a server of each kind, and what becomes of a message to it, by whichever client.
var world = []struct {
	name   string // of the domain
	tlsa   string
	server func(*smtptest.Server)
	want   string // how it came, or the code of the failure
}{
	{"good", "3 1 1", nil, "TLS"},
	{"plain", "", func(s *smtptest.Server) { s.NoStartTLS = true }, "clear"},
	{"opportunistic", "", nil, "TLS"},
	{"slow", "3 1 1", delay(smtptest.AtGreeting, 2*time.Minute), "TLS"},
	{"slower", "3 1 1", delay(smtptest.AtMessage, 4*time.Minute), "TLS"},
	{"busy", "3 1 1", reply(smtptest.AtGreeting, "421 4.7.0 Too many connections"), "4.7.0"},
	{"greylisting", "3 1 1", reply(smtptest.AtRcpt, "450 4.7.1 Greylisted"), "4.7.1"},
	{"nobody", "3 1 1", reply(smtptest.AtRcpt, "550 5.1.1 No such user"), "5.1.1"},
	{"nobody-at-all", "", reply(smtptest.AtRcpt, "550 5.1.1 No such user"), "5.1.1"},
	{"full", "3 1 1", reply(smtptest.AtMessage, "552 5.2.2 Mailbox full"), "5.2.2"},
	{"old", "", within(tls.VersionTLS10), "TLS"},
	{"too-old", "3 1 1", within(tls.VersionTLS10), "4.7.5"},
	{"mismatch", "3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", nil, "4.7.5"},
	{"stripped", "3 1 1", func(s *smtptest.Server) { s.NoStartTLS = true }, "4.7.4"},
	{"refused", "3 1 1", reply(smtptest.AtStartTLS, "454 4.7.0 TLS not available"), "4.7.4"},
	{"refused-in-clear", "", reply(smtptest.AtStartTLS, "454 4.7.0 TLS not available"), "clear"},
	{"broken", "", fault(smtptest.AtHandshake, smtptest.Close), "clear"},
	{"ancient", "", reply(smtptest.AtHello, "502 5.5.1 What?"), "clear"},
	{"offers-twice", "3 1 1", reply(smtptest.AtHelloTLS, "250-mail\r\n250 STARTTLS"), "TLS"},
	{"demands-certificate", "", func(s *smtptest.Server) { s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert} }, "clear"},
	{"hangs", "3 1 1", fault(smtptest.AtData, smtptest.Hang), "4.4.2"},
	{"closes", "3 1 1", fault(smtptest.AtMail, smtptest.Close), "4.4.2"},
	{"rude", "3 1 1", fault(smtptest.AtQuit, smtptest.Close), "TLS"},
	{"rude-and-slow", "3 1 1", fault(smtptest.AtQuit, smtptest.Hang), "TLS"},
}

func reply(step smtptest.Stage, text string) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.Replies = map[smtptest.Stage]string{step: text} }
}

func fault(step smtptest.Stage, fault smtptest.Fault) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.Faults = map[smtptest.Stage]smtptest.Fault{step: fault} }
}

func delay(step smtptest.Stage, d time.Duration) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.Delays = map[smtptest.Stage]time.Duration{step: d} }
}

func within(version uint16) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.TLS = &tls.Config{MinVersion: version, MaxVersion: version} }
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	for _, tt := range world {
		domain := tt.name + ".example"
		for client := range senders(t, "you@"+domain) {
			t.Run(tt.name+"/"+client, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					host := danetest.Host{Name: "mail", Server: tt.server}
					if tt.tlsa != "" {
						host.TLSA = []string{tt.tlsa}
					}
					internet := danetest.New(t, danetest.Domain{Name: domain, Hosts: []danetest.Host{host}})
					ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
					defer cancel()
					began := time.Now()
					err := Deliver(ctx, internet.Verifier(), domain, senders(t, "you@"+domain)[client])
					if took := time.Since(began); took > 15*time.Minute {
						t.Errorf("%s after the deadline", took)
					}
					got := dane.Classify(err).Code
					messages := internet.Servers["mail."+domain].Messages()
					if err == nil && len(messages) == 1 {
						got = map[bool]string{true: "TLS", false: "clear"}[messages[0].TLS]
					}
					if got != tt.want || dane.Classify(err).Permanent != strings.HasPrefix(tt.want, "5") || err != nil && len(messages) > 0 {
						t.Errorf("%q, %d messages, %v; want %q", got, len(messages), err, tt.want)
					}
					for _, m := range messages {
						if !strings.HasSuffix(string(m.Data), "\r\n\r\nHello.\r\n") || m.To[0] != "you@"+domain {
							t.Errorf("%q to %q", m.Data, m.To)
						}
					}
				})
			})
		}
	}
}

// The next host gets the message that the first one does not take, and only that.
func TestDeliverToTheNextHost(t *testing.T) {
	t.Parallel()
	for reply, next := range map[string]bool{"450 4.7.1 Greylisted": true, "421 4.3.2 Shutting down": true, "550 5.1.1 No such user": false} {
		for client := range senders(t, "you@a.example") {
			internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{
				{Name: "first", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) { s.Replies = map[smtptest.Stage]string{smtptest.AtRcpt: reply} }},
				{Name: "second", TLSA: []string{"3 1 1"}},
			}})
			err := Deliver(t.Context(), internet.Verifier(), "a.example", senders(t, "you@a.example")[client])
			if got := len(internet.Servers["second.a.example"].Messages()) == 1; got != next || next != (err == nil) {
				t.Errorf("%s: %s: sent to the next host: %v, %v", client, reply, got, err)
			}
		}
	}
}
