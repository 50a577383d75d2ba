package dane_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/smtp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

func failing(step smtptest.Stage, fault smtptest.Fault) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.Faults = map[smtptest.Stage]smtptest.Fault{step: fault} }
}

func saying(step smtptest.Stage, reply string) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.Replies = map[smtptest.Stage]string{step: reply} }
}

func slow(step smtptest.Stage, d time.Duration) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.Delays = map[smtptest.Stage]time.Duration{step: d} }
}

func within(config *tls.Config) func(*smtptest.Server) {
	return func(s *smtptest.Server) { s.TLS = config }
}

// What becomes of a message to each kind of server, with and without DANE: how it was sent, or
// the code of the failure, and after how many connections.
func TestConnect(t *testing.T) {
	t.Parallel()
	tls10 := &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}
	for _, tt := range []struct {
		name, why string
		server    func(*smtptest.Server)
		// with a TLSA record that matches, and without one
		dane, opportunistic string
	}{
		{name: "all is well", dane: "authenticated 1", opportunistic: "TLS 1"},
		{name: "another key", server: func(s *smtptest.Server) {
			s.Certificates = []tls.Certificate{tlsatest.SelfSigned(tlsatest.Leaf{Names: []string{"mail.a.example"}}).TLS()}
		}, dane: "4.7.5 1", opportunistic: "TLS 1"},
		{name: "slow, as tarpits are", server: slow(smtptest.AtGreeting, 50*time.Second), dane: "authenticated 1", opportunistic: "TLS 1"},
		{name: "slower than AttemptTimeout", server: slow(smtptest.AtHello, 3*time.Minute), dane: "4.4.2 1", opportunistic: "4.4.2 1"},
		{name: "busy", why: "RFC 5321 §3.8: once more", server: saying(smtptest.AtGreeting, "421 4.7.0 Too many"), dane: "4.7.0 2", opportunistic: "4.7.0 2"},
		{name: "busy at STARTTLS", why: "421 refuses nothing", server: saying(smtptest.AtStartTLS, "421 4.7.0 Too many"), dane: "4.7.0 2", opportunistic: "4.7.0 2"},
		{name: "greylisting", why: "the message's own affair", server: saying(smtptest.AtRcpt, "450 4.7.1 Greylisted"), dane: "message 4.7.1 1", opportunistic: "message 4.7.1 1"},
		{name: "no such user", why: "the server is known, so that it is believed", server: saying(smtptest.AtRcpt, "550 5.1.1 No such user"), dane: "message 5.1.1 1", opportunistic: "message 5.1.1 1"},
		{name: "no command", why: "STARTTLS is done, so that it is not about that", server: saying(smtptest.AtMail, "502 5.5.1 What?"), dane: "message 5.5.1 1", opportunistic: "message 5.5.1 1"},
		{name: "454 to a recipient", server: saying(smtptest.AtRcpt, "454 4.7.0 TLS not available"), dane: "message 4.7.0 1", opportunistic: "message 4.7.0 1"},
		{name: "closes in the message", server: failing(smtptest.AtMessage, smtptest.Close), dane: "message 4.4.2 1", opportunistic: "message 4.4.2 1"},
		{name: "talks without end, to a client that reads it all", server: failing(smtptest.AtRcpt, smtptest.Endless), dane: "message 4.4.2 1", opportunistic: "message 4.4.2 1"},
		{name: "talks without end of line", server: failing(smtptest.AtMail, smtptest.EndlessLine), dane: "message 4.4.2 1", opportunistic: "message 4.4.2 1"},
		{name: "TLS 1.0 alone", why: "RFC 8996 §3; better than clear text", server: within(tls10), dane: "4.7.5 1", opportunistic: "TLS 1"},
		{name: "a client certificate wanted, in TLS 1.3", why: "the verdict comes after the handshake", server: within(&tls.Config{ClientAuth: tls.RequireAnyClientCert}), dane: "4.7.5 1", opportunistic: "clear 2"},
		{name: "no STARTTLS", server: func(s *smtptest.Server) { s.NoStartTLS = true }, dane: "4.7.4 1", opportunistic: "clear 1"},
		{name: "STARTTLS stripped", server: saying(smtptest.AtHello, "250-mail.a.example\r\n250 XXXXXXXA"), dane: "4.7.4 1", opportunistic: "clear 1"},
		{name: "STARTTLS refused for now", server: saying(smtptest.AtStartTLS, "454 4.7.0 TLS not available"), dane: "4.7.4 1", opportunistic: "clear 2"},
		{name: "STARTTLS refused", server: saying(smtptest.AtStartTLS, "554 5.7.3 Never"), dane: "4.7.4 1", opportunistic: "clear 2"},
		{name: "STARTTLS garbled", why: "it is not refused", server: saying(smtptest.AtStartTLS, "ready"), dane: "4.7.5 1", opportunistic: "4.7.5 1"},
		{name: "closes at STARTTLS", server: failing(smtptest.AtStartTLS, smtptest.Close), dane: "4.7.5 1", opportunistic: "4.7.5 1"},
		{name: "hangs at STARTTLS", server: failing(smtptest.AtStartTLS, smtptest.Hang), dane: "4.7.5 1", opportunistic: "4.7.5 1"},
		{name: "talks in the handshake", server: failing(smtptest.AtHandshake, smtptest.Permanent), dane: "4.7.5 1", opportunistic: "clear 2"},
		{name: "closes in the handshake", server: failing(smtptest.AtHandshake, smtptest.Close), dane: "4.7.5 1", opportunistic: "clear 2"},
		{name: "hangs in the handshake", server: failing(smtptest.AtHandshake, smtptest.Hang), dane: "4.7.5 1", opportunistic: "clear 2"},
		{name: "refuses the client", why: "with DANE anybody may say so; without, it may be the next host's to decide", server: saying(smtptest.AtGreeting, "554 5.7.1 Go away"), dane: "4.7.1 1", opportunistic: "5.7.1 1"},
		{name: "refuses the client when it is known who it is", server: saying(smtptest.AtHelloTLS, "550 5.7.1 Go away"), dane: "5.7.1 1", opportunistic: "5.7.1 1"},
		{name: "EHLO not known", why: "RFC 5321 §3.2", server: saying(smtptest.AtHello, "502 5.5.1 What?"), dane: "4.5.1 1", opportunistic: "clear 1"},
		{name: "EHLO refused for now", server: saying(smtptest.AtHello, "450 4.7.1 Later"), dane: "4.7.1 1", opportunistic: "4.7.1 1"},
		{name: "hangs at the greeting", server: failing(smtptest.AtGreeting, smtptest.Hang), dane: "4.4.2 1", opportunistic: "4.4.2 1"},
		{name: "talks without end", server: failing(smtptest.AtHello, smtptest.Endless), dane: "4.4.2 1", opportunistic: "4.4.2 1"},
		{name: "STARTTLS offered over TLS, too", server: saying(smtptest.AtHelloTLS, "250-mail.a.example\r\n250 STARTTLS"), dane: "authenticated 1", opportunistic: "TLS 1"},
	} {
		for tlsa, want := range map[string]string{"3 1 1": tt.dane, "": tt.opportunistic} {
			t.Run(tt.name+"/"+tlsa, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					internet := danetest.New(t, oneHost(tlsa, tt.server))
					v := internet.Verifier()
					v.AttemptTimeout = time.Minute
					h := firstHost(t, v, "a.example")
					got := sendOnce(t, v, h)
					got = fmt.Sprint(got, " ", len(internet.Servers["mail.a.example"].Sessions()))
					if got != want {
						t.Errorf("%s: %q, want %q", tt.why, got, want)
					}
					wantTLS := strings.HasPrefix(want, "TLS") || strings.HasPrefix(want, "authenticated")
					for _, m := range internet.Servers["mail.a.example"].Messages() {
						if m.TLS != wantTLS {
							t.Errorf("sent over TLS: %v", m.TLS)
						}
					}
				})
			})
		}
	}
}

// oneHost is a domain a.example with one server.
func oneHost(tlsa string, server func(*smtptest.Server)) danetest.Domain {
	host := danetest.Host{Name: "mail", Server: server}
	if tlsa != "" {
		host.TLSA = []string{tlsa}
	}
	return danetest.Domain{Name: "a.example", Hosts: []danetest.Host{host}}
}

func firstHost(t *testing.T, v *dane.Verifier, domain string) *dane.Host {
	t.Helper()
	d, err := v.LookupMX(t.Context(), domain)
	if err != nil {
		t.Fatal(err)
	}
	return v.LookupHost(t.Context(), d, d.MX[0])
}

// sendOnce sends a message to a host, and says what came of it. What was promised by Connect is
// checked.
func sendOnce(t *testing.T, v *dane.Verifier, h *dane.Host) string {
	conn, err := v.Connect(t.Context(), h)
	if err != nil {
		e, ok := errors.AsType[*dane.Error](err)
		if !ok || e.Domain != h.Domain || e.Host != h.Name || e.Permanent != dane.Classify(err).Permanent || conn != nil {
			t.Errorf("%#v", err)
		}
		if e.Err != nil && len(e.Attempts) == 1 && !isA[*smtpprobe.Error](e.Err) {
			t.Errorf("without a stage: %v", err)
		}
		return dane.Classify(err).Code
	}
	defer conn.Close()
	if conn.Host.VerifyConnection(conn.ConnectionState()) != nil && !conn.Host.MayCleartext() {
		t.Error("the connection is not what the host demands")
	}
	err = conn.MessageError(sendOver(conn, func(client *smtp.Client) error { return sendMessage(client, "you@"+h.Domain) }))
	switch state := conn.ConnectionState(); {
	case err != nil:
		return "message " + dane.Classify(err).Code
	case conn.Attempt.Authenticated:
		return "authenticated"
	case state.HandshakeComplete:
		return "TLS"
	}
	return "clear"
}

// The policy says what may follow a failed handshake, and Connect does that and no more.
func TestConnectByPolicy(t *testing.T) {
	t.Parallel()
	noTLS := func(s *smtptest.Server) { s.NoStartTLS = true }
	for _, tt := range []struct {
		name    string
		level   dane.TLSLevel
		trusted bool // the CA
		server  func(*smtptest.Server)
		want    string
	}{
		{"verification is preferred, and fails", dane.TLSPreferredVerify, false, nil, "TLS fallback"},
		{"and does not fail", dane.TLSPreferredVerify, true, nil, "TLS"},
		{"and there is no TLS at all", dane.TLSPreferredVerify, true, noTLS, "clear"},
		{"and STARTTLS is refused", dane.TLSPreferredVerify, true, saying(smtptest.AtStartTLS, "454 4.7.0 No"), "4.7.4"},
		{"and no handshake succeeds", dane.TLSPreferredVerify, true, failing(smtptest.AtHandshake, smtptest.Close), "4.7.5"},
		{"verification is required, and fails", dane.TLSRequiredVerify, false, nil, "4.7.5"},
		{"and does not fail", dane.TLSRequiredVerify, true, nil, "TLS"},
		{"TLS is required", dane.TLSRequired, false, nil, "TLS"},
		{"and there is none", dane.TLSRequired, false, noTLS, "4.7.4"},
		{"and no handshake succeeds", dane.TLSRequired, false, failing(smtptest.AtHandshake, smtptest.Close), "4.7.5"},
		{"TLS is off", dane.TLSNone, false, nil, "clear"},
	} {
		internet := danetest.New(t, oneHost("", tt.server))
		v := internet.Verifier()
		v.Policy = policy(t, dane.Profile{TLS: tt.level, DANE: dane.DANENone})
		if tt.trusted {
			v.RootCAs = internet.CA.Pool()
		} else {
			v.RootCAs = danetest.New(t).CA.Pool()
		}
		got := ""
		ctx := dane.WithTrace(t.Context(), &dane.Trace{Attempt: func(_ *dane.Host, a dane.Attempt) {
			if a.Fallback != (a.FallbackErr != nil) {
				t.Errorf("%s: %v", tt.name, a.FallbackErr)
			}
			if a.Fallback && a.Err == nil {
				got = " fallback"
			}
		}})
		conn, err := v.Connect(ctx, firstHost(t, v, "a.example"))
		switch {
		case err != nil:
			got = dane.Classify(err).Code
		case conn.ConnectionState().HandshakeComplete:
			got = "TLS" + got
		default:
			got = "clear" + got
		}
		if conn != nil {
			conn.Close()
		}
		if got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

// Of several hosts and addresses that fail, the message bounces only if each of them says so.
func TestClassifyConnect(t *testing.T) {
	t.Parallel()
	never := saying(smtptest.AtGreeting, "554 5.7.1 Go away")
	later := saying(smtptest.AtGreeting, "454 4.3.2 Later")
	for _, tt := range []struct {
		name  string
		hosts []danetest.Host
		zone  string
		want  string
	}{
		{"one says never", []danetest.Host{{Name: "m1", Server: never}}, "", "5.7.1"},
		{"both do", []danetest.Host{{Name: "m1", Server: never}, {Name: "m2", Server: never}}, "", "5.7.1"},
		{"the second says later", []danetest.Host{{Name: "m1", Server: never}, {Name: "m2", Server: later}}, "", "4.3.2"},
		{"the first does", []danetest.Host{{Name: "m1", Server: later}, {Name: "m2", Server: never}}, "", "4.3.2"},
		{"the second could not be asked", []danetest.Host{{Name: "m1", Server: never}}, "m1 A 192.0.2.99", "4.4.1"},
		{"the second must not be", []danetest.Host{{Name: "m1", Server: never}}, "m1 A 127.0.0.1", "5.7.1"},
		{"there are more than are tried", []danetest.Host{{Name: "m1", Server: never}}, "m1 A 192.0.2.2\nm1 A 192.0.2.3\nm1 A 192.0.2.4\nm1 A 192.0.2.5", "4.7.1"},
		{"the second is to be authenticated, so that nobody knows who says no", []danetest.Host{{Name: "m1", Server: never}, {Name: "m2", TLSA: []string{"3 1 1"}, Server: never}}, "", "4.7.1"},
	} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: tt.hosts, Zone: dnssectest.Zone{Records: tt.zone}})
		err := deliver(t.Context(), internet.Verifier(), "a.example", func(*smtp.Client) error { return nil })
		if got := dane.Classify(err); got.Code != tt.want || got.Permanent != strings.HasPrefix(tt.want, "5") || strings.Contains(got.Text, "\n") {
			t.Errorf("%s: %+v, want %s", tt.name, got, tt.want)
		}
	}
}

// A handshake that gets no answer, as behind a middlebox that stalls on it, leaves time for the
// fallback, also where the deadline comes before AttemptTimeout; and none where there is no
// fallback.
func TestConnectFallbackHasTime(t *testing.T) {
	t.Parallel()
	for tlsa, want := range map[string]string{"": "clear", "3 1 1": "4.7.5"} {
		synctest.Test(t, func(t *testing.T) {
			internet := danetest.New(t, oneHost(tlsa, failing(smtptest.AtHandshake, smtptest.Hang)))
			v := internet.Verifier()
			h := firstHost(t, v, "a.example")
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			conn, err := v.Connect(ctx, h)
			got := dane.Classify(err).Code
			if err == nil {
				got = map[bool]string{true: "TLS", false: "clear"}[conn.ConnectionState().HandshakeComplete]
				conn.Close()
			}
			if got != want {
				t.Errorf("TLSA %q: %q, want %q: %v", tlsa, got, want, err)
			}
		})
	}
}
