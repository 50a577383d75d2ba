package dnssec_test

import (
	"context"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// twoServers asks server a, and server b where a is to be avoided. a changes its
// replies.
type twoServers struct {
	world *dnssectest.Internet
	a     func(q dns.Question, reply *dns.Msg)
	b     func(q dns.Question, reply *dns.Msg) error
}

func (s *twoServers) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	reply, err := s.world.Exchange(ctx, &upstream.Query{Msg: q.Msg})
	if err != nil {
		return nil, err
	}
	switch {
	case !slices.Contains(q.Avoid, "a"):
		reply.Server = "a"
		s.a(q.Msg.Question[0], reply.Msg)
	case !slices.Contains(q.Avoid, "b"):
		reply.Server = "b"
		if s.b != nil {
			if err := s.b(q.Msg.Question[0], reply.Msg); err != nil {
				return nil, err
			}
		}
	default:
		return nil, upstream.ErrExhausted
	}
	return reply, nil
}

func spoil(q dns.Question, reply *dns.Msg) {
	if q.Qtype == dns.TypeA {
		for _, rr := range reply.Answer {
			if a, ok := rr.(*dns.A); ok {
				a.A = []byte{192, 0, 2, 66}
			}
		}
	}
}

// One wrong server does not break a zone.
func TestOtherServers(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", TwoKeys: true, Records: "@ A 192.0.2.1"})
	for label, a := range map[string]func(dns.Question, *dns.Msg){
		"a forged answer": spoil,
		"the keys of before a rollover": func(q dns.Question, reply *dns.Msg) {
			if q.Qtype == dns.TypeDNSKEY && q.Name == "test." {
				old := slices.DeleteFunc(reply.Answer, func(rr dns.RR) bool {
					key, ok := rr.(*dns.DNSKEY)
					return !ok || key.Flags != 257
				})
				reply.Answer = append(old, world.Sign("test.", old...))
			}
		},
	} {
		resolver := &dnssec.Resolver{Exchanger: &twoServers{world: world, a: a}, Anchors: world.Anchors()}
		answer, err := resolver.Lookup(t.Context(), "test.", dns.TypeA)
		if err != nil || answer.Status != dnssec.Secure {
			t.Errorf("%s: %+v, %v", label, answer, err)
		}
	}
}

// What the first caller had no time to find out is not held against the second.
func TestUnfinishedVerdictIsNotCached(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ A 192.0.2.1"})
	ctx, cancel := context.WithCancel(t.Context())
	servers := &twoServers{world: world, a: spoil, b: func(dns.Question, *dns.Msg) error { cancel(); return ctx.Err() }}
	resolver := &dnssec.Resolver{Exchanger: servers, Anchors: world.Anchors()}
	if answer, err := resolver.Lookup(ctx, "test.", dns.TypeA); err == nil {
		t.Fatalf("%+v", answer)
	}
	servers.b = nil
	if answer, err := resolver.Lookup(t.Context(), "test.", dns.TypeA); err != nil || answer.Status != dnssec.Secure {
		t.Errorf("%+v, %v", answer, err)
	}
}

// A second server that is worse than the first does not spoil what is known.
func TestWorseServerIsNotCached(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "bad A 192.0.2.1\ngood A 192.0.2.1"})
	servers := &twoServers{world: world, a: func(q dns.Question, reply *dns.Msg) {
		if q.Name == "bad.test." {
			spoil(q, reply)
		}
	}, b: func(_ dns.Question, reply *dns.Msg) error {
		reply.Answer = nil
		return nil
	}}
	resolver := &dnssec.Resolver{Exchanger: servers, Anchors: world.Anchors()}
	if answer, err := resolver.Lookup(t.Context(), "bad.test.", dns.TypeA); err == nil {
		t.Fatalf("%+v", answer)
	}
	if answer, err := resolver.Lookup(t.Context(), "good.test.", dns.TypeA); err != nil || answer.Status != dnssec.Secure {
		t.Errorf("%+v, %v", answer, err)
	}
}
