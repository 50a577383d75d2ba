package dnssec_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// prefetchWorld has a zone, all of whose records, and those of the zones above, have a TTL of a
// minute; but those of types in longer have one of five.
func prefetchWorld(t *testing.T, longer ...uint16) *dnssectest.Internet {
	t.Helper()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test."}, dnssectest.Zone{Name: "a.test.", Records: "@ MX 10 mail\nmail A 192.0.2.1\nalias CNAME mail"})
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		for _, rr := range slices.Concat(reply.Answer, reply.Ns) {
			rr.Header().Ttl = 60
			if slices.Contains(longer, q.Qtype) {
				rr.Header().Ttl = 300
			}
			if soa, is := rr.(*dns.SOA); is {
				soa.Minttl = 60
			}
		}
	}
	return world
}

// A lookup with WithPrefetch takes nothing from the cache that expires within the time, and what
// it finds is in the cache for all.
func TestPrefetchAsksAgain(t *testing.T) {
	t.Parallel()
	keys := []uint16{dns.TypeDNSKEY, dns.TypeDS}
	for _, tt := range []struct {
		why, question string
		longer        []uint16
		after, left   time.Duration
		asked         bool
		queries       int32 // at least one, if asked; 0: it does not matter
	}{
		{"it holds for long enough", "mail.a.test. A", nil, 20 * time.Second, 12 * time.Second, false, 0},
		{"it expires before: all that it rests on does", "mail.a.test. A", nil, 54 * time.Second, 12 * time.Second, true, 6},
		{"the keys and DS records hold on, and are not asked for", "mail.a.test. A", keys, 54 * time.Second, 12 * time.Second, true, 1},
		{"an alias", "alias.a.test. A", keys, 54 * time.Second, 12 * time.Second, true, 2},
		{"a denial", "nosuch.a.test. A", keys, 54 * time.Second, 12 * time.Second, true, 1},
		{"a denial of a type", "mail.a.test. TXT", keys, 54 * time.Second, 12 * time.Second, true, 1},
		{"more than any record has", "mail.a.test. A", nil, time.Second, 24 * time.Hour, true, 6},
		{"no time", "mail.a.test. A", nil, 59 * time.Second, 0, false, 0},
		{"less than that", "mail.a.test. A", nil, 59 * time.Second, -time.Hour, false, 0},
	} {
		t.Run(tt.why, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				world := prefetchWorld(t, tt.longer...)
				resolver := world.Resolver()
				queries := &counted{Exchanger: resolver.Exchanger}
				resolver.Exchanger = queries
				first, err := lookupBy(t.Context(), resolver, tt.question)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(tt.after)
				queries.queries.Store(0)
				ctx := dnssec.WithPrefetch(t.Context(), tt.left)
				second, err := lookupBy(ctx, resolver, tt.question)
				if err != nil || second.Status != dnssec.Secure {
					t.Fatal(second.Status, err)
				}
				want := first.Expires
				if tt.asked {
					want = want.Add(tt.after)
				}
				if !second.Expires.Equal(want) {
					t.Errorf("it holds until %s, want %s", second.Expires, want)
				}
				if got := queries.queries.Load(); (got > 0) != tt.asked || tt.queries > 0 && got != tt.queries {
					t.Errorf("%d queries, want %d", got, tt.queries)
				}
				queries.queries.Store(0)
				third, err := lookupBy(t.Context(), resolver, tt.question)
				if err != nil || !third.Expires.Equal(want) || queries.queries.Load() > 0 {
					t.Errorf("another lookup: until %s, %v, by %d queries", third.Expires, err, queries.queries.Load())
				}
			})
		})
	}
}

// What fails ahead of time does not take away what still holds.
func TestPrefetchFails(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"no answer", "bogus"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				world := prefetchWorld(t)
				tamper, broken := world.Tamper, false
				world.Tamper = func(q dns.Question, reply *dns.Msg) {
					tamper(q, reply)
					switch {
					case !broken:
					case fault == "bogus":
						reply.Answer = slices.DeleteFunc(reply.Answer, isSignature)
					default:
						reply.Rcode, reply.Answer = dns.RcodeServerFailure, nil
					}
				}
				resolver := world.Resolver()
				const question = "mail.a.test. A"
				if _, err := lookupBy(t.Context(), resolver, question); err != nil {
					t.Fatal(err)
				}
				time.Sleep(54 * time.Second)
				broken = true
				if answer, err := lookupBy(dnssec.WithPrefetch(t.Context(), 12*time.Second), resolver, question); err == nil {
					t.Errorf("what is broken is %s", answer.Status)
				}
				if _, err := lookupBy(t.Context(), resolver, question); err != nil {
					t.Errorf("before it expires: %v", err)
				}
				time.Sleep(7 * time.Second)
				if answer, err := lookupBy(t.Context(), resolver, question); err == nil {
					t.Errorf("after it has expired it is %s", answer.Status)
				}
			})
		})
	}
}

// Many lookups at once, some of them ahead of time, share what is asked.
func TestPrefetchIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := prefetchWorld(t, dns.TypeDNSKEY, dns.TypeDS)
		resolver := world.Resolver()
		queries := &counted{Exchanger: exchangerFunc(func(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
			time.Sleep(time.Second)
			return world.Exchange(ctx, q)
		})}
		resolver.Exchanger = queries
		const question = "mail.a.test. A"
		first, err := lookupBy(t.Context(), resolver, question)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(54 * time.Second)
		queries.queries.Store(0)
		var all sync.WaitGroup
		var waited atomic.Int32
		for i := range 100 {
			all.Go(func() {
				ctx, start := t.Context(), time.Now()
				if i%2 == 0 {
					ctx = dnssec.WithPrefetch(ctx, 12*time.Second)
				}
				answer, err := lookupBy(ctx, resolver, question)
				if err != nil || i%2 == 0 && !answer.Expires.After(first.Expires) {
					t.Errorf("until %s, %v", answer.Expires, err)
				}
				if time.Since(start) > 0 {
					waited.Add(1)
				}
			})
		}
		all.Wait()
		if got := queries.queries.Load(); got != 1 || waited.Load() != 50 {
			t.Errorf("%d queries, for which %d waited; want 1 and 50", got, waited.Load())
		}
	})
}
