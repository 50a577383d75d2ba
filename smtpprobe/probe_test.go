package smtpprobe_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

const address = "192.0.2.25:25"

func TestProbeSaysNoMoreThanItMust(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, why string
		setUp     func(*smtptest.Server)
		inClear   bool // no configuration
		want      string
	}{
		{
			name: "all stages of a good server",
			why:  "RFC 3207 §4.2: EHLO is repeated over TLS",
			want: `S: 220 mail.example ESMTP
C: EHLO client.example
S: 250-mail.example
S: 250-8BITMIME
S: 250-ENHANCEDSTATUSCODES
S: 250-SIZE 16777216
S: 250 STARTTLS
C: STARTTLS
S: 220 2.0.0 Ready to start TLS
TLS: TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256
C: EHLO client.example
S: 250-mail.example
S: 250-8BITMIME
S: 250-ENHANCEDSTATUSCODES
S: 250 SIZE 16777216
C: QUIT
S: 221 2.0.0 Bye
`,
		},
		{
			name:    "without a configuration STARTTLS is not tried",
			why:     "nobody could say how to verify the certificate",
			inClear: true,
			want: `S: 220 mail.example ESMTP
C: EHLO client.example
S: 250-mail.example
S: 250-8BITMIME
S: 250-ENHANCEDSTATUSCODES
S: 250-SIZE 16777216
S: 250 STARTTLS
C: QUIT
S: 221 2.0.0 Bye
`,
		},
		{
			name:    "a server that does not know EHLO is greeted with HELO in clear",
			why:     "RFC 5321 §3.2",
			setUp:   reply(smtptest.AtHello, "502 5.5.1 What is that?"),
			inClear: true,
			want: `S: 220 mail.example ESMTP
C: EHLO client.example
S: 502 5.5.1 What is that?
C: HELO client.example
S: 250 mail.example
C: QUIT
S: 221 2.0.0 Bye
`,
		},
		{
			name:  "and not where STARTTLS is wanted",
			why:   "HELO has no extensions",
			setUp: reply(smtptest.AtHello, "502 5.5.1 What is that?"),
			want: `S: 220 mail.example ESMTP
C: EHLO client.example
S: 502 5.5.1 What is that?
C: QUIT
S: 221 2.0.0 Bye
`,
		},
		{
			name:    "a server that refuses EHLO gets no HELO",
			why:     "RFC 5321 §4.1.1.1: 550 is an answer to the client, not to the command",
			setUp:   reply(smtptest.AtHello, "550 5.7.1 Not you"),
			inClear: true,
			want: `S: 220 mail.example ESMTP
C: EHLO client.example
S: 550 5.7.1 Not you
C: QUIT
S: 221 2.0.0 Bye
`,
		},
		{
			name: "control octets of the server do not reach the terminal",
			why:  "the text is the server's, the terminal is ours",
			setUp: func(s *smtptest.Server) {
				s.Replies = replies(smtptest.AtGreeting, "554-a\x1b[31m\x00\r\n554 \\ \xe4\r\n")
			},
			want: `S: 554-a\x1b[31m\x00
S: 554 \\ \xe4
C: QUIT
S: 221 2.0.0 Bye
`,
		},
		{
			name:  "lines that end in a bare LF",
			why:   "servers exist that send them, and senders take them",
			setUp: func(s *smtptest.Server) { s.Replies = replies(smtptest.AtHello, "250-mail.example\n250 SIZE\n") },
			want: `S: 220 mail.example ESMTP
C: EHLO client.example
S: 250-mail.example
S: 250 SIZE
C: QUIT
S: 221 2.0.0 Bye
`,
		},
		{
			name:  "a code without text",
			why:   "RFC 5321 §4.2: clients have to accept it",
			setUp: func(s *smtptest.Server) { s.Replies = replies(smtptest.AtHello, "250") },
			want: `S: 220 mail.example ESMTP
C: EHLO client.example
S: 250
C: QUIT
S: 221 2.0.0 Bye
`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := smtptest.NewUnstartedServer()
			defer server.Close()
			server.TLS = fixedTLS()
			if test.setUp != nil {
				test.setUp(server)
			}
			config := server.ClientTLS()
			if test.inClear {
				config = nil
			}
			result, _ := proberOf(server).Probe(t.Context(), address, config)
			if diff := cmp.Diff(test.want, result.String()); diff != "" {
				t.Errorf("conversation (-want +got):\n%s", diff)
			}
			var said []string
			for line := range strings.Lines(result.String()) {
				if command, ok := strings.CutPrefix(line, "C: "); ok {
					said = append(said, strings.TrimSpace(command))
				}
			}
			if diff := cmp.Diff(commands(server), said); diff != "" {
				t.Errorf("what the server heard (-) is not what was recorded (+):\n%s", diff)
			}
		})
	}
}

func TestResultHoldsWhatWasSeen(t *testing.T) {
	t.Parallel()
	server := smtptest.NewServer()
	defer server.Close()
	prober := smtpprobe.Prober{Hello: "client.example"}
	result, err := prober.Probe(t.Context(), server.Addr, server.ClientTLS())
	if err != nil || result.Late != nil {
		t.Fatalf("errors %v, %v", err, result.Late)
	}
	if result.Addr != netip.MustParseAddrPort(server.Addr) {
		t.Errorf("Addr = %v, want %v", result.Addr, server.Addr)
	}
	if !result.LocalAddr.Addr().IsLoopback() || result.LocalAddr.Port() == 0 {
		t.Errorf("LocalAddr = %v", result.LocalAddr)
	}
	want := []string{"8BITMIME", "ENHANCEDSTATUSCODES", "SIZE 16777216"}
	if diff := cmp.Diff(append(slices.Clone(want), "STARTTLS"), result.Extensions); diff != "" {
		t.Errorf("Extensions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, result.ExtensionsTLS); diff != "" {
		t.Errorf("ExtensionsTLS (-want +got):\n%s", diff)
	}
	if !result.OffersStartTLS || result.Quit.Code != 221 {
		t.Errorf("OffersStartTLS = %t, Quit = %v", result.OffersStartTLS, result.Quit)
	}
	if state := result.TLS; state == nil || !state.HandshakeComplete || !state.PeerCertificates[0].Equal(server.Certificate()) {
		t.Errorf("TLS = %+v", state)
	}
	var stages []smtpprobe.Stage
	for i, step := range result.Steps {
		stages = append(stages, step.Stage)
		if i > 0 && step.Start < result.Steps[i-1].Start+result.Steps[i-1].Duration {
			t.Errorf("%v begins before %v has ended", step.Stage, stages[i-1])
		}
	}
	if diff := cmp.Diff([]smtpprobe.Stage{
		smtpprobe.StageDial, smtpprobe.StageGreeting, smtpprobe.StageHello, smtpprobe.StageStartTLS,
		smtpprobe.StageHandshake, smtpprobe.StageHelloTLS, smtpprobe.StageQuit,
	}, stages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	server.Close()
	session := server.Sessions()[0]
	if session.Err != nil || session.ServerName != smtptest.DefaultName || session.RemoteAddr.String() != result.LocalAddr.String() {
		t.Errorf("the server saw %+v", session)
	}
}

func TestSourceAddress(t *testing.T) {
	t.Parallel()
	server := smtptest.NewServer()
	defer server.Close()
	local := netip.MustParseAddr("127.0.0.1")
	prober := smtpprobe.Prober{LocalAddr: local}
	result, err := prober.Probe(t.Context(), server.Addr, nil)
	if err != nil || result.LocalAddr.Addr() != local {
		t.Errorf("LocalAddr = %v, error %v", result.LocalAddr, err)
	}
	prober.LocalAddr = netip.IPv6Loopback()
	_, err = prober.Probe(t.Context(), server.Addr, nil)
	if e, ok := errors.AsType[*smtpprobe.Error](err); !ok || e.Stage != smtpprobe.StageDial {
		t.Errorf("an IPv6 source for an IPv4 server: %v", err)
	}
}

func TestProberIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	server := smtptest.NewServer()
	defer server.Close()
	var prober smtpprobe.Prober
	config := server.ClientTLS()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := prober.Probe(t.Context(), server.Addr, config); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestPlainPipe has a server that net.Pipe connects, so that each write waits for
// its reader.
func TestPlainPipe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := smtptest.NewUnstartedServer()
		defer server.Close()
		prober := smtpprobe.Prober{Dial: func(context.Context, string, string) (net.Conn, error) {
			client, conn := net.Pipe()
			go server.ServeConn(conn)
			return client, nil
		}}
		result, err := prober.Probe(t.Context(), address, nil)
		if err != nil || result.LocalAddr.IsValid() {
			t.Errorf("error %v, LocalAddr %v", err, result.LocalAddr)
		}
	})
}

func TestVerificationIsTheCallersBusiness(t *testing.T) {
	t.Parallel()
	server := smtptest.NewUnstartedServer()
	defer server.Close()

	mismatch := &mismatchError{}
	config := server.ClientTLS()
	config.VerifyConnection = func(tls.ConnectionState) error { return mismatch }
	result, err := proberOf(server).Probe(t.Context(), address, config)
	if e, ok := errors.AsType[*smtpprobe.Error](err); !ok || e.Stage != smtpprobe.StageHandshake {
		t.Errorf("error %v, want it at %v", err, smtpprobe.StageHandshake)
	}
	if got, ok := errors.AsType[*mismatchError](err); !ok || got != mismatch {
		t.Errorf("the hook's error is not to be found in %v", err)
	}
	if result.TLS == nil || result.TLS.HandshakeComplete || len(result.TLS.PeerCertificates) != 1 {
		t.Errorf("TLS = %+v, want the certificate that was turned down", result.TLS)
	}

	config = server.ClientTLS()
	config.RootCAs = x509.NewCertPool()
	_, err = proberOf(server).Probe(t.Context(), address, config)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); !ok {
		t.Errorf("error of crypto/x509 is not to be found in %v", err)
	}
}

func TestMistakesOfTheCallerAreFoundBeforeDialling(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, address string
		prober        smtpprobe.Prober
		config        *tls.Config
		stage         smtpprobe.Stage
	}{
		{name: "a host name is no address", address: "mail.example:25", stage: smtpprobe.StageDial},
		{name: "an address without port", address: "192.0.2.25", stage: smtpprobe.StageDial},
		{name: "a second command in Hello", prober: smtpprobe.Prober{Hello: "a\r\nMAIL"}, stage: smtpprobe.StageHello},
		{name: "two words in Hello", prober: smtpprobe.Prober{Hello: "a b"}, stage: smtpprobe.StageHello},
		{name: "a Hello that is not ASCII", prober: smtpprobe.Prober{Hello: "bücher.example"}, stage: smtpprobe.StageHello},
		{name: "a Hello that is only a dot", prober: smtpprobe.Prober{Hello: "."}, stage: smtpprobe.StageHello},
		{name: "a Hello that is too long", prober: smtpprobe.Prober{Hello: strings.Repeat("a", 256)}, stage: smtpprobe.StageHello},
		{name: "a server name that is not ASCII", config: &tls.Config{ServerName: "bücher.example"}, stage: smtpprobe.StageHandshake},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.address == "" {
				test.address = address
			}
			test.prober.Dial = func(context.Context, string, string) (net.Conn, error) {
				t.Error("dialled all the same")
				return nil, io.EOF
			}
			result, err := test.prober.Probe(t.Context(), test.address, test.config)
			if e, ok := errors.AsType[*smtpprobe.Error](err); !ok || e.Stage != test.stage || result == nil {
				t.Errorf("result %v, error %v, want it at %v", result, err, test.stage)
			}
		})
	}
}

func TestStagesHaveNames(t *testing.T) {
	t.Parallel()
	for stage, want := range map[smtpprobe.Stage]string{
		0: "dial", smtpprobe.StageGreeting: "greeting", smtpprobe.StageHello: "hello", smtpprobe.StageStartTLS: "starttls",
		smtpprobe.StageHandshake: "handshake", smtpprobe.StageHelloTLS: "hello-tls", smtpprobe.StageQuit: "quit", 7: "stage(7)",
	} {
		if got := stage.String(); got != want {
			t.Errorf("%d: got %q, want %q", stage, got, want)
		}
	}
}

// TestNothingIsLeftOver: a bubble does not end as long as a goroutine is in it, and
// all connections must be closed.
func TestNothingIsLeftOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := smtptest.NewUnstartedServer()
		var conn countingConn
		prober := smtpprobe.Prober{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			var err error
			conn.Conn, err = server.Dial(ctx, network, address)
			return &conn, err
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := prober.Probe(ctx, address, server.ClientTLS()); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if conn.closed != 1 {
			t.Errorf("connection closed %d times", conn.closed)
		}
		if session := server.Sessions()[0]; !session.Ended || session.Err != nil {
			t.Errorf("session goes on: %+v", session)
		}
	})
}

type countingConn struct {
	net.Conn
	closed int
}

func (c *countingConn) Close() error {
	c.closed++
	return c.Conn.Close()
}
