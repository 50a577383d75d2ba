package dnssec_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// TestLookupsFollowARollover needs nothing but lookups now and then.
func TestLookupsFollowARollover(t *testing.T) {
	t.Parallel()
	zone := newRollingZone(t)
	resolver, _ := zone.resolver(nil)
	old, young := zone.keys[0], rollingKey(t)
	for days := range 150 {
		zone.set(func() {
			zone.now = zone.now.Add(day)
			switch days {
			case 10:
				zone.keys = []*sign.Key{old, young}
			case 80:
				zone.keys, zone.signers = []*sign.Key{young}, []*sign.Key{young}
			}
		})
		wantStatus(t, resolver, dnssec.Secure)
	}
}

// TestAnchorsAreQueriedWhenDue counts the queries for keys.
func TestAnchorsAreQueriedWhenDue(t *testing.T) {
	t.Parallel()
	zone := newRollingZone(t)
	resolver, tracker := zone.resolver(nil)
	keyQueries := func(elapsed time.Duration) (n int) {
		t.Helper()
		zone.set(func() { zone.now = zone.now.Add(elapsed) })
		wantStatus(t, resolver, dnssec.Secure)
		for _, query := range zone.set(func() {}) {
			if query == "DNSKEY" {
				n++
			}
		}
		return n
	}
	if n := keyQueries(0); n != 1 {
		t.Errorf("%d queries for keys by the first lookup: it needs them itself, and they are shown to the tracker", n)
	}
	// That made an anchor of the key, where there was a DS record, so that what rested on
	// the latter was forgotten.
	if n := keyQueries(time.Minute); n != 1 {
		t.Errorf("%d queries for keys a minute later", n)
	}
	if n := keyQueries(time.Minute); n != 0 {
		t.Errorf("%d queries for keys two minutes later", n)
	}
	// The keys' TTL is an hour, after which a lookup needs them anyway.
	if n := keyQueries(time.Hour); n != 1 {
		t.Errorf("%d queries for keys when they are due", n)
	}
	if _, at := tracker.Next(zone.Now()); !at.Equal(zone.Now().Add(time.Hour)) {
		t.Errorf("the next query is at %s", at)
	}
	// Expired anchors are looked at before they are used.
	zone.set(func() { zone.now = zone.now.Add(40 * day) })
	wantStatus(t, resolver, dnssec.Secure)
	if queries := zone.set(func() {}); len(queries) == 0 || queries[0] != "DNSKEY" {
		t.Errorf("queries %v, want the keys first", queries)
	}
}

// TestFailedRefreshRemovesNothing has servers that do not answer, or wrongly.
func TestFailedRefreshRemovesNothing(t *testing.T) {
	t.Parallel()
	zone := newRollingZone(t)
	var failures []error
	resolver, _ := zone.resolver(func(_ string, _ []anchor.Change, err error) { failures = append(failures, err) })
	zone.set(func() { zone.failing = true })
	next, err := resolver.RefreshAnchors(t.Context())
	if !errors.Is(err, anchor.ErrNoKeys) || !next.Equal(zone.Now().Add(time.Hour)) {
		t.Errorf("nobody answers: %v, next at %s", err, next)
	}
	zone.set(func() {
		zone.failing, zone.broken, zone.now = false, map[string]bool{"first": true, "second": true}, next
	})
	if next, err = resolver.RefreshAnchors(t.Context()); !errors.Is(err, anchor.ErrUnsigned) {
		t.Errorf("both servers have forged keys: %v", err)
	}
	zone.set(func() { zone.broken, zone.now = map[string]bool{"first": true}, next })
	if _, err := resolver.RefreshAnchors(t.Context()); err != nil {
		t.Errorf("one server has forged keys: %v", err)
	}
	zone.set(func() { zone.broken = nil })
	wantStatus(t, resolver, dnssec.Secure)
	if len(failures) < 5 || failures[0] == nil {
		t.Errorf("reported: %v", failures)
	}

	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	zone.set(func() { zone.now = zone.now.Add(day) })
	if _, err := resolver.RefreshAnchors(canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestOutdatedAnchors is what a lookup says when the root has rolled over meanwhile.
func TestOutdatedAnchors(t *testing.T) {
	t.Parallel()
	zone := rollingZoneOf(t, keyOf(t, "."))
	resolver, tracker := zone.resolver(nil)
	wantStatus(t, resolver, dnssec.Secure)
	young := keyOf(t, ".")
	zone.set(func() {
		zone.now, zone.keys, zone.signers = zone.now.AddDate(3, 0, 0), []*sign.Key{young}, []*sign.Key{young}
	})
	for _, elapsed := range []time.Duration{0, time.Second, time.Minute, time.Second} {
		zone.set(func() { zone.now = zone.now.Add(elapsed) })
		answer, err := resolver.Lookup(t.Context(), "www.example", dns.TypeA)
		if e, ok := errors.AsType[*dnssec.Error](err); !ok || e.Status != dnssec.Indeterminate || !errors.Is(err, anchor.ErrOutdated) {
			t.Errorf("%s later: %+v, %v; want ErrOutdated", elapsed, answer, err)
		}
	}
	if err := tracker.Replace(t.Context(), zone.Now(), anchor.Set{{Zone: ".", Key: young.Public}}); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, resolver, dnssec.Secure)
}

// TestForgedKeysAfterASleep: one forged set does not keep the zone from being looked at.
func TestForgedKeysAfterASleep(t *testing.T) {
	t.Parallel()
	zone := rollingZoneOf(t, keyOf(t, "."))
	resolver, _ := zone.resolver(nil)
	wantStatus(t, resolver, dnssec.Secure)
	good, forged := zone.keys, keyOf(t, ".")
	zone.set(func() {
		zone.now = zone.now.Add(40 * day)
		zone.keys, zone.signers = []*sign.Key{forged}, []*sign.Key{forged}
	})
	if _, err := resolver.Lookup(t.Context(), "www.example", dns.TypeA); !errors.Is(err, anchor.ErrOutdated) {
		t.Errorf("forged keys: %v", err)
	}
	zone.set(func() { zone.now, zone.keys, zone.signers = zone.now.Add(time.Minute), good, good })
	wantStatus(t, resolver, dnssec.Secure)
}

// TestOutdatedZone: a zone below the root with outdated anchors is bogus, and nothing else
// is the worse for it.
func TestOutdatedZone(t *testing.T) {
	t.Parallel()
	zone := newRollingZone(t)
	resolver, _ := zone.resolver(nil)
	wantStatus(t, resolver, dnssec.Secure)
	young := rollingKey(t)
	zone.set(func() {
		zone.now, zone.keys, zone.signers = zone.now.AddDate(3, 0, 0), []*sign.Key{young}, []*sign.Key{young}
	})
	wantStatus(t, resolver, dnssec.Bogus)
	answer, err := resolver.Lookup(t.Context(), "elsewhere.test", dns.TypeA)
	if err != nil || answer.Status != dnssec.Insecure {
		t.Errorf("elsewhere: %+v, %v", answer, err)
	}
}

// TestDeadZoneCostsNoTime: a tracked zone whose servers are silent does not hold up what
// can be answered, nor for long what fails.
func TestDeadZoneCostsNoTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		zone := newRollingZone(t)
		resolver, tracker := zone.resolver(nil)
		resolver.Time = nil
		zone.set(func() { zone.now = time.Now() })
		resolver.Exchanger = silentKeys{zone}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if answer, err := resolver.Lookup(ctx, "elsewhere.test", dns.TypeA); err != nil || time.Since(start) != 0 {
			t.Errorf("%+v, %v after %s", answer, err, time.Since(start))
		}
		time.Sleep(10 * time.Second) // the refresh ends by its own limit
		if _, at := tracker.Next(time.Now()); time.Until(at) < 50*time.Minute {
			t.Errorf("the next refresh is at %s", at)
		}
	})
}

// A refresh ends after five seconds, and is tried again when it is due.
func TestLimitOfARefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		zone := newRollingZone(t)
		resolver, tracker := zone.resolver(nil)
		resolver.Time = nil
		zone.set(func() { zone.now = time.Now() })
		var took atomic.Int64 // the time of the last refresh
		resolver.Exchanger = exchangerFunc(func(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
			if q.Msg.Question[0].Qtype != dns.TypeDNSKEY {
				return zone.Exchange(ctx, q)
			}
			asked := time.Now()
			<-ctx.Done()
			took.Store(int64(time.Since(asked)))
			return nil, ctx.Err()
		})
		resolver.Lookup(t.Context(), "elsewhere.test", dns.TypeA)
		time.Sleep(time.Minute)
		if took := time.Duration(took.Load()); took != 5*time.Second {
			t.Errorf("the refresh took %s", took)
		}
		if _, at := tracker.Next(time.Now()); at.IsZero() {
			t.Error("it is not tried again")
		}
	})
}

// silentKeys never answers questions for keys.
type silentKeys struct{ upstream.Exchanger }

func (s silentKeys) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	if q.Msg.Question[0].Qtype == dns.TypeDNSKEY {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return s.Exchanger.Exchange(ctx, q)
}

// TestRevokedAnchors is a lookup that comes just after the zone has revoked its keys.
func TestRevokedAnchors(t *testing.T) {
	t.Parallel()
	zone := newRollingZone(t)
	resolver, _ := zone.resolver(nil)
	public := *zone.keys[0].Public
	public.Flags |= dns.REVOKE
	revoked := &sign.Key{Public: &public, Private: zone.keys[0].Private}
	zone.set(func() { zone.keys, zone.signers = []*sign.Key{revoked}, []*sign.Key{revoked} })
	wantStatus(t, resolver, dnssec.Insecure)
}

func TestMaintainAnchors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		zone := newRollingZone(t)
		resolver, _ := zone.resolver(nil)
		resolver.Time = time.Now
		zone.set(func() { zone.now = time.Now() })
		ctx, cancel := context.WithCancel(t.Context())
		var failures int
		done := make(chan error)
		go func() { done <- resolver.MaintainAnchors(ctx, func(error) { failures++ }) }()
		synctest.Wait()
		time.Sleep(5*time.Hour + time.Minute)
		if queries := zone.set(func() { zone.failing = true }); len(queries) != 6 {
			t.Errorf("%d queries in five hours, by a TTL of an hour, want 6", len(queries))
		}
		time.Sleep(3 * time.Hour)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want the context's error", err)
		}
		if failures != 3 {
			t.Errorf("%d failures reported, want 3", failures)
		}
	})
	if err := new(dnssec.Resolver).MaintainAnchors(t.Context(), nil); !errors.Is(err, dnssec.ErrNotTracked) {
		t.Errorf("anchors that do not change: %v", err)
	}
}

func ExampleResolver_MaintainAnchors() {
	resolver := &dnssec.Resolver{Anchors: &anchor.Tracker{Store: &anchor.FileStore{Path: "root.key"}}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		done <- resolver.MaintainAnchors(ctx, func(err error) { fmt.Println("trust anchors:", err) })
	}()
	// The mail server runs.
	cancel()
	fmt.Println(<-done)
	// Output: context canceled
}

// TestLapsedAnchors: what has no anchor in force yet must not pass for unsigned, and a
// Resolver that was asked too early works when the time has come.
func TestLapsedAnchors(t *testing.T) {
	t.Parallel()
	zone := newRollingZone(t)
	key := zone.keys[0].Public
	resolver := &dnssec.Resolver{Exchanger: zone, Time: zone.Now, Anchors: anchor.Set{{Zone: "example.", Key: key, From: zone.now.Add(day)}}}
	answer, err := resolver.Lookup(t.Context(), "www.example", dns.TypeA)
	if e, ok := errors.AsType[*dnssec.Error](err); !ok || e.Status != dnssec.Indeterminate || !errors.Is(err, anchor.ErrNone) {
		t.Errorf("before: %+v, %v", answer, err)
	}
	zone.set(func() { zone.now = zone.now.Add(2 * day) })
	wantStatus(t, resolver, dnssec.Secure)
}
