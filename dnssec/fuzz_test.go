package dnssec_test

import (
	"context"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// Whatever comes as the reply to the question, in a signed zone it proves what is
// true, or nothing.
func FuzzReply(f *testing.F) {
	world := dnssectest.NewInternet(dnssectest.Zone{Name: "test."}, dnssectest.Zone{Name: "shapes.test.", Records: shapes})
	asked := []string{"mail.shapes.test. A", "no.shapes.test. A", "a.wild.shapes.test. A", "x.tree.shapes.test. A", "shapes.test. DS", "shapes.test. DNSKEY"}
	good := make(map[string]string)
	for _, question := range asked {
		name, qtype, _ := strings.Cut(question, " ")
		answer, err := world.Resolver().Lookup(f.Context(), name, dns.StringToType[qtype])
		if err != nil {
			f.Fatal(err)
		}
		good[question] = content(answer)
		query := new(dns.Msg).SetQuestion(name, dns.StringToType[qtype])
		query.SetEdns0(1232, true)
		reply, err := world.Exchange(f.Context(), &upstream.Query{Msg: query})
		if err != nil {
			f.Fatal(err)
		}
		wire, err := reply.Msg.Pack()
		if err != nil {
			f.Fatal(err)
		}
		for i := range asked {
			f.Add(i, wire)
		}
	}
	f.Fuzz(func(t *testing.T, i int, wire []byte) {
		var msg dns.Msg
		if i < 0 || i >= len(asked) || msg.Unpack(wire) != nil {
			return
		}
		name, qtype, _ := strings.Cut(asked[i], " ")
		resolver := world.Resolver()
		resolver.Exchanger = exchangerFunc(func(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
			reply, err := world.Exchange(ctx, q)
			if err == nil && q.Msg.Question[0].Name == name && q.Msg.Question[0].Qtype == dns.StringToType[qtype] {
				reply.Msg = msg.Copy()
			}
			return reply, err
		})
		answer, err := resolver.Lookup(t.Context(), name, dns.StringToType[qtype])
		if err == nil && (answer.Status != dnssec.Secure || content(answer) != good[asked[i]]) {
			t.Errorf("%s: %s\n%s\nby %v", asked[i], answer.Status, content(answer), &msg)
		}
	})
}
