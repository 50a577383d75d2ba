package dnssec_test

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// keepsAliasAlone is a forwarder that sends DNAME records to those alone who ask for them, as Knot Resolver 5.6 does
// for a name once somebody has asked for its CNAME record. It goes on with change.
type keepsAliasAlone struct {
	upstream.Exchanger
	change  func(q dns.Question, reply *dns.Msg)
	queries atomic.Int32
}

func (k *keepsAliasAlone) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	reply, err := k.Exchanger.Exchange(ctx, q)
	if err != nil {
		return nil, err
	}
	k.queries.Add(1)
	question := q.Msg.Question[0]
	if question.Qtype != dns.TypeDNAME {
		reply.Msg.Answer = slices.DeleteFunc(reply.Msg.Answer, func(rr dns.RR) bool {
			sig, ok := rr.(*dns.RRSIG)
			return rr.Header().Rrtype == dns.TypeDNAME || ok && sig.TypeCovered == dns.TypeDNAME
		})
	}
	if k.change != nil {
		k.change(question, reply.Msg)
	}
	return reply, nil
}

// RFC 6672 §5.3.1: an alias that follows from a signed DNAME record is proven by that, whoever sends it.
func TestAliasWithoutItsDNAME(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "tree DNAME there\nx.there A 192.0.2.1\n_25._tcp.x.there TLSA 3 1 1 00\n" +
		"there TXT is\nplain CNAME x.there\nevil A 192.0.2.66"})
	forged := func(q dns.Question, reply *dns.Msg) {
		for _, rr := range reply.Answer {
			if alias, ok := rr.(*dns.CNAME); ok {
				alias.Target = "evil.test."
			}
		}
	}
	unsigned := func(_ dns.Question, reply *dns.Msg) {
		reply.Answer = slices.DeleteFunc(reply.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
	}
	for _, tt := range []struct {
		label, question string
		change          func(dns.Question, *dns.Msg)
		status          dnssec.Status
		want            string // type and owner of the records, and the aliases
		most            int32  // queries
	}{
		{"an address", "x.tree.test. A", nil, dnssec.Secure, "A x.there.test.; DNAME x.tree.test.", 10},
		{"TLSA records, two labels further down", "_25._tcp.x.tree.test. TLSA", nil, dnssec.Secure,
			"TLSA _25._tcp.x.there.test.; DNAME _25._tcp.x.tree.test.", 16},
		{"the alias itself", "x.tree.test. CNAME", nil, dnssec.Secure, "CNAME x.tree.test.", 9},
		{"there is nothing behind it", "x.tree.test. MX", nil, dnssec.Secure, "; DNAME x.tree.test.", 10},
		{"the alias does not follow from the record", "x.tree.test. A", forged, dnssec.Bogus, "", 12},
		{"the DNAME record is not signed either", "x.tree.test. A", unsigned, dnssec.Bogus, "", 12},
		{"an alias without a signature that follows from nothing", "plain.test. A", unsigned, dnssec.Bogus, "", 12},
	} {
		server := &keepsAliasAlone{Exchanger: world, change: tt.change}
		resolver := &dnssec.Resolver{Exchanger: server, Anchors: world.Anchors()}
		name, qtype, _ := strings.Cut(tt.question, " ")
		answer, err := resolver.Lookup(t.Context(), name, dns.StringToType[qtype])
		if answer.Status != tt.status || (err == nil) != (tt.status == dnssec.Secure) {
			t.Errorf("%s: %s, want %s: %v", tt.label, answer.Status, tt.status, err)
			continue
		}
		if err == nil {
			var words []string
			for _, rr := range answer.Records {
				words = append(words, dns.Type(rr.Header().Rrtype).String()+" "+rr.Header().Name)
			}
			for _, alias := range answer.Aliases {
				words = append(words, "; "+dns.Type(alias.Type).String()+" "+alias.Name)
			}
			if diff := cmp.Diff(tt.want, strings.Join(words, "")); diff != "" {
				t.Errorf("%s: %s", tt.label, diff)
			}
		}
		if n := server.queries.Load(); n > tt.most {
			t.Errorf("%s: %d queries, want %d at most", tt.label, n, tt.most)
		}
	}
}
