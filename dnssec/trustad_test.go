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
