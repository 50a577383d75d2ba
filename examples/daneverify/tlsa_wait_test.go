package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/tlsa"
)

// TestTLSAWait waits for as long as it takes, not less and not much more.
func TestTLSAWait(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		zone            func(*dnssectest.Zone, *publisher)
		world           func(*publisher) // runs beside, and may sleep
		args            []string
		status          int
		want            string
		atLeast, atMost time.Duration
	}{
		{
			name: "the old TTL counts from the last server on",
			zone: func(_ *dnssectest.Zone, p *publisher) { p.ttl = 3600 },
			world: func(p *publisher) {
				time.Sleep(10 * time.Minute)
				p.publish(p.both(), 1, 2)
				time.Sleep(20 * time.Minute)
				p.publish(p.both(), 3)
			},
			want: "SAFE", atLeast: 90 * time.Minute, atMost: 92 * time.Minute,
		},
		{
			name: "a margin", world: func(p *publisher) { p.publish(p.both(), 1, 2, 3) },
			args: []string{"-margin", "1h"}, want: "SAFE", atLeast: 70 * time.Minute, atMost: 71 * time.Minute,
		},
		{
			name: "a server that goes back begins it anew",
			world: func(p *publisher) {
				p.publish(p.both(), 1, 2, 3)
				time.Sleep(5*time.Minute + time.Second)
				p.publish([]tlsa.Record{p.record(p.current)}, 2)
				time.Sleep(30 * time.Minute)
				p.publish(p.both(), 2)
			},
			want: "SAFE", atLeast: 45 * time.Minute, atMost: 47 * time.Minute,
		},
		{
			name: "a server that is out of reach for a while delays it",
			world: func(p *publisher) {
				p.publish(p.both(), 1, 2, 3)
				p.mu.Lock()
				p.said["192.0.2.2"] = func(*dns.Msg) bool { return false }
				p.mu.Unlock()
				time.Sleep(time.Hour)
				p.mu.Lock()
				delete(p.said, "192.0.2.2")
				p.mu.Unlock()
			},
			want: "SAFE", atLeast: 70 * time.Minute, atMost: 72 * time.Minute,
		},
		{name: "nothing comes", args: []string{"-timeout", "2h"}, status: 1, want: "NOT SAFE: after 2h0m0s: senders do not accept", atLeast: 2 * time.Hour, atMost: 121 * time.Minute},
		{
			name: "a server stays silent",
			world: func(p *publisher) {
				p.publish(p.both(), 1, 2, 3)
				p.said["192.0.2.2"] = func(*dns.Msg) bool { return false }
			},
			args: []string{"-timeout", "2h"}, status: 2, want: "UNKNOWN: after 2h0m0s: not all", atLeast: 2 * time.Hour, atMost: 121 * time.Minute,
		},
		{name: "an unsigned zone is not waited for", zone: func(z *dnssectest.Zone, _ *publisher) { z.Unsigned = true }, status: 1, want: "nobody will use", atMost: time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPublisher(t, tt.zone)
				if tt.world != nil {
					go tt.world(p)
					synctest.Wait()
				}
				start := time.Now()
				status, stdout, stderr := p.run(t.Context(), append([]string{"wait", "mx.example", "-cert", p.file}, tt.args...)...)
				took := time.Since(start)
				if status != tt.status || !strings.Contains(stdout, tt.want) || took < tt.atLeast || took > tt.atMost {
					t.Errorf("after %v exit status %d, want %d with %q\n%s%s", took, status, tt.status, tt.want, stdout, stderr)
				}
				if tt.atLeast > 0 && !strings.Contains(stderr, "waiting: ") {
					t.Errorf("it says nothing about what it waits for: %s", stderr)
				}
			})
		})
	}
}

// What one run has seen counts for the next.
func TestTLSAWaitState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, func(_ *dnssectest.Zone, p *publisher) { p.ttl = 3600 })
		p.publish(p.both(), 1, 2, 3)
		args := []string{"wait", "-cert", p.file, "-state", p.state, "mx.example"}
		if status, _, stderr := p.run(t.Context(), append(args, "-timeout", "10m")...); status != 1 {
			t.Errorf("exit status %d, %s", status, stderr)
		}
		time.Sleep(40 * time.Minute)
		start := time.Now()
		if status, _, stderr := p.run(t.Context(), args...); status != 0 || time.Since(start) > 11*time.Minute {
			t.Errorf("exit status %d after %v, %s", status, time.Since(start), stderr)
		}
	})
}

func TestTLSAWaitIsInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		status, stdout, stderr := p.run(ctx, "wait", "-cert", p.file, "mx.example")
		if status != 2 || stdout != "" || !strings.Contains(stderr, "interrupted") {
			t.Errorf("exit status %d, %s%s", status, stdout, stderr)
		}
	})
}

// A server goes back for a moment, which another process with the same -state sees.
func TestTLSAWaitBesideACheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t, func(_ *dnssectest.Zone, p *publisher) { p.ttl = 7200 })
		p.publish(p.both(), 1, 2, 3)
		go func() {
			time.Sleep(30*time.Minute + 30*time.Second)
			p.publish([]tlsa.Record{p.record(p.current)}, 2)
			if status, stdout, _ := p.run(t.Context(), "check", "-cert", p.file, "-state", p.state, "mx.example"); status != 1 {
				t.Errorf("check: exit status %d\n%s", status, stdout)
			}
			p.publish(p.both(), 2)
		}()
		start := time.Now()
		status, stdout, stderr := p.run(t.Context(), "wait", "-cert", p.file, "-state", p.state, "mx.example")
		if took := time.Since(start); status != 0 || took < 150*time.Minute || took > 165*time.Minute {
			t.Errorf("exit status %d after %v\n%s%s", status, took, stdout, stderr)
		}
	})
}
