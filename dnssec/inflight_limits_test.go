package dnssec_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// hostileZone answers every question below test. with many bad signatures, and names the
// question as their signer. It counts the signatures that are checked.
func hostileZone(t *testing.T) (*dnssec.Resolver, *dnssectest.Internet, *atomic.Int32) {
	t.Helper()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Algorithm: dns.RSASHA256})
	checked := new(atomic.Int32)
	resolver := world.Resolver()
	resolver.Algorithms = rrsig.Add(resolver.Algorithms, dns.RSASHA256, counting{rrsig.RSA{Hash: crypto.SHA256, MinBits: 1024}, checked})
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		if !dns.IsSubDomain("test.", q.Name) || q.Name == "test." {
			return
		}
		reply.Answer, reply.Ns, reply.Rcode = nil, nil, dns.RcodeSuccess
		for i := range 8 {
			nsec, err := dns.NewRR(fmt.Sprintf("!%d.test. 300 IN NSEC zz.test. A RRSIG NSEC", i))
			if err != nil {
				panic(err)
			}
			reply.Ns = append(reply.Ns, nsec)
			sig := world.Sign("test.", nsec)
			for j := range 15 {
				bad := *sig
				bad.OrigTtl = uint32(200 + j)
				reply.Ns = append(reply.Ns, &bad)
			}
		}
		if q.Qtype == dns.TypeA {
			deep := *world.Sign("test.", reply.Ns[0])
			deep.SignerName = q.Name
			reply.Ns = append([]dns.RR{&deep}, reply.Ns...)
		}
	}
	return resolver, world, checked
}

// What is prefetched costs no more than a few lookups may.
func TestSpeculativeQueriesCostLittle(t *testing.T) {
	t.Parallel()
	resolver, _, checked := hostileZone(t)
	for _, name := range []string{"test1.test.", "a.b.c.test.", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.test."} {
		before := checked.Load()
		_, err := resolver.Lookup(t.Context(), name, dns.TypeA)
		if n := checked.Load() - before; n < 16 || n > 5*128 {
			t.Errorf("%s: %d signatures were checked, %v", name, n, err)
		}
	}
}

// A task that has spent its budget gets nothing for free.
func TestSpentBudgetStaysSpent(t *testing.T) {
	t.Parallel()
	resolver, world, checked := hostileZone(t)
	ctx := dnssec.WithBudget(t.Context(), 1)
	for i := range 100 {
		resolver.Lookup(ctx, fmt.Sprintf("n%d.test.", i), dns.TypeA)
	}
	if n := checked.Load(); n > 500 {
		t.Errorf("%d signatures, %d queries by the budget of one lookup", n, len(world.Questions()))
	}
}

// Speculative queries that nobody waited for count like others, also those of other questions: in an
// unsigned zone, that is one for each name.
func TestSpeculativeQueriesCount(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Unsigned: true, Records: "* A 192.0.2.1"})
	resolver, ctx := world.Resolver(), dnssec.WithBudget(t.Context(), 1)
	for i := 0; ; i++ {
		if _, err := resolver.Lookup(ctx, fmt.Sprintf("n%d.test.", i), dns.TypeA); err != nil {
			if n := len(world.Questions()); n > 128+2 || n < 64 || !errors.Is(err, dnssec.ErrBudget) {
				t.Errorf("%v after %d queries", err, n)
			}
			return
		}
	}
}

// A cached failure is a failure the second time, too.
func TestCachedBogusIsAnError(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ MX 10 mail", Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.BadSignature}})
	resolver := world.Resolver()
	for range 2 {
		answer, err := resolver.Lookup(t.Context(), "test.", dns.TypeMX)
		if e, ok := errors.AsType[*dnssec.Error](err); !ok || e.Status != dnssec.Bogus || answer.Status != dnssec.Bogus {
			t.Fatalf("%+v, %v", answer, err)
		}
	}
}

// lossy loses the first question for MX records.
type lossy struct {
	upstream.Exchanger
	lost atomic.Bool
}

func (l *lossy) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	if q.Msg.Question[0].Qtype == dns.TypeMX && !l.lost.Swap(true) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return l.Exchanger.Exchange(ctx, q)
}

// Who comes late to a question of which nothing comes has time of its own.
func TestLateWaiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ MX 10 mail"})
		resolver := &dnssec.Resolver{Exchanger: &lossy{Exchanger: world}, Anchors: world.Anchors()}
		var first sync.WaitGroup
		first.Go(func() { resolver.Lookup(t.Context(), "test.", dns.TypeMX) })
		time.Sleep(29 * time.Second)
		if answer, err := resolver.Lookup(t.Context(), "test.", dns.TypeMX); err != nil || answer.Status != dnssec.Secure {
			t.Errorf("%+v, %v", answer, err)
		}
		first.Wait()
	})
}

// A question in flight is not for those whose clock is another one.
func TestInFlightByAnotherClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := time.Now()
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ MX 10 mail"})
		world.Time = func() time.Time { return base }
		for _, fast := range []bool{true, false} { // the clock of who asks first
			var ahead atomic.Bool
			ahead.Store(fast)
			resolver := &dnssec.Resolver{Exchanger: &distant{Exchanger: world}, Anchors: world.Anchors(), Time: func() time.Time {
				if ahead.Load() {
					return base.AddDate(0, 2, 0) // when the signatures have expired
				}
				return base
			}}
			var first sync.WaitGroup
			first.Go(func() { resolver.Lookup(t.Context(), "test.", dns.TypeMX) })
			synctest.Wait()
			ahead.Store(!fast)
			if answer, err := resolver.Lookup(t.Context(), "test.", dns.TypeMX); (err == nil) != fast {
				t.Errorf("clock that is ahead first: %v: %+v, %v", fast, answer, err)
			}
			first.Wait()
		}
	})
}

// passing says that it has passed a server over.
type passing struct{ upstream.Exchanger }

func (p passing) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	reply, err := p.Exchanger.Exchange(ctx, q)
	if reply != nil {
		reply.PassedOver = []error{errors.New("first")}
	}
	return reply, err
}

// Exchanges are the caller's own, even those of a question that is shared.
func TestExchangesAreOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ MX 10 mail"})
		resolver := &dnssec.Resolver{Exchanger: passing{&distant{Exchanger: world}}, Anchors: world.Anchors()}
		var answers [2]*dnssec.Answer
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i], _ = resolver.Lookup(t.Context(), "test.", dns.TypeMX) })
		}
		all.Wait()
		answers[0].Exchanges()[0].PassedOver[0] = nil
		if answers[1].Exchanges()[0].PassedOver[0] == nil {
			t.Error("the caller has changed another's exchanges")
		}
	})
}
