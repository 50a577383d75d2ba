package dane_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// An outage is a network in which queries that fail says so of are lost or refused.
type outage struct {
	upstream.Exchanger
	fails func(dns.Question) bool
	slow  bool          // a failure takes its time
	ends  time.Duration // after which queries that were lost are answered
	began time.Time
	roots atomic.Int32
	err   error // nil: connection refused
}

func (o *outage) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	question := q.Msg.Question[0]
	if question.Name == "." && question.Qtype == dns.TypeDNSKEY {
		o.roots.Add(1)
	}
	switch {
	case !o.fails(question):
		return o.Exchanger.Exchange(ctx, q)
	case o.slow:
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Until(o.began.Add(o.ends))): // a packet was sent again
			return o.Exchanger.Exchange(ctx, q)
		}
	}
	return nil, cmp.Or(o.err, errors.New("connection refused"))
}

// Where this process has no descriptors, for the root's keys neither, that is no word about DNS servers.
func TestWantOfDescriptorsIsLocal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		internet := danetest.New(t, danetest.Domain{Name: "first.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}})
		network := &outage{Exchanger: internet.DNS, fails: func(q dns.Question) bool { return q.Name == "." || strings.HasPrefix(q.Name, "mail") },
			err: os.NewSyscallError("socket", syscall.EMFILE)}
		resolver := &dnssec.Resolver{Exchanger: network, Anchors: internet.DNS.Anchors()}
		verifier := internet.Verifier()
		whole := network.fails
		network.fails = func(dns.Question) bool { return false }
		if _, err := resolver.Lookup(t.Context(), "first.example.", dns.TypeMX); err != nil {
			t.Fatal(err)
		}
		network.fails, verifier.Resolver = whole, resolver
		time.Sleep(2 * time.Second) // until the last reply is none of now
		result, err := checker(verifier).Plan(t.Context(), "first.example")
		if err != nil || result.Unresolved || !result.Local || result.Outcome != dane.OutcomeFailure {
			t.Errorf("unresolved %t, local %t, outcome %s: %v", result.Unresolved, result.Local, result.Outcome, err)
		}
	})
}

// That nobody answers about a domain is its fault only if somebody answers at all. What is cached from before says
// nothing about that.
func TestWhoseFaultItIsThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	all := func(dns.Question) bool { return true }
	of := func(part string) func(dns.Question) bool {
		return func(q dns.Question) bool { return strings.Contains(q.Name, part) }
	}
	for _, tt := range []struct {
		label      string
		fails      func(dns.Question) bool
		slow       bool
		ends       time.Duration // 0: never
		time       time.Duration // 0: a minute
		meanwhile  bool          // others are answered
		unresolved bool
		roots      int32 // queries for its keys
	}{
		{label: "nobody answers any more", fails: all, slow: true, unresolved: true, roots: 1},
		{label: "nobody listens any more", fails: all, unresolved: true, roots: 1},
		{label: "nobody answers after the MX records", slow: true, unresolved: true, roots: 1,
			fails: func(q dns.Question) bool { return q.Qtype != dns.TypeMX && q.Qtype != dns.TypeDS || q.Name == "." }},
		{label: "nobody answers about its host, for as long as there is time", slow: true, time: 10 * time.Second, unresolved: true, roots: 1,
			fails: func(q dns.Question) bool { return q.Name == "." || strings.Contains(q.Name, "mail.second") }},
		{label: "the servers of its host are silent for as long as there is time", fails: of("mail.second"), slow: true, time: 10 * time.Second, roots: 1},
		{label: "nobody answers for longer than the domain has time, and the root's keys are late", fails: all, slow: true, ends: 32 * time.Second,
			unresolved: true, roots: 1},
		{label: "the domain's servers are silent", fails: of("second"), slow: true, roots: 1},
		{label: "the domain's servers refuse", fails: of("second"), roots: 1},
		{label: "the servers of its host are silent", fails: of("mail.second"), slow: true, roots: 1},
		{label: "the domain's servers are silent, and others are answered", fails: of("second"), slow: true, meanwhile: true},
	} {
		t.Run(tt.label, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				internet := danetest.New(t,
					danetest.Domain{Name: "first.example", Hosts: []danetest.Host{{Name: "mail"}}},
					danetest.Domain{Name: "second.example", Hosts: []danetest.Host{{Name: "mail"}}},
				)
				network := &outage{Exchanger: internet.DNS, slow: tt.slow, fails: func(dns.Question) bool { return false }}
				resolver := &dnssec.Resolver{Exchanger: network, Anchors: internet.DNS.Anchors(), NoAggressiveUse: true}
				verifier := internet.Verifier()
				verifier.Resolver = resolver
				if _, err := checker(verifier).Plan(t.Context(), "first.example"); err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // for what was asked ahead
				network.roots.Store(0)
				network.fails, network.began, network.ends = tt.fails, time.Now(), cmp.Or(tt.ends, time.Hour)
				var running sync.WaitGroup
				defer running.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(tt.time, time.Minute))
				defer cancel()
				if tt.meanwhile {
					running.Go(func() { others(ctx, resolver) })
				}
				result, err := checker(verifier).Plan(ctx, "second.example")
				if result.Outcome != dane.OutcomeFailure || result.Unresolved != tt.unresolved || errors.Is(err, dane.ErrNoResolver) != tt.unresolved {
					t.Errorf("outcome %s, unresolved %t, want %t: %v", result.Outcome, result.Unresolved, tt.unresolved, err)
				}
				if got := network.roots.Load(); got != tt.roots {
					t.Errorf("%d queries for the root's keys, want %d", got, tt.roots)
				}
			})
		})
	}
}

// However many hosts have no answer, the root's keys are asked for once, also of a resolver that does not tell when it
// had a reply.
func TestRootKeysAreAskedForOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		internet := danetest.New(t, danetest.Domain{Name: "first.example", Hosts: []danetest.Host{{Name: "mail1"}, {Name: "mail2"}, {Name: "mail3"}}})
		network := &outage{Exchanger: internet.DNS, fails: func(q dns.Question) bool { return strings.HasPrefix(q.Name, "mail") }}
		resolver := &dnssec.Resolver{Exchanger: network, Anchors: internet.DNS.Anchors()}
		verifier := internet.Verifier()
		verifier.Resolver = struct{ dane.Resolver }{resolver}
		if _, err := resolver.Lookup(t.Context(), "first.example.", dns.TypeMX); err != nil {
			t.Fatal(err)
		}
		network.roots.Store(0)
		result, err := checker(verifier).Plan(t.Context(), "first.example")
		if err != nil || result.Outcome != dane.OutcomeFailure || len(result.Hosts) != 3 {
			t.Fatalf("outcome %s of %d hosts: %v", result.Outcome, len(result.Hosts), err)
		}
		if got := network.roots.Load(); got != 1 {
			t.Errorf("%d queries for the root's keys, want 1", got)
		}
	})
}

// others looks up another name ten times a second.
func others(ctx context.Context, r dane.Resolver) {
	for n := 0; ctx.Err() == nil; n++ {
		_, _ = r.Lookup(ctx, fmt.Sprintf("n%d.first.example.", n), dns.TypeA)
		time.Sleep(100 * time.Millisecond)
	}
}
