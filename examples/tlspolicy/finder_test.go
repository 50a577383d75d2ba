package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

func TestKeepsAndRefreshes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var lookups atomic.Int64
		f := newFinder(ctx, 1<<20, quiet(), new(metrics), func(_ context.Context, t target, now time.Time) found {
			time.Sleep(time.Second)
			lookups.Add(1)
			return found{verdict{mx: mxSecure, authenticated: int(lookups.Load())}, now.Add(time.Minute)}
		})
		ask := func(want int, took time.Duration) {
			t.Helper()
			start := time.Now()
			v, err := f.find(ctx, target{name: "example.org"})
			if err != nil || v.authenticated != want || time.Since(start) != took {
				t.Errorf("lookup %d after %s, %v; want %d after %s", v.authenticated, time.Since(start), err, want, took)
			}
		}
		ask(1, time.Second)
		ask(1, 0)
		time.Sleep(52 * time.Second)
		ask(1, 0)
		time.Sleep(5 * time.Second) // it has not expired, and was looked up again
		ask(2, 0)
		time.Sleep(5 * time.Minute) // nobody asked: it was looked up once more, and forgotten
		if got := lookups.Load(); got != 3 {
			t.Errorf("%d lookups, want 3", got)
		}
		ask(4, time.Second)
		if entries, _ := f.cache.size(); entries != 1 {
			t.Errorf("%d entries", entries)
		}
		f.cache.clear()
	})
}

// TestShares: who asks for the same meanwhile waits for the same lookup, and whoever gives up
// leaves the verdict for the next message.
func TestShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var lookups atomic.Int64
		f := newFinder(ctx, 1<<20, quiet(), new(metrics), func(_ context.Context, _ target, now time.Time) found {
			lookups.Add(1)
			time.Sleep(15 * time.Second)
			return found{verdict{mx: mxSecure, authenticated: 1}, now.Add(time.Hour)}
		})
		s := &service{finder: f, mixed: levelDANE, timeout: defaultTimeout, log: quiet(), metrics: f.metrics}
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				start := time.Now()
				if got, _ := s.answer(ctx, "example.org"); got.String() != "TEMP the DNS has not answered within 10s" || time.Since(start) != defaultTimeout {
					t.Errorf("%q after %s", got, time.Since(start))
				}
			})
		}
		all.Wait()
		time.Sleep(6 * time.Second)
		if got, _ := s.answer(ctx, "example.org"); got.String() != "OK dane-only" || lookups.Load() != 1 {
			t.Errorf("the next message gets %q after %d lookups", got, lookups.Load())
		}
		f.cache.clear()
	})
}

// TestTooMany: beyond the limit the answer is TEMP, at once.
func TestTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f := newFinder(ctx, 1<<20, quiet(), new(metrics), func(ctx context.Context, _ target, now time.Time) found {
			<-ctx.Done() // a resolver that does not answer
			return found{verdict{}, now}
		})
		for i := range maxWaiting {
			f.join(target{name: fmt.Sprint(i)}, 0, maxWaiting)
		}
		if _, err := f.find(ctx, target{name: "one-more"}); !errors.Is(err, errBusy) {
			t.Errorf("one more: %v", err)
		}
		time.Sleep(2 * lookupTimeout)
		f.running.Wait()
		if f.inFlight() != 0 {
			t.Errorf("%d lookups do not end", f.inFlight())
		}
	})
}

// TestLateLookups: one that had to wait until others were done has as much time as these.
func TestLateLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFinder(t.Context(), 1<<20, quiet(), new(metrics), func(ctx context.Context, _ target, now time.Time) found {
			if deadline, _ := ctx.Deadline(); time.Until(deadline) != lookupTimeout || now != time.Now() {
				t.Errorf("at %s a lookup has %s", now, time.Until(deadline))
			}
			time.Sleep(20 * time.Second)
			return found{verdict{mx: mxSecure, authenticated: 1}, now.Add(time.Hour)}
		})
		for i := range 2 * maxLookups {
			f.join(target{name: fmt.Sprint(i)}, 0, maxWaiting)
		}
		f.running.Wait()
		if entries, _ := f.cache.size(); entries != 2*maxLookups {
			t.Errorf("%d verdicts are kept, want %d", entries, 2*maxLookups)
		}
		f.cache.clear()
	})
}

// TestManyDestinations asks for ten thousand destinations at once. Every answer must be right,
// and what stays is bounded.
func TestManyDestinations(t *testing.T) {
	const destinations = 10_000
	m := new(metrics)
	resolver := invented{ttl: time.Hour}
	f := newFinder(t.Context(), 1<<20, quiet(), m, func(ctx context.Context, tt target, now time.Time) found {
		return lookUp(ctx, resolver, tt, now)
	})
	s := &service{finder: f, mixed: levelDANE, timeout: time.Minute, log: quiet(), metrics: m} // not of this test
	round := func() {
		var all sync.WaitGroup
		for i := range destinations {
			all.Go(func() {
				name := fmt.Sprintf("d%d%s.example", i, strings.Repeat("x", i%3))
				want := "OK dane-only"
				if len("_25._tcp.mail."+name+".")%3 == 0 {
					want = "NOTFOUND "
				}
				if got, why := s.answer(t.Context(), name); got.String() != want {
					t.Errorf("%s: %q (%s), want %q", name, got, why, want)
				}
			})
		}
		all.Wait()
	}
	// What the runtime keeps of goroutines depends on how many there were at one time, so some
	// rounds more are compared with one: a lookup that left 100 octets would leave 4 MB.
	round()
	before := heap()
	for range 4 {
		round()
	}
	if after := heap(); after > before+4<<20 {
		t.Errorf("the heap has grown from %d to %d", before, after)
	}
	if _, octets := f.cache.size(); octets > 1<<20 {
		t.Errorf("%d octets are kept", octets)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestCacheMemory measures what the octets of a cache are in memory.
func TestCacheMemory(t *testing.T) {
	const octets = 4 << 20
	for _, long := range []int{0, 200} {
		c := &cache{octets: octets}
		now := time.Now()
		before := heap()
		for i := range 20_000 {
			name := fmt.Sprintf("%dx%s.example", i, strings.Repeat("x", long))
			c.put(target{name: name}, found{verdict{mx: mxInsecure, reason: strings.Repeat("y", long)}, now.Add(time.Hour)}, now)
		}
		taken := heap() - before
		entries, used := c.size()
		if used > octets || used < octets*9/10 {
			t.Errorf("%d octets are used of %d", used, octets)
		}
		if taken > octets*5/4 {
			t.Errorf("%d entries count %d octets, and take %d", entries, used, taken)
		}
		t.Logf("%d entries count %d octets, and take %d", entries, used, taken)
		c.clear()
		if entries, used := c.size(); entries != 0 || used != 0 {
			t.Errorf("cleared, it has %d entries of %d octets", entries, used)
		}
	}
}

// TestResolverComesBack: a resolver that dies is TEMP, and no verdict is lost when it is back.
func TestResolverComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		dead := false
		resolver := invented{ttl: 5 * time.Minute, asked: func(string) error {
			if dead {
				return errors.New("connection refused")
			}
			return nil
		}}
		f := newFinder(ctx, 1<<20, quiet(), new(metrics), func(ctx context.Context, tt target, now time.Time) found {
			return lookUp(ctx, resolver, tt, now)
		})
		s := &service{finder: f, mixed: levelDANE, timeout: defaultTimeout, log: quiet(), metrics: f.metrics}
		want := func(key, want string) {
			t.Helper()
			if got, _ := s.answer(ctx, key); got.String() != want {
				t.Errorf("%s: %q, want %q", key, got, want)
			}
		}
		want("known.example", "OK dane-only")
		dead = true
		want("known.example", "OK dane-only")
		want("new.example", "TEMP the MX lookup failed: connection refused")
		dead = false
		time.Sleep(failureTTL)
		synctest.Wait()
		want("new.example", "OK dane-only")
		f.cache.clear()
	})
}

// TestHolds: a verdict holds as long as its answers, and briefly if a lookup has failed.
func TestHolds(t *testing.T) {
	resolver := dnssectest.New(t, zones()...).Resolver()
	for key, want := range map[string]time.Duration{
		"all": 300 * time.Second, "nothing": 300 * time.Second, "unsigned": 300 * time.Second, "null": 300 * time.Second,
		"nosuch": 300 * time.Second, "homeless": 300 * time.Second,
		"mx-bogus": failureTTL, "all-bogus": failureTTL, "one-bogus": failureTTL,
	} {
		now := time.Now()
		f := lookUp(t.Context(), resolver, target{name: key, port: smtpPort}, now)
		if got := f.expires.Sub(now); got > want+time.Second || got < want/2 {
			t.Errorf("%s holds for %s, want %s", key, got, want)
		}
	}
}

func TestCheckedResolver(t *testing.T) {
	lack := "the DNS server 127.0.0.1 does not validate"
	c := new(check)
	f := newFinder(t.Context(), 1<<20, quiet(), new(metrics), func(_ context.Context, tt target, now time.Time) found {
		v := map[string]verdict{"all": {mx: mxSecure, authenticated: 1}, "one": {mx: mxSecure, failed: 1, authenticated: 1}, "not": {mx: mxInsecure}}[tt.name]
		return found{v, now.Add(time.Hour)}
	})
	s := &service{finder: f, mixed: levelDANE, timeout: defaultTimeout, log: quiet(), metrics: f.metrics, check: c}
	policy, err := dane.NewPolicy(dane.Profile{}, map[string]dane.Profile{"forced": {DANE: dane.DANENone, TLS: dane.TLSRequired}})
	if err != nil {
		t.Fatal(err)
	}
	s.policy.Store(policy)
	for _, tt := range []struct{ lack, key, want string }{
		{"", "all", "OK dane-only"},
		{lack, "all", "TEMP Postfix would not heed dane-only: " + lack},
		{lack, "one", "TEMP Postfix would not heed dane: " + lack},
		{lack, "not", "NOTFOUND "},
		{lack, "forced", "OK encrypt"},
		{"", "one", "OK dane"},
	} {
		c.text.Store(&tt.lack)
		if got, _ := s.answer(t.Context(), tt.key); got.String() != tt.want {
			t.Errorf("lacking %q, %s: %q, want %q", tt.lack, tt.key, got, tt.want)
		}
	}
}
