package dnssec_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// evidenceWorld has each kind of chain.
func evidenceWorld(t *testing.T) *dnssectest.Internet {
	return dnssectest.New(t,
		dnssectest.Zone{Name: "test."},
		dnssectest.Zone{Name: "shapes.test.", Records: shapes},
		dnssectest.Zone{Name: "signed.test.", Denial: dnssectest.NSEC3, Records: "@ MX 10 mail\n*.wild A 192.0.2.1\naway CNAME mail.other.test."},
		dnssectest.Zone{Name: "other.test.", Algorithm: dns.ED25519, TwoKeys: true, Records: "mail A 192.0.2.2"},
		dnssectest.Zone{Name: "unsigned.test.", Unsigned: true, Records: "@ MX 10 mail"},
		dnssectest.Zone{Name: "expired.test.", Records: "@ MX 10 mail", Faults: map[string]dnssectest.Fault{"@ MX": dnssectest.Expired}},
		dnssectest.Zone{Name: "wrongds.test.", Records: "@ MX 10 mail", Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.WrongDS}},
		dnssectest.Zone{Name: "nokeys.test.", Records: "@ MX 10 mail", Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.NoKeys}},
	)
}

func TestChain(t *testing.T) {
	t.Parallel()
	world := evidenceWorld(t)
	const top = "anchor . DNSKEY, . signs test. DS, test. signs test. DNSKEY, "
	for _, tt := range []struct{ question, want string }{
		{"signed.test. MX", top + "test. signs signed.test. DS, signed.test. signs signed.test. DNSKEY, signed.test. signs signed.test. MX"},
		{". SOA", "anchor . DNSKEY, . signs . SOA"},
		{". DNSKEY", "anchor . DNSKEY"},
		{"test. DS", "anchor . DNSKEY, . signs test. DS"},
		{"away.signed.test. A", top + "test. signs signed.test. DS, signed.test. signs signed.test. DNSKEY, signed.test. signs away.signed.test. CNAME, " +
			"test. signs other.test. DS, other.test. signs other.test. DNSKEY, other.test. signs mail.other.test. A"},
		{"shapes.test. TLSA", top + "test. signs shapes.test. DS, shapes.test. signs shapes.test. DNSKEY, shapes.test. signs shapes.test. NSEC"},
		{"a.wild.shapes.test. A", top + "test. signs shapes.test. DS, shapes.test. signs shapes.test. DNSKEY, shapes.test. signs a.wild.shapes.test. A, shapes.test. signs *.wild.shapes.test. NSEC"},
		{"unsigned.test. MX", top + "test. signs unsigned.test. NSEC, unsigned.test. MX is insecure"},
		{"expired.test. MX", top + "test. signs expired.test. DS, expired.test. signs expired.test. DNSKEY, expired.test. MX is bogus"},
		{"wrongds.test. MX", top + "test. signs wrongds.test. DS, wrongds.test. MX is bogus"},
		{"nokeys.test. MX", top + "test. signs nokeys.test. DS, nokeys.test. MX is bogus"},
	} {
		t.Run(tt.question, func(t *testing.T) {
			answer, _ := lookup(t, world, tt.question)
			outline := answer.Chain()
			for i := range outline {
				l := &outline[i]
				l.Records, l.QName, l.QType, l.Denials, l.Refused = nil, "", 0, nil, nil
			}
			if diff := cmp.Diff(outline, answer.Outline()); diff != "" {
				t.Error(diff)
			}
			var got []string
			for _, link := range answer.Chain() {
				rrtype := dns.Type(link.Type).String()
				switch {
				case link.Status != dnssec.Secure:
					got = append(got, fmt.Sprintf("%s %s is %s", link.Name, rrtype, link.Status))
					if link.Reason == (dnssec.Reason{}) || link.Records != nil {
						t.Errorf("%+v has no reason, or has records", link)
					}
					continue
				case link.Anchor:
					got = append(got, "anchor "+link.Name+" "+rrtype)
				default:
					got = append(got, link.Zone+" signs "+link.Name+" "+rrtype)
				}
				sig, ok := link.Records[len(link.Records)-1].(*dns.RRSIG)
				if !ok || sig.KeyTag != link.KeyTag || sig.Algorithm != link.Algorithm || sig.OrigTtl != link.OriginalTTL || link.Server != "internet" {
					t.Errorf("%+v", link)
				}
				if now := time.Now(); !now.After(link.Inception) || !now.Before(link.Expiration) || link.Expiration.After(now.AddDate(0, 2, 0)) {
					t.Errorf("%s %s from %s to %s", link.Name, rrtype, link.Inception, link.Expiration)
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
	if outline := (*dnssec.Answer)(nil).Outline(); outline != nil {
		t.Errorf("no answer: %v", outline)
	}
	if chain := (*dnssec.Answer)(nil).Chain(); chain != nil {
		t.Errorf("no answer: %v", chain)
	}
}

// An answer from the cache has the same evidence, and it is the caller's own.
func TestChainFromTheCache(t *testing.T) {
	t.Parallel()
	resolver := evidenceWorld(t).Resolver()
	var chains [][]dnssec.Link
	for range 3 {
		answer, err := resolver.Lookup(t.Context(), "signed.test.", dns.TypeMX)
		if err != nil {
			t.Fatal(err)
		}
		chains = append(chains, answer.Chain())
		for _, link := range answer.Chain() {
			link.Records[0].Header().Name = "changed."
		}
	}
	if diff := cmp.Diff(chains[0], chains[2]); diff != "" || len(chains[0]) != 6 {
		t.Error(diff)
	}
}

// Answers share the records that they rest on (the race detector sees who writes there).
func TestAuthenticationChainsAtOnce(t *testing.T) {
	t.Parallel()
	world := evidenceWorld(t)
	resolver := world.Resolver()
	var chains sync.WaitGroup
	for range 4 {
		answer, err := lookupBy(t.Context(), resolver, "signed.test. MX")
		if err != nil {
			t.Fatal(err)
		}
		chains.Go(func() {
			if _, err := answer.AuthenticationChain(); err != nil {
				t.Error(err)
			}
		})
	}
	chains.Wait()
}

// What AuthenticationChain exports is all that another validator needs.
func TestAuthenticationChain(t *testing.T) {
	t.Parallel()
	world := evidenceWorld(t)
	questions := []string{"signed.test. MX", "away.signed.test. A", "x.wild.signed.test. A", "none.signed.test. TLSA", "signed.test. TLSA"}
	for _, q := range shapeQuestions {
		questions = append(questions, q.question)
	}
	for _, q := range questions {
		answer, err := lookup(t, world, q)
		if err != nil {
			t.Fatal(err)
		}
		wire, err := answer.AuthenticationChain()
		if err != nil {
			t.Fatal(err)
		}
		var records archive
		for off := 0; off < len(wire); {
			rr, next, err := dns.UnpackRR(wire, off)
			if err != nil {
				t.Fatalf("%s: %v", q, err)
			}
			records, off = append(records, rr), next
		}
		if first := records[0].Header(); answer.RCode == dns.RcodeSuccess && len(answer.Records) > 0 && len(answer.Aliases) == 0 && q != "x.tree.shapes.test. CNAME" &&
			(first.Name != answer.Name || first.Rrtype != answer.Type) {
			t.Errorf("%s: the first record is %v", q, records[0]) // RFC 9102 §3.4
		}
		again, err := lookupBy(t.Context(), &dnssec.Resolver{Exchanger: records, Anchors: world.Anchors()}, q)
		if err != nil || again.Status != dnssec.Secure || again.RCode != answer.RCode || len(again.Records) != len(answer.Records) {
			t.Errorf("%s, by the chain alone: %v", q, err)
		}
	}
	insecure, err := lookup(t, world, "unsigned.test. MX")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := insecure.AuthenticationChain(); err == nil {
		t.Error("a chain for an insecure answer")
	}
}

// An archive answers from records, wherever they are from.
type archive []dns.RR

func (a archive) Exchange(_ context.Context, q *upstream.Query) (*upstream.Reply, error) {
	if len(q.Avoid) > 0 {
		return nil, upstream.ErrExhausted
	}
	reply := new(dns.Msg).SetReply(q.Msg)
	question := q.Msg.Question[0]
	for _, rr := range a {
		h, covered := rr.Header(), rr.Header().Rrtype
		if sig, ok := rr.(*dns.RRSIG); ok {
			covered = sig.TypeCovered
		}
		switch {
		case covered == dns.TypeNSEC || covered == dns.TypeNSEC3:
			reply.Ns = append(reply.Ns, rr)
		case h.Name == question.Name && (covered == question.Qtype || covered == dns.TypeCNAME),
			covered == dns.TypeDNAME && h.Name != question.Name && dns.IsSubDomain(h.Name, question.Name):
			reply.Answer = append(reply.Answer, rr)
		}
	}
	if len(reply.Answer) == 0 {
		reply.Rcode = dns.RcodeNameError
	}
	if len(reply.Answer)+len(reply.Ns) == 0 {
		return nil, errors.New("not in the archive")
	}
	return &upstream.Reply{Msg: reply, Server: "archive"}, nil
}

func ExampleAnswer_Chain() {
	world := dnssectest.NewInternet(dnssectest.Zone{Name: "example.", Records: "@ MX 10 mail"})
	answer, err := world.Resolver().Lookup(context.Background(), "example", dns.TypeMX)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, link := range answer.Chain() {
		fmt.Println(link.Zone, "signs", link.Name, dns.Type(link.Type))
	}
	// Output:
	// . signs . DNSKEY
	// . signs example. DS
	// example. signs example. DNSKEY
	// example. signs example. MX
}
