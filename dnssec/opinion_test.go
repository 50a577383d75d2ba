package dnssec_test

import (
	"context"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
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
func TestSecondOpinion(t *testing.T) {
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
func TestUnfinishedOpinionIsNotCached(t *testing.T) {
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
func TestWorseOpinionIsNotCached(t *testing.T) {
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

// A zone with an anchor of its own does not depend on what is above it.
func TestUnsignedDNAMEAboveAnAnchor(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "corp.", Unsigned: true}, dnssectest.Zone{Name: "evil.", Unsigned: true, Records: "www.island A 192.0.2.66"},
		dnssectest.Zone{Name: "island.corp.", Records: "www A 192.0.2.1"})
	keys, err := world.Exchange(t.Context(), &upstream.Query{Msg: new(dns.Msg).SetQuestion("island.corp.", dns.TypeDNSKEY)})
	if err != nil {
		t.Fatal(err)
	}
	anchors := append(world.Anchors(), anchor.Anchor{Zone: "island.corp.", Key: keys.Msg.Answer[0].(*dns.DNSKEY)})
	resolver := func() *dnssec.Resolver { return &dnssec.Resolver{Exchanger: world, Anchors: anchors} }
	if answer, err := resolver().Lookup(t.Context(), "www.island.corp.", dns.TypeA); err != nil || answer.Status != dnssec.Secure {
		t.Fatalf("%+v, %v", answer, err)
	}
	if answer, err := resolver().Lookup(t.Context(), "island.corp.", dns.TypeDS); err != nil || answer.Status != dnssec.Insecure {
		t.Errorf("DS above the anchor: %+v, %v", answer, err)
	}
	dname := parseRR(t, "corp. 300 IN DNAME evil.")
	for _, forged := range []uint16{dns.TypeA, dns.TypeDNSKEY} {
		world.Tamper = func(q dns.Question, reply *dns.Msg) {
			if q.Qtype == forged {
				reply.Answer, reply.Ns = []dns.RR{dname}, nil
			}
		}
		if answer, err := resolver().Lookup(t.Context(), "www.island.corp.", dns.TypeA); err == nil {
			t.Errorf("by %s: %+v", dns.Type(forged), answer)
		}
	}
}

// An overlong substitution is no name, and nothing is proven of it (RFC 6672 §2.2).
func TestOverlongDNAME(t *testing.T) {
	t.Parallel()
	long := "a23456789012345678901234567890123456789012345678901234567890123."
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "tree DNAME " + long + long + long + "test."})
	world.Tamper = func(q dns.Question, reply *dns.Msg) { reply.Rcode = dns.RcodeSuccess }
	if answer, err := world.Resolver().Lookup(t.Context(), long+"tree.test.", dns.TypeA); err == nil || answer.Status != dnssec.Bogus {
		t.Errorf("%+v, %v", answer, err)
	}
}

// A record that is there twice is one (RFC 2181 §5).
func TestRepeatedRecords(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ MX 10 mail\nalias CNAME mail\nmail A 192.0.2.1"})
	world.Tamper = func(_ dns.Question, reply *dns.Msg) {
		for range 5 {
			reply.Answer = append(reply.Answer, reply.Answer[:min(len(reply.Answer), 3)]...)
		}
	}
	for _, question := range []string{"test. MX", "alias.test. A"} {
		if answer, err := lookup(t, world, question); err != nil || answer.Status != dnssec.Secure || len(answer.Records) != 1 {
			t.Errorf("%s: %+v, %v", question, answer, err)
		}
	}
}

// anchorsNow is a source of anchors that changes.
type anchorsNow struct{ dnssec.AnchorSource }

// A verdict that rests on other anchors than today's does not count.
func TestAnchorsChange(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "island.", NoDS: true, Records: "@ A 192.0.2.1"}, dnssectest.Zone{Name: "other.", Records: "@ A 192.0.2.1"})
	keys, err := world.Resolver().Lookup(t.Context(), "island.", dns.TypeDNSKEY)
	if err != nil {
		t.Fatal(err)
	}
	island := anchor.Set{{Zone: "island.", Key: keys.Records[0].(*dns.DNSKEY)}}
	source := &anchorsNow{island}
	resolver := &dnssec.Resolver{Exchanger: world, Anchors: source}
	for _, step := range []struct {
		anchors anchor.Set
		want    dnssec.Status
	}{{island, dnssec.Insecure}, {world.Anchors(), dnssec.Secure}, {island, dnssec.Insecure}} {
		source.AnchorSource = step.anchors
		answer, err := resolver.Lookup(t.Context(), "other.", dns.TypeA)
		if err != nil || answer.Status != step.want {
			t.Errorf("%+v, %v; want %s", answer, err, step.want)
		}
	}
}
