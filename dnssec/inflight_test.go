package dnssec_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// inflightWorld is a distant zone that a resolver knows nothing of.
func inflightWorld(t *testing.T) (*dnssec.Resolver, *distant) {
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ MX 10 mail\nmail A 192.0.2.1\nmail AAAA 2001:db8::1"})
	forwarder := &distant{Exchanger: world}
	return &dnssec.Resolver{Exchanger: forwarder, Anchors: world.Anchors()}, forwarder
}

// Who asks the same at the same time shares the queries and the work.
func TestConcurrentLookupsShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		resolver, forwarder := inflightWorld(t)
		var all sync.WaitGroup
		for i := range 60 {
			all.Go(func() {
				question := []string{"test. MX", "mail.test. A", "mail.test. AAAA"}[i%3]
				answer, err := lookupBy(t.Context(), resolver, question)
				if err != nil || answer.Status != dnssec.Secure || len(answer.Exchanges()) != 4 || answer.Exchanges()[0].Name+" "+dns.Type(answer.Exchanges()[0].Type).String() != question {
					t.Errorf("%+v, %v, %v", answer, err, answer.Exchanges())
				}
				answer.Records[0].Header().Ttl = uint32(i) // the caller's own
			})
		}
		start := time.Now()
		all.Wait()
		if got := forwarder.queries.Load(); got != 6 || time.Since(start) != 2*roundTrip { // three questions; the keys of two zones, and DS
			t.Errorf("%d queries in %s", got, time.Since(start))
		}
	})
}

// Whoever has no more time leaves the others alone, and the last one stops the work.
func TestLeavingAQuestionInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		resolver, forwarder := inflightWorld(t)
		impatient, cancel := context.WithTimeout(t.Context(), roundTrip/2)
		defer cancel()
		var all sync.WaitGroup
		for range 2 { // the first of whom sends the question
			all.Go(func() {
				_, err := resolver.Lookup(impatient, "test.", dns.TypeMX)
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
			})
			synctest.Wait()
			all.Go(func() {
				if answer, err := resolver.Lookup(t.Context(), "test.", dns.TypeMX); err != nil || answer.Status != dnssec.Secure {
					t.Errorf("%+v, %v", answer, err)
				}
			})
		}
		all.Wait()
		before, start := forwarder.queries.Load(), time.Now()
		impatient, cancel = context.WithTimeout(t.Context(), roundTrip/2)
		defer cancel()
		if _, err := resolver.Lookup(impatient, "mail.test.", dns.TypeA); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		synctest.Wait()
		if time.Since(start) != roundTrip/2 || forwarder.queries.Load() != before+1 {
			t.Errorf("it went on for %s", time.Since(start))
		}
		if answer, err := resolver.Lookup(t.Context(), "mail.test.", dns.TypeA); err != nil || answer.Status != dnssec.Secure {
			t.Errorf("the failure was kept: %+v, %v", answer, err)
		}
	})
}

// A question in flight ends by its own limit, if no caller has one.
func TestTimeLimitOfAQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Faults: map[string]dnssectest.Fault{"@ DNSKEY": dnssectest.Silent}})
		start := time.Now()
		answer, err := world.Resolver().Lookup(t.Context(), "test.", dns.TypeMX)
		if took := time.Since(start); err == nil || answer.Status != dnssec.Indeterminate || took < 10*time.Second || took > time.Minute {
			t.Errorf("%+v, %v after %s", answer, err, took)
		}
	})
}

// What is shared is charged to each, and who cannot pay fails alone.
func TestSharedWorkIsCharged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var records strings.Builder
		for i := range 300 {
			fmt.Fprintf(&records, "n%d A 192.0.2.1\n", i)
		}
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: records.String()})
		resolver := &dnssec.Resolver{Exchanger: &distant{Exchanger: world}, Anchors: world.Anchors()}
		poor := dnssec.WithBudget(t.Context(), 1)
		failed := 0
		for i := range 300 {
			var all sync.WaitGroup
			name := fmt.Sprintf("n%d.test.", i)
			all.Go(func() {
				if _, err := resolver.Lookup(t.Context(), name, dns.TypeA); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
			all.Go(func() {
				if _, err := resolver.Lookup(poor, name, dns.TypeA); errors.Is(err, dnssec.ErrBudget) {
					failed++
				}
			})
			all.Wait()
		}
		if failed < 150 || failed > 200 {
			t.Errorf("%d of 300 lookups were not paid for by the budget of one, which is 128 queries", failed)
		}
	})
}

// Zones whose every reply leads elsewhere, or back, do not make questions wait for each
// other: that would take until their limit.
func TestQuestionsDoNotWaitInCircles(t *testing.T) {
	t.Parallel()
	for label, tamper := range map[string]func(q dns.Question, reply *dns.Msg){
		"the name itself": func(q dns.Question, reply *dns.Msg) {
			reply.Answer = []dns.RR{parseRR(t, q.Name+" 300 IN CNAME "+q.Name)}
		},
		"the name below": func(q dns.Question, reply *dns.Msg) {
			reply.Answer = []dns.RR{parseRR(t, q.Name+" 300 IN CNAME a."+q.Name)}
		},
		"a denial": func(q dns.Question, reply *dns.Msg) {
			reply.Answer, reply.Ns = nil, []dns.RR{parseRR(t, q.Name+" 300 IN NSEC \\000."+q.Name+" NS SOA RRSIG NSEC")}
		},
		"nothing": func(q dns.Question, reply *dns.Msg) { reply.Answer, reply.Ns = nil, nil },
	} {
		t.Run(label, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				world := dnssectest.New(t, dnssectest.Zone{Name: "test."}, dnssectest.Zone{Name: "a.test."}, dnssectest.Zone{Name: "a.a.test."})
				world.Tamper = func(q dns.Question, reply *dns.Msg) {
					if q.Name == "." || q.Name == "test." {
						return
					}
					tamper(q, reply)
					for _, signer := range []string{"test.", "a.test.", "a.a.test."} {
						for _, rr := range append(reply.Answer, reply.Ns...) {
							if rr.Header().Rrtype != dns.TypeRRSIG {
								reply.Answer = append(reply.Answer, world.Sign(signer, rr))
							}
						}
					}
				}
				resolver := &dnssec.Resolver{Exchanger: &distant{Exchanger: world}, Anchors: world.Anchors()}
				var all sync.WaitGroup
				start := time.Now()
				for _, name := range []string{"test.", "a.test.", "a.a.test.", "a.a.a.test."} {
					for _, qtype := range []uint16{dns.TypeDS, dns.TypeDNSKEY, dns.TypeMX, dns.TypeCNAME} {
						for range 2 {
							all.Go(func() { resolver.Lookup(t.Context(), name, qtype) })
						}
					}
				}
				all.Wait()
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}
