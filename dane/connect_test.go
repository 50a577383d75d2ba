package dane_test

import (
	"bufio"
	"context"
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

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
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
		{name: "slow, as tarpits are", server: slow(smtptest.AtGreeting, 50*time.Second), dane: "authenticated 1", opportunistic: "TLS 1"},
		{name: "slower than AttemptTimeout", server: slow(smtptest.AtHello, 3*time.Minute), dane: "4.4.2 1", opportunistic: "4.4.2 1"},
		{name: "busy", why: "RFC 5321 §3.8: once more", server: saying(smtptest.AtGreeting, "421 4.7.0 Too many"), dane: "4.7.0 2", opportunistic: "4.7.0 2"},
		{name: "busy at STARTTLS", why: "421 refuses nothing", server: saying(smtptest.AtStartTLS, "421 4.7.0 Too many"), dane: "4.7.0 2", opportunistic: "4.7.0 2"},
		{name: "greylisting", why: "the message's own affair", server: saying(smtptest.AtRcpt, "450 4.7.1 Greylisted"), dane: "message 4.7.1 1", opportunistic: "message 4.7.1 1"},
		{name: "no such user", why: "the server is known, so that it is believed", server: saying(smtptest.AtRcpt, "550 5.1.1 No such user"), dane: "message 5.1.1 1", opportunistic: "message 5.1.1 1"},
		{name: "no command", why: "STARTTLS is done, so that it is not about that", server: saying(smtptest.AtMail, "502 5.5.1 What?"), dane: "message 5.5.1 1", opportunistic: "message 5.5.1 1"},
		{name: "454 to a recipient", server: saying(smtptest.AtRcpt, "454 4.7.0 TLS not available"), dane: "message 4.7.0 1", opportunistic: "message 4.7.0 1"},
		{name: "closes in the message", server: failing(smtptest.AtMessage, smtptest.Close), dane: "message 4.4.2 1", opportunistic: "message 4.4.2 1"},
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
		for tlsa, want := range map[string]string{"3 1 1": tt.dane, "": tt.opportunistic, otherKey: "4."} {
			if tlsa == otherKey && tt.name != "all is well" {
				continue
			}
			t.Run(tt.name+"/"+tlsa, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					internet := danetest.New(t, oneHost(tlsa, tt.server))
					v := internet.Verifier()
					v.AttemptTimeout = time.Minute
					h := firstHost(t, v, "a.example")
					got := sendOnce(t, v, h)
					got = fmt.Sprint(got, " ", len(internet.Servers["mail.a.example"].Sessions()))
					if tlsa == otherKey {
						want = "4.7.5 1"
					}
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

// The addresses are tried in order. What fails is in the Conn, in the error, and told to the
// hooks.
func TestConnectTriesAddresses(t *testing.T) {
	t.Parallel()
	const records = "mail A 192.0.2.101\nmail A 192.0.2.102\n"
	for _, tt := range []struct {
		name  string
		takes map[byte]time.Duration // to connect, by the last octet
		limit time.Duration
		want  string
	}{
		{"the first is there", map[byte]time.Duration{1: 0}, time.Minute, "1 ok"},
		{"the first hangs, and there is half of the time left", map[byte]time.Duration{101: 0}, time.Minute, "1 failed, 101 ok after 30s"},
		{"both hang", map[byte]time.Duration{102: 0}, time.Minute, "1 failed, 101 failed, 102 ok after 45s"},
		{"all hang", nil, time.Minute, "1 failed, 101 failed, 102 failed after 1m0s: 4.4.1"},
		{"without a deadline each has its own", map[byte]time.Duration{102: 0}, 0, "1 failed, 101 failed, 102 ok after 10m0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				domain := oneHost("3 1 1", nil)
				domain.Zone.Records = records
				internet := danetest.New(t, domain)
				n := &network{internet: internet, takes: tt.takes}
				v := internet.Verifier()
				v.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := n.dial(ctx, network, address)
					if err != nil && ctx.Err() == nil { // the host is at all of them
						return internet.Dial(ctx, network, "192.0.2.1:25")
					}
					return conn, err
				}
				h := firstHost(t, v, "a.example")
				var got strings.Builder
				ctx := dane.WithTrace(t.Context(), &dane.Trace{Attempt: func(_ *dane.Host, a dane.Attempt) {
					if got.Len() > 0 {
						got.WriteString(", ")
					}
					fmt.Fprint(&got, a.Addr.Addr().As4()[3], map[bool]string{true: " ok", false: " failed"}[a.Err == nil])
				}})
				if tt.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.limit)
					defer cancel()
				}
				began := time.Now()
				conn, err := v.Connect(ctx, h)
				if took := time.Since(began); took > 0 {
					fmt.Fprint(&got, " after ", took)
				}
				if err != nil {
					fmt.Fprint(&got, ": ", dane.Classify(err).Code)
				} else {
					if len(conn.Failed) != strings.Count(tt.want, "failed") {
						t.Errorf("%d failed", len(conn.Failed))
					}
					conn.Close()
				}
				if diff := cmp.Diff(tt.want, got.String()); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		})
	}
}

// A host with many addresses that refuse leaves time for the next one, and says nothing for good.
func TestConnectIsBounded(t *testing.T) {
	t.Parallel()
	for n := range 9 {
		domain := oneHost("", saying(smtptest.AtGreeting, "554 5.7.1 Go away"))
		for i := range n {
			domain.Zone.Records += fmt.Sprintf("mail A 192.0.2.%d\n", 101+i)
		}
		internet := danetest.New(t, domain)
		v, dialled := internet.Verifier(), 0
		v.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			dialled++
			return internet.Dial(ctx, network, "192.0.2.1:25")
		}
		_, err := v.Connect(t.Context(), firstHost(t, v, "a.example"))
		e, _ := errors.AsType[*dane.Error](err)
		if want := min(n+1, 4); dialled != want || len(e.Attempts) != want || e.Permanent != (n+1 <= 4) {
			t.Errorf("%d addresses: %d connections, %d attempts, permanent: %v", n+1, dialled, len(e.Attempts), e.Permanent)
		}
	}
}

// Hosts that Connect must not connect to.
func TestConnectRefuses(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t, danetest.Domains()...)
	v := internet.Verifier()
	good := firstHost(t, v, "good.example")
	loopback, elsewhere, empty, unknown := *good, *good, *good, *good
	loopback.Addrs = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	empty.Addrs = nil
	unknown.Action = 99
	narrow := internet.Verifier()
	narrow.Allow = func(netip.Addr) bool { return false }
	for _, tt := range []struct {
		name     string
		verifier *dane.Verifier
		host     *dane.Host
		want     error
	}{
		{"nil", v, nil, dane.ErrSkipped},
		{"the zero Host", v, new(dane.Host), dane.ErrSkipped},
		{"one that is skipped", v, firstHost(t, v, "bogustlsa.example"), nil},
		{"an action that does not exist", v, &unknown, dane.ErrSkipped},
		{"an address of this machine", v, &loopback, dane.ErrRefusedAddress},
		{"one that Allow refuses", narrow, &elsewhere, dane.ErrRefusedAddress},
		{"no address", v, &empty, dane.ErrNoAddress},
	} {
		refusing := *tt.verifier
		refusing.Dial = func(context.Context, string, string) (net.Conn, error) {
			t.Errorf("%s: connects", tt.name)
			return nil, net.ErrClosed
		}
		conn, err := refusing.Connect(t.Context(), tt.host)
		if conn != nil || !isA[*dane.Error](err) || tt.want != nil && !errors.Is(err, tt.want) || dane.Classify(err).Permanent {
			t.Errorf("%s: %v, %v", tt.name, conn, err)
		}
	}
}

// A context that ends, ends all that waits for a server: Connect, and the client that has the
// connection. Before, a client was blocked for seconds after the deadline.
func TestConnectCancelled(t *testing.T) {
	t.Parallel()
	steps := []smtptest.Stage{smtptest.AtGreeting, smtptest.AtHello, smtptest.AtStartTLS, smtptest.AtHandshake, smtptest.AtHelloTLS,
		smtptest.AtMail, smtptest.AtRcpt, smtptest.AtData, smtptest.AtMessage, smtptest.AtQuit}
	for _, tlsa := range []string{"3 1 1", ""} {
		for _, step := range steps {
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
				if took := time.Since(began); took != 10*time.Second {
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

// LocalAddr, Hello and Port say how a connection is made, and without Dial it is made by the
// network.
func TestConnectByNetwork(t *testing.T) {
	t.Parallel()
	server := smtptest.NewServer()
	defer server.Close()
	addr := netip.MustParseAddrPort(server.Addr)
	h := &dane.Host{Domain: "a.example", Name: "mail.a.example", Action: dane.MayEncrypt, Addrs: []netip.Addr{addr.Addr()}}
	v := &dane.Verifier{AllowAll: true, LocalAddr: netip.MustParseAddr("127.0.0.2"), Hello: "me.example", Port: addr.Port()}
	conn, err := v.Connect(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	server.Close()
	session := server.Sessions()[0]
	if from := session.RemoteAddr.(*net.TCPAddr).AddrPort().Addr().String(); from != "127.0.0.2" || session.Commands[0] != "EHLO me.example" || session.TLS == nil {
		t.Errorf("from %s: %q", from, session.Commands)
	}
	v.LocalAddr = netip.IPv6Loopback()
	if _, err := v.Connect(t.Context(), h); dane.Classify(err).Code != "4.4.1" {
		t.Errorf("from another family: %v", err)
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
