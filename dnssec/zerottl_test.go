package dnssec_test

import (
	"context"
	"fmt"
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

// deepWorld has a chain of zones below the root, all of whose records have a TTL, and returns
// the name of the last one.
func deepWorld(t testing.TB, zones int, ttl uint32, unsigned bool) (*dnssectest.Internet, string) {
	t.Helper()
	var all []dnssectest.Zone
	name := ""
	for i := range zones {
		name = fmt.Sprintf("z%d.%s", i, name)
		all = append(all, dnssectest.Zone{Name: name, Unsigned: unsigned && i == zones-1, Records: "@ MX 10 mail\nmail A 192.0.2.1\nalias CNAME mail"})
	}
	world := dnssectest.New(t, all...)
	world.Tamper = func(_ dns.Question, reply *dns.Msg) {
		for _, rr := range slices.Concat(reply.Answer, reply.Ns) {
			rr.Header().Ttl = ttl
		}
	}
	return world, name
}

// A counted Exchanger counts its queries.
type counted struct {
	upstream.Exchanger
	queries atomic.Int32
}

func (c *counted) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	c.queries.Add(1)
	return c.Exchanger.Exchange(ctx, q)
}

// A record with a TTL of zero serves the transaction in progress, and no later one (RFC 1035
// §3.2.1): each RRset is asked for once, however many rest on it.
func TestChainWithoutTTL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		zones  int
		asked  string
		status dnssec.Status // of the last zone
		more   int           // queries beside the answer, the keys of each zone and its DS records
	}{
		{1, "mail.%s A", dnssec.Secure, 0}, {3, "mail.%s A", dnssec.Secure, 0}, {5, "mail.%s A", dnssec.Secure, 0},
		{18, "mail.%s A", dnssec.Secure, 0}, {30, "mail.%s A", dnssec.Secure, 0},
		{5, "alias.%s A", dnssec.Secure, 1}, {30, "alias.%s A", dnssec.Secure, 1},
		{5, "mail.%s TXT", dnssec.Secure, 0}, {30, "no.%s TXT", dnssec.Secure, 0}, {30, "%s DS", dnssec.Secure, -2},
		{5, "mail.%s A", dnssec.Insecure, -1}, {30, "alias.%s A", dnssec.Insecure, 0}, {30, "mail.%s TXT", dnssec.Insecure, -1},
	} {
		t.Run(fmt.Sprintf("%d zones, %s %s", tt.zones, tt.status, tt.asked), func(t *testing.T) {
			t.Parallel()
			world, name := deepWorld(t, tt.zones, 0, tt.status == dnssec.Insecure)
			question := fmt.Sprintf(tt.asked, name)
			want := 1 + 1 + 2*tt.zones + tt.more // the root has keys only
			for _, mover := range []struct {
				name      string
				exchanger upstream.Exchanger
			}{{"a forwarder", world}, {"the Recursor", world.Recursor()}} {
				forwarder := &counted{Exchanger: mover.exchanger}
				resolver := &dnssec.Resolver{Exchanger: forwarder, Anchors: world.Anchors()}
				for range 2 {
					before := forwarder.queries.Load()
					answer, err := lookupBy(t.Context(), resolver, question)
					if err != nil || answer.Status != tt.status {
						t.Fatalf("by %s: %+v, %v", mover.name, answer, err)
					}
					if got := int(forwarder.queries.Load() - before); got != want {
						t.Errorf("by %s: %d queries, want %d", mover.name, got, want)
					}
				}
			}
		})
	}
}

// Nor do questions that are asked ahead break a long chain with an ordinary TTL.
func TestLongChain(t *testing.T) {
	t.Parallel()
	for _, zones := range []int{16, 18, 25, 40} {
		world, name := deepWorld(t, zones, 300, false)
		resolver := world.Resolver()
		for _, qtype := range []uint16{dns.TypeMX, dns.TypeTXT} {
			if answer, err := resolver.Lookup(t.Context(), name, qtype); err != nil || answer.Status != dnssec.Secure {
				t.Errorf("%d zones, %s: %+v, %v", zones, dns.Type(qtype), answer, err)
			}
		}
	}
}

// Who asks at the same time shares what is in flight; who comes after it is done asks
// anew.
func TestNoTTLOutsideOfTheTransaction(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world, name := deepWorld(t, 5, 0, false)
		forwarder := &distant{Exchanger: world}
		resolver := &dnssec.Resolver{Exchanger: forwarder, Anchors: world.Anchors()}
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if answer, err := resolver.Lookup(t.Context(), name, dns.TypeMX); err != nil || answer.Status != dnssec.Secure {
					t.Errorf("%+v, %v", answer, err)
				}
			})
		}
		all.Wait()
		if n := forwarder.queries.Load(); n != 12 {
			t.Errorf("%d queries for twenty at once", n)
		}
		time.Sleep(time.Millisecond)
		if _, err := resolver.Lookup(t.Context(), name, dns.TypeMX); err != nil {
			t.Error(err)
		}
		if n := forwarder.queries.Load(); n != 24 {
			t.Errorf("%d queries with one after them", n)
		}
	})
}
