package smtpprobe_test

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// TestEveryStageHasADeadline has servers that hang.
func TestEveryStageHasADeadline(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		at    smtptest.Stage
		stage smtpprobe.Stage
	}{
		{smtptest.AtGreeting, smtpprobe.StageGreeting},
		{smtptest.AtHello, smtpprobe.StageHello},
		{smtptest.AtStartTLS, smtpprobe.StageStartTLS},
		{smtptest.AtHandshake, smtpprobe.StageHandshake},
	} {
		hang := func(t *testing.T) *smtptest.Server {
			server := smtptest.NewUnstartedServer()
			server.Faults = faults(test.at, smtptest.Hang)
			t.Cleanup(server.Close)
			return server
		}
		// check compares the error, and the time, which no clock but the bubble's has.
		check := func(t *testing.T, err, want error, start time.Time, within time.Duration) {
			t.Helper()
			if e, ok := errors.AsType[*smtpprobe.Error](err); !ok || e.Stage != test.stage || !errors.Is(err, want) {
				t.Errorf("error %v, want %v at %v", err, want, test.stage)
			}
			if took := time.Since(start); took != within {
				t.Errorf("it took %v, want %v", took, within)
			}
		}
		t.Run(string(test.at)+": the zero Prober waits five minutes", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server, start := hang(t), time.Now()
				_, err := proberOf(server).Probe(t.Context(), address, server.ClientTLS())
				check(t, err, os.ErrDeadlineExceeded, start, 5*time.Minute)
			})
		})
		t.Run(string(test.at)+": StageTimeout", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server, start := hang(t), time.Now()
				prober := proberOf(server)
				prober.StageTimeout = 3 * time.Second
				_, err := prober.Probe(t.Context(), address, server.ClientTLS())
				check(t, err, os.ErrDeadlineExceeded, start, 3*time.Second)
			})
		})
		t.Run(string(test.at)+": the deadline of the context", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server, start := hang(t), time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				_, err := proberOf(server).Probe(ctx, address, server.ClientTLS())
				check(t, err, context.DeadlineExceeded, start, 10*time.Second)
			})
		})
		t.Run(string(test.at)+": the context is cancelled", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server, start := hang(t), time.Now()
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				_, err := proberOf(server).Probe(ctx, address, server.ClientTLS())
				check(t, err, context.Canceled, start, time.Second)
			})
		})
	}
}

// TestDripFedReply has a server that sends an octet each minute: the deadline is
// that of the stage, not of a read.
func TestDripFedReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		prober := smtpprobe.Prober{Dial: func(context.Context, string, string) (net.Conn, error) {
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				for _, c := range []byte("220 mail.example ESMTP\r\n") {
					time.Sleep(time.Minute)
					if _, err := server.Write([]byte{c}); err != nil {
						return
					}
				}
			}()
			return client, nil
		}}
		start := time.Now()
		_, err := prober.Probe(t.Context(), address, nil)
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 5*time.Minute {
			t.Errorf("error %v after %v", err, time.Since(start))
		}
		time.Sleep(time.Minute) // until the server has noticed
	})
}

func TestDialHasADeadline(t *testing.T) {
	t.Parallel()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		prober := smtpprobe.Prober{Dial: dial}
		_, err := prober.Probe(t.Context(), address, nil)
		if e, ok := errors.AsType[*smtpprobe.Error](err); !ok || e.Stage != smtpprobe.StageDial || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(start); took != 5*time.Minute {
			t.Errorf("it took %v", took)
		}

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err = prober.Probe(ctx, address, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v of a cancelled context", err)
		}
	})
}

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
