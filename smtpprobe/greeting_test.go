package smtpprobe_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

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
