package dnssec_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A distant Exchanger answers after a round trip.
type distant struct {
	upstream.Exchanger
	queries atomic.Int32
}

const roundTrip = 40 * time.Millisecond

func (d *distant) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	d.queries.Add(1)
	select {
	case <-time.After(roundTrip):
		return d.Exchanger.Exchange(ctx, q)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A chain is asked for at once, not zone after zone, and nothing in vain.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := dnssectest.New(t,
			dnssectest.Zone{Name: "test."},
			dnssectest.Zone{Name: "one.test.", Records: "@ MX 10 mail\nmail A 192.0.2.1"},
			dnssectest.Zone{Name: "two.test.", Denial: dnssectest.NSEC3, Records: "@ MX 10 mail.sub.one.test."},
			dnssectest.Zone{Name: "sub.one.test.", Records: "mail A 192.0.2.2"},
			dnssectest.Zone{Name: "unsigned.test.", Unsigned: true, Records: "@ MX 10 mail\nmail A 192.0.2.3"},
			dnssectest.Zone{Name: "silent.test.", Records: "@ MX 10 mail", Faults: map[string]dnssectest.Fault{"@ DNSKEY": dnssectest.Silent}},
		)
		forwarder := &distant{Exchanger: world}
		resolver := &dnssec.Resolver{Exchanger: forwarder, Anchors: world.Anchors()}
		for _, tt := range []struct {
			name, question string
			roundTrips     time.Duration
			queries        int32
		}{
			{"the first domain", "one.test. MX", 2, 6}, // MX; keys of three zones, and two DS
			{"another name in it", "mail.one.test. A", 1, 1},
			{"the same again", "mail.one.test. A", 0, 0},
			{"another domain", "two.test. MX", 2, 3},
			{"a denial in it", "two.test. TLSA", 1, 1},
			{"a zone below a known one", "mail.sub.one.test. A", 2, 3},
			{"an unsigned domain", "unsigned.test. MX", 2, 2},
			{"another name in it", "mail.unsigned.test. A", 1, 1},
			{"the root", ". SOA", 1, 1},
		} {
			before, start := forwarder.queries.Load(), time.Now()
			if _, err := lookupBy(t.Context(), resolver, tt.question); err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			if got := time.Since(start); got != tt.roundTrips*roundTrip {
				t.Errorf("%s: %s took %s, want %d round trips", tt.name, tt.question, got, tt.roundTrips)
			}
			if got := forwarder.queries.Load() - before; got != tt.queries {
				t.Errorf("%s: %s took %d queries, want %d", tt.name, tt.question, got, tt.queries)
			}
		}
		// Nothing goes on after the lookup.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if _, err := resolver.Lookup(ctx, "silent.test.", dns.TypeMX); err == nil || time.Since(start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		synctest.Wait()
	})
}
