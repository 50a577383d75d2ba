package dane_test

import (
	"context"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// unbound validates, and fails on questions for CNAME records below tree.signed, as Unbound 1.17 does where there is
// a signed DNAME record.
type unbound struct {
	world    *dnssectest.Internet
	resolver *dnssec.Resolver
}

func (u unbound) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	question := q.Msg.Question[0]
	answer, err := u.resolver.Lookup(ctx, question.Name, question.Qtype)
	reply, replyErr := u.world.Exchange(ctx, q)
	switch {
	case replyErr != nil:
		return nil, replyErr
	case err != nil, question.Qtype == dns.TypeCNAME && dns.IsSubDomain("tree.signed.", question.Name):
		reply.Msg = new(dns.Msg).SetRcode(q.Msg, dns.RcodeServerFailure)
		return reply, nil
	}
	reply.Msg.AuthenticatedData = answer.Status == dnssec.Secure
	return reply, nil
}

// A host below a DNAME record that leads into an unsigned zone has no DANE, and mail goes there all the same (RFC
// 7672 §2.1.3): whoever validates, and whatever the resolver says to a question for the CNAME record.
func TestHostBelowADNAMEIntoAnUnsignedZone(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "signed.", Records: "@ MX 10 mail.tree\ntree DNAME unsigned."},
		dnssectest.Zone{Name: "unsigned.", Unsigned: true, Records: "mail A 192.0.2.1\n_25._tcp.mail TLSA 3 1 1 00"},
	)
	for label, resolver := range map[string]dane.Resolver{
		"a validator of our own": world.Resolver(),
		"Unbound":                dnssec.TrustAD{Exchanger: unbound{world, world.Resolver()}},
	} {
		v := &dane.Verifier{Resolver: resolver}
		domain, err := v.LookupMX(t.Context(), "signed")
		if err != nil || len(domain.MX) != 1 {
			t.Errorf("%s: %+v, %v", label, domain, err)
			continue
		}
		host := v.LookupHost(t.Context(), domain, domain.MX[0])
		if host.Err != nil || host.Action != dane.MayEncrypt {
			t.Errorf("%s: action %s, want %s: %v", label, host.Action, dane.MayEncrypt, host.Err)
		}
	}
}
