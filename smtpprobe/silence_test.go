package smtpprobe_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// TestSlowServers: tarpits hold the greeting back, and Exim's delays are a few seconds
// at each stage. Senders wait (RFC 5321 §4.5.3.2.1).
func TestSlowServers(t *testing.T) {
	t.Parallel()
	const each = 5 * time.Second
	for _, test := range []struct {
		name   string
		delays map[smtptest.Stage]time.Duration
		want   time.Duration
	}{
		{"the greeting is held back", map[smtptest.Stage]time.Duration{smtptest.AtGreeting: 290 * time.Second}, 290 * time.Second},
		{"each stage takes a while", map[smtptest.Stage]time.Duration{
			smtptest.AtGreeting: each, smtptest.AtHello: each, smtptest.AtStartTLS: each, smtptest.AtHandshake: each, smtptest.AtHelloTLS: each,
		}, 5 * each},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := smtptest.NewUnstartedServer()
				defer server.Close()
				server.Delays = test.delays
				start := time.Now()
				result, err := proberOf(server).Probe(t.Context(), address, server.ClientTLS())
				if err != nil || result.Late != nil || time.Since(start) != test.want {
					t.Errorf("errors %v, %v after %v, want none after %v", err, result.Late, time.Since(start), test.want)
				}
			})
		})
	}
}

// TestCauseNamesTheStage: a transcript prints the cause alone.
func TestCauseNamesTheStage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		setUp func(*smtptest.Server)
		want  string
	}{
		{"no greeting", fault(smtptest.AtGreeting, smtptest.Hang), "no greeting: context deadline exceeded"},
		{"half a greeting", reply(smtptest.AtGreeting, "220-mail.example\r\n"), "no end of the greeting: context deadline exceeded"},
		{
			"a proxy without a server", fault(smtptest.AtGreeting, smtptest.Close),
			"accepted, and closed without a greeting, as by a proxy that has no server behind it, or a server that waits for TLS: unexpected EOF",
		},
		{"a greeting that is none", reply(smtptest.AtGreeting, "Welcome"), `greeting: malformed reply: "Welcome\r\n"`},
		{"no reply to EHLO", fault(smtptest.AtHello, smtptest.Hang), "no reply to EHLO: context deadline exceeded"},
		{"closed after EHLO", fault(smtptest.AtHello, smtptest.Close), "no reply to EHLO: unexpected EOF"},
		{"no reply to STARTTLS", fault(smtptest.AtStartTLS, smtptest.Hang), "no reply to STARTTLS: context deadline exceeded"},
		{"no handshake", fault(smtptest.AtHandshake, smtptest.Hang), "TLS handshake not completed: context deadline exceeded"},
		{"closed in the handshake", fault(smtptest.AtHandshake, smtptest.Close), "TLS handshake not completed: unexpected EOF"},
		{"no reply over TLS", fault(smtptest.AtHelloTLS, smtptest.Hang), "no reply to EHLO over TLS: context deadline exceeded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := smtptest.NewUnstartedServer()
				defer server.Close()
				test.setUp(server)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				result, err := proberOf(server).Probe(ctx, address, server.ClientTLS())
				if err == nil {
					err = result.Late
				}
				if got := text(errors.Unwrap(err)); got != test.want {
					t.Errorf("cause %q, want %q", got, test.want)
				}
				if _, cause, _ := strings.Cut(text(err), address+": "); cause != strings.ReplaceAll(text(errors.Unwrap(err)), `\`, `\\`) {
					t.Errorf("%v: the stage is named twice", err)
				}
			})
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestImplicitTLS: a server that speaks TLS at once, as on port 465, waits for the
// client to begin, as one that is only slow does.
func TestImplicitTLS(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		serve    func(net.Conn, *tls.Config)
		implicit bool
		took     time.Duration
	}{
		{"it waits for TLS", func(conn net.Conn, config *tls.Config) { tls.Server(conn, config).Handshake() }, true, 59 * time.Second},
		{"it wants a newer TLS", func(conn net.Conn, config *tls.Config) {
			conn.Read(make([]byte, 4096))
			conn.Write([]byte{21, 3, 3, 0, 2, 2, 70}) // protocol_version
		}, true, 59 * time.Second},
		{"it speaks first", func(conn net.Conn, config *tls.Config) {
			conn.Write([]byte{21, 3, 3, 0, 2, 2, 10}) // unexpected_message
		}, true, 0},
		{"it is silent", func(conn net.Conn, config *tls.Config) { io.Copy(io.Discard, conn) }, false, time.Minute},
		{"it greets too late", func(conn net.Conn, config *tls.Config) {
			conn.Read(make([]byte, 4096))
			io.WriteString(conn, "220 mail.example ESMTP\r\n")
		}, false, 59 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for name, bound := range map[string]func(context.Context, *smtpprobe.Prober) (context.Context, context.CancelFunc){
				"the stage": func(ctx context.Context, p *smtpprobe.Prober) (context.Context, context.CancelFunc) {
					p.StageTimeout = time.Minute
					return ctx, func() {}
				},
				"the context": func(ctx context.Context, _ *smtpprobe.Prober) (context.Context, context.CancelFunc) {
					return context.WithTimeout(ctx, time.Minute)
				},
			} {
				synctest.Test(t, func(t *testing.T) {
					config := &tls.Config{Certificates: smtptest.NewUnstartedServer().Certificates}
					prober := &smtpprobe.Prober{Dial: func(context.Context, string, string) (net.Conn, error) {
						client, server := net.Pipe()
						go func() {
							defer server.Close()
							test.serve(server, config)
						}()
						return client, nil
					}}
					ctx, cancel := bound(t.Context(), prober)
					defer cancel()
					start := time.Now()
					_, err := prober.Probe(ctx, address, nil)
					e, ok := errors.AsType[*smtpprobe.Error](err)
					if !ok || e.Stage != smtpprobe.StageGreeting || strings.Contains(err.Error(), "speaks TLS at once") != test.implicit {
						t.Errorf("error %v", err)
					}
					if !test.implicit && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("error %v, want one of a deadline", err)
					}
					if took := time.Since(start); took != test.took {
						t.Errorf("by the deadline of %s it took %v, want %v", name, took, test.took)
					}
				})
			}
		})
	}
}

// TestImplicitTLSWithLittleTime: a tenth of the time, where that is less than a second.
func TestImplicitTLSWithLittleTime(t *testing.T) {
	t.Parallel()
	for stage, took := range map[time.Duration]time.Duration{
		5 * time.Second:  4500 * time.Millisecond,
		10 * time.Second: 9 * time.Second,
		20 * time.Second: 19 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			config := &tls.Config{Certificates: smtptest.NewUnstartedServer().Certificates}
			prober := &smtpprobe.Prober{StageTimeout: stage, Dial: func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				go func() {
					defer server.Close()
					tls.Server(server, config).Handshake()
				}()
				return client, nil
			}}
			start := time.Now()
			_, err := prober.Probe(t.Context(), address, nil)
			if time.Since(start) != took || err == nil || !strings.Contains(err.Error(), "speaks TLS at once") {
				t.Errorf("%v after %s, want %s", err, time.Since(start), took)
			}
		})
	}
}

// TestClosedWhileWeSpeak: what a server has said before it closed counts, even if the
// command could not be sent any more.
func TestClosedWhileWeSpeak(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, said string
		code       int
		is         error
	}{
		{"with 421", "421 4.7.0 Too many connections\r\n", 421, nil},
		{"with something that it must not say", "250 OK\r\n", 0, syscall.EPIPE},
		{"without a word", "", 0, syscall.EPIPE},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			prober := smtpprobe.Prober{Dial: func(context.Context, string, string) (net.Conn, error) {
				return &deafConn{parts: []string{"220 mail.example ESMTP\r\n", test.said}}, nil
			}}
			_, err := prober.Probe(t.Context(), address, nil)
			e, ok := errors.AsType[*smtpprobe.Error](err)
			if !ok || e.Stage != smtpprobe.StageHello || test.is != nil && !errors.Is(err, test.is) {
				t.Fatalf("error %v", err)
			}
			if test.code != 0 && (e.Reply == nil || e.Reply.Code != test.code || e.Reply.EnhancedCode() != "4.7.0") {
				t.Errorf("error %v, want the code %d", err, test.code)
			}
		})
	}
}

// A deafConn has said something, and takes nothing.
type deafConn struct {
	net.Conn
	parts []string
}

func (c *deafConn) Read(p []byte) (int, error) {
	if len(c.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.parts[0])
	c.parts = c.parts[1:]
	return n, nil
}
func (c *deafConn) Write([]byte) (int, error)       { return 0, syscall.EPIPE }
func (c *deafConn) Close() error                    { return nil }
func (c *deafConn) LocalAddr() net.Addr             { return nil }
func (c *deafConn) SetDeadline(time.Time) error     { return nil }
func (c *deafConn) SetReadDeadline(time.Time) error { return nil }

// TestClientCertificate: a server that demands one fails the handshake. In TLS 1.3 it
// says so only after the client is done with it.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	for version, alert := range map[uint16]tls.AlertError{tls.VersionTLS12: 40, tls.VersionTLS13: 116} {
		t.Run(smtpprobe.ProtocolName(version), func(t *testing.T) {
			t.Parallel()
			server := smtptest.NewUnstartedServer()
			defer server.Close()
			server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: version, MaxVersion: version}
			result, err := proberOf(server).Probe(t.Context(), address, server.ClientTLS())
			e, ok := errors.AsType[*smtpprobe.Error](err)
			if !ok || e.Stage != smtpprobe.StageHandshake || !errors.Is(err, smtpprobe.ErrClientCertificate) || result.Late != nil {
				t.Errorf("error %v, late %v", err, result.Late)
			}
			if got, ok := errors.AsType[tls.AlertError](err); !ok || got != alert {
				t.Errorf("alert %d of %v, want %d", got, err, alert)
			}
			if result.TLS != nil && result.TLS.HandshakeComplete {
				t.Error("the handshake counts as complete")
			}
			if strings.Contains(err.Error(), "EHLO") {
				t.Errorf("%v", err)
			}

			// With a certificate, by either way of having one, nothing is wrong; nor
			// without, if the server only asks.
			certificate := smtptest.NewUnstartedServer().Certificates[0]
			with := server.ClientTLS()
			with.Certificates = []tls.Certificate{certificate}
			byHook := server.ClientTLS()
			byHook.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
			for _, config := range []*tls.Config{with, byHook} {
				if result, err := proberOf(server).Probe(t.Context(), address, config); err != nil || result.Late != nil {
					t.Errorf("with a certificate: errors %v, %v", err, result.Late)
				}
			}
			asks := smtptest.NewUnstartedServer()
			defer asks.Close()
			asks.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: version, MaxVersion: version}
			if result, err := proberOf(asks).Probe(t.Context(), address, asks.ClientTLS()); err != nil || result.Late != nil {
				t.Errorf("a server that only asks: errors %v, %v", err, result.Late)
			}
		})
	}
}

// TestAlertsAreFound: an alert has a type, whatever it is about, and is about a
// certificate of the client only where the server has asked for one.
func TestAlertsAreFound(t *testing.T) {
	t.Parallel()
	server := smtptest.NewUnstartedServer()
	defer server.Close()
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}
	_, err := proberOf(server).Probe(t.Context(), address, server.ClientTLS())
	if alert, ok := errors.AsType[tls.AlertError](err); !ok || alert != 40 || errors.Is(err, smtpprobe.ErrClientCertificate) {
		t.Errorf("alert %d of %v, want handshake_failure", alert, err)
	}
}
