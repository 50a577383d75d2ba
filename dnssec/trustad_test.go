package dnssec_test

import (
	"context"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// validating is a server that validates: what it cannot prove is SERVFAIL.
type validating struct {
	world    *dnssectest.Internet
	resolver *dnssec.Resolver
}

func (v validating) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	question := q.Msg.Question[0]
	answer, err := v.resolver.Lookup(ctx, question.Name, question.Qtype)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	reply, replyErr := v.world.Exchange(ctx, q)
	if replyErr != nil {
		return nil, replyErr
	}
	if err != nil {
		reply.Msg = new(dns.Msg).SetRcode(q.Msg, dns.RcodeServerFailure)
		return reply, nil
	}
	reply.Msg.AuthenticatedData = answer.Status == dnssec.Secure
	return reply, nil
}

func TestTrustADKeepsTheContract(t *testing.T) {
	t.Parallel()
	dnssectest.TestLookup(t, func(t *testing.T, world *dnssectest.Internet) dnssectest.Lookuper {
		return dnssec.TrustAD{Exchanger: validating{world, world.Resolver()}}
	})
}

// The zero TrustAD fails.
func TestZeroTrustAD(t *testing.T) {
	t.Parallel()
	if answer, err := (dnssec.TrustAD{}).Lookup(t.Context(), "example.", dns.TypeMX); err == nil {
		t.Errorf("%+v", answer)
	}
}

// RFC 7672 §2.1.3: it cannot tell which step of an insecure chain is secure.
func TestTrustADDoesNotGuessAliases(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "signed.", Records: "a CNAME b.unsigned."},
		dnssectest.Zone{Name: "unsigned.", Unsigned: true, Records: "b A 192.0.2.1"})
	answer, err := dnssec.TrustAD{Exchanger: validating{world, world.Resolver()}}.Lookup(t.Context(), "a.signed", dns.TypeA)
	if err != nil || answer.Status != dnssec.Insecure || len(answer.Aliases) != 1 || answer.Aliases[0].Status != dnssec.Indeterminate {
		t.Errorf("%+v, %v", answer, err)
	}
}

// A record without a wire form fails the lookup; it is not taken for absent.
func TestMalformedRecordIsNotAbsent(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "@ A 192.0.2.1\nalias CNAME @"})
	world.Tamper = func(_ dns.Question, reply *dns.Msg) {
		for _, rr := range reply.Answer {
			switch rr := rr.(type) {
			case *dns.A:
				rr.A = []byte{1, 2, 3}
			case *dns.CNAME:
				rr.Target = "a..b."
			}
		}
	}
	ad := dnssec.TrustAD{Exchanger: alwaysAD{world}}
	for _, name := range []string{"test.", "alias.test."} {
		for label, resolver := range map[string]dnssectest.Lookuper{"TrustAD": ad, "Resolver": world.Resolver()} {
			if answer, err := resolver.Lookup(t.Context(), name, dns.TypeA); err == nil {
				t.Errorf("%s, %s: %+v", label, name, answer)
			}
		}
	}
}

// alwaysAD is a server that claims to have validated everything.
type alwaysAD struct{ *dnssectest.Internet }

func (e alwaysAD) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	reply, err := e.Internet.Exchange(ctx, q)
	if err == nil {
		reply.Msg.AuthenticatedData = true
	}
	return reply, err
}
