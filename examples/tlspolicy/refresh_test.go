package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A farAway Internet takes a second for each answer, and can be down.
type farAway struct {
	upstream.Exchanger
	down    atomic.Bool
	queries atomic.Int64
}

func (f *farAway) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	time.Sleep(time.Second)
	f.queries.Add(1)
	if f.down.Load() {
		return nil, errors.New("connection refused")
	}
	return f.Exchanger.Exchange(ctx, q)
}

// far returns a service before an Internet far away, whose records have a TTL of five minutes.
func far(ctx context.Context, t *testing.T) (*farAway, *service) {
	world := dnssectest.New(t, zones()...)
	far := &farAway{Exchanger: world}
	resolver := &dnssec.Resolver{Exchanger: far, Anchors: world.Anchors()}
	f := newFinder(ctx, 1<<20, quiet(), new(metrics), func(ctx context.Context, tt target, now time.Time) found {
		return lookUp(ctx, resolver, tt, now)
	})
	t.Cleanup(f.cache.clear)
	return far, &service{finder: f, mixed: levelDANE, timeout: defaultTimeout, log: quiet(), metrics: f.metrics}
}

// TestNobodyWaits: who asks for a destination again and again, at intervals of up to half of
// the time that it holds, never waits after the first time, and what it gets has not expired.
func TestNobodyWaits(t *testing.T) {
	for _, interval := range []time.Duration{time.Second, 7 * time.Second, time.Minute, 130 * time.Second} {
		t.Run(interval.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				internet, s := far(ctx, t)
				for i := range int(2 * time.Hour / interval) {
					start := time.Now()
					got, _ := s.answer(ctx, "all")
					if took := time.Since(start); got.String() != "OK dane-only" || i > 0 && took > 0 {
						t.Fatalf("after %s: %q, for which it waited %s", time.Duration(i)*interval, got, took)
					}
					time.Sleep(interval)
				}
				// Each takes some ten queries: MX, two hosts with A, AAAA and TLSA, keys and DS records.
				if refreshes := s.metrics.refreshes.Load(); refreshes > 30 || internet.queries.Load() > 15*31 {
					t.Errorf("%d refreshes by %d queries in two hours", refreshes, internet.queries.Load())
				}
				s.finder.cache.clear()
				s.finder.running.Wait()
			})
		})
	}
}

// TestRefreshFails: when the DNS is down what is known is told until it expires, and no longer.
func TestRefreshFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		internet, s := far(ctx, t)
		want := func(want string) {
			t.Helper()
			if got, why := s.answer(ctx, "all"); got.status != status(want) {
				t.Errorf("after %s: %q (%s), want %s", time.Since(start2000), got, why, want)
			}
		}
		want("OK")
		want("OK")
		internet.down.Store(true)
		for time.Since(start2000) < 298*time.Second {
			time.Sleep(time.Second)
			want("OK")
		}
		time.Sleep(6 * time.Second)
		want("TEMP")
		internet.down.Store(false)
		time.Sleep(2 * failureTTL)
		want("OK")
		s.finder.cache.clear()
		s.finder.running.Wait()
	})
}

// start2000 is when every test of synctest begins.
var start2000 = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// TestForwarderWithCache: where refreshes bring no more time, since a forwarder has the answers
// in a cache of its own, there are only a few.
func TestForwarderWithCache(t *testing.T) {
	for _, ttl := range []time.Duration{2 * time.Second, time.Minute, 5 * time.Minute, 24 * time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			lookups := 0
			f := newFinder(ctx, 1<<20, quiet(), new(metrics), func(_ context.Context, _ target, now time.Time) found {
				lookups++
				return found{verdict{mx: mxSecure, authenticated: 1}, now.Truncate(ttl).Add(ttl)}
			})
			for range 10 * 50 {
				if _, err := f.find(ctx, target{name: "example.org"}); err != nil {
					t.Error(err)
				}
				time.Sleep(ttl / 50)
				synctest.Wait()
			}
			if lookups > 10*7 {
				t.Errorf("%d lookups in ten times %s", lookups, ttl)
			}
			f.cache.clear()
		})
	}
}

// TestClientsBeforeRefreshes: when everything is to be refreshed at once, who waits for another
// destination is not kept waiting by that.
func TestClientsBeforeRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		first := time.Now()
		f := newFinder(ctx, 32<<20, quiet(), new(metrics), func(_ context.Context, _ target, now time.Time) found {
			if now.After(first) {
				time.Sleep(20 * time.Second)
			}
			return found{verdict{mx: mxSecure, authenticated: 1}, first.Add(10 * time.Minute)}
		})
		const known = 20_000
		for range 2 {
			for i := range known {
				if _, err := f.find(ctx, target{name: fmt.Sprint(i)}); err != nil {
					t.Fatal(err)
				}
			}
		}
		time.Sleep(9*time.Minute + time.Second) // 54 seconds before the end
		if n := f.inFlight(); n == 0 || n > maxRefreshes {
			t.Errorf("%d refreshes at a time, want up to %d", n, maxRefreshes)
		}
		start := time.Now()
		if _, err := f.find(ctx, target{name: "new"}); err != nil || time.Since(start) > 20*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		cancel()
		f.running.Wait()
		f.cache.clear()
	})
}

// TestKeepsWhatHolds: a verdict of a failed lookup is not kept in place of one that holds, and any
// other is.
func TestKeepsWhatHolds(t *testing.T) {
	good, better := verdict{mx: mxSecure, authenticated: 1}, verdict{mx: mxInsecure}
	one, all := verdict{mx: mxSecure, authenticated: 1, failed: 1}, verdict{mx: mxFailed}
	for _, tt := range []struct {
		why                string
		before, now, wants verdict
		after              time.Duration
	}{
		{"the MX lookup failed", good, all, good, 0},
		{"that of a host failed", good, one, good, 0},
		{"what is known has ended", good, one, one, time.Minute},
		{"DANE does not apply any more", good, better, better, 0},
		{"one failure after another", all, one, one, 0},
		{"it is better again", one, good, good, 0},
	} {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, k := &cache{octets: 1 << 20}, target{name: "example.org"}
				now := time.Now()
				c.put(k, found{tt.before, now.Add(time.Minute)}, now)
				time.Sleep(tt.after)
				c.put(k, found{tt.now, now.Add(2 * time.Minute)}, time.Now())
				if got, kept := c.get(k, time.Now()); !kept || got != tt.wants {
					t.Errorf("%+v, want %+v", got, tt.wants)
				}
				time.Sleep(2*time.Minute + 1)
				if entries, _ := c.size(); entries != 0 {
					t.Errorf("%d entries stay after their end", entries)
				}
			})
		})
	}
}
