package dnssec_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

func TestAliasChains(t *testing.T) {
	t.Parallel()
	var records strings.Builder
	for i := range 40 {
		fmt.Fprintf(&records, "a%d CNAME a%d\n", i, i+1)
	}
	records.WriteString("a40 A 192.0.2.1\nx CNAME y\ny CNAME x\ntree DNAME a.tree")
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: records.String()})
	for question, ok := range map[string]bool{"a35.test. A": true, "a0.test. A": false, "x.test. A": false, "b.tree.test. A": false} {
		answer, err := lookup(t, world, question)
		if (err == nil) != ok || !ok && answer.Status != dnssec.Indeterminate {
			t.Errorf("%s: %+v, %v", question, answer, err)
		}
	}
	before := len(world.Questions())
	lookup(t, world, "a0.test. A")
	if asked := len(world.Questions()) - before; asked > 20 {
		t.Errorf("%d queries for a long chain", asked)
	}
}

// The status of each step, and of the whole (RFC 7672 §2.1.3).
func TestAliasesKeepTheirStatus(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "signed.", Records: "a CNAME b.unsigned.\nc CNAME d\nd A 192.0.2.1\nbad CNAME d.broken."},
		dnssectest.Zone{Name: "unsigned.", Unsigned: true, Records: "b CNAME c.signed."},
		dnssectest.Zone{Name: "broken.", Records: "d A 192.0.2.1", Faults: map[string]dnssectest.Fault{"d A": dnssectest.BadSignature}})
	answer, err := lookup(t, world, "a.signed. A")
	if err != nil || answer.Status != dnssec.Insecure || answer.Name != "d.signed." || len(answer.Records) != 1 {
		t.Fatalf("%+v, %v", answer, err)
	}
	want := []dnssec.Alias{
		{Name: "a.signed.", Target: "b.unsigned.", Type: dns.TypeCNAME, Status: dnssec.Secure},
		{Name: "b.unsigned.", Target: "c.signed.", Type: dns.TypeCNAME, Status: dnssec.Insecure},
		{Name: "c.signed.", Target: "d.signed.", Type: dns.TypeCNAME, Status: dnssec.Secure},
	}
	if len(answer.Aliases) != len(want) {
		t.Fatalf("aliases %+v", answer.Aliases)
	}
	for i := range want {
		if answer.Aliases[i] != want[i] {
			t.Errorf("alias %d: %+v, want %+v", i, answer.Aliases[i], want[i])
		}
	}
	answer, err = lookup(t, world, "bad.signed. A")
	if err == nil || answer.Status != dnssec.Bogus || len(answer.Records) != 0 {
		t.Errorf("a bogus step: %+v, %v", answer, err)
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

// RFC 6672 §5.3.1: the CNAME beside a DNAME is unsigned, and must follow from it.
func TestForgedCNAMEBesideDNAME(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "tree DNAME other\nx.other A 192.0.2.1\nevil A 192.0.2.66"})
	if answer, err := lookup(t, world, "x.tree.test. A"); err != nil || answer.Status != dnssec.Secure {
		t.Fatalf("%+v, %v", answer, err)
	}
	world.Tamper = func(_ dns.Question, reply *dns.Msg) {
		for _, rr := range reply.Answer {
			if alias, ok := rr.(*dns.CNAME); ok {
				alias.Target = "evil.test."
			}
		}
	}
	if answer, err := lookup(t, world, "x.tree.test. A"); err == nil || answer.Status != dnssec.Bogus {
		t.Errorf("%+v, %v", answer, err)
	}
}

// Where a zone has other data beside a CNAME, against RFC 2181 §10.1, the answer is
// what its server put first.
func TestDataBesideCNAME(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "www A 192.0.2.1\nother A 192.0.2.2"})
	data, alias := parseRR(t, "www.test. 300 IN A 192.0.2.1"), parseRR(t, "www.test. 300 IN CNAME other.test.")
	for _, tt := range []struct {
		name string
		sets []dns.RR
		want string
	}{
		{"the data is first", []dns.RR{data, alias}, "www.test."},
		{"the alias is first", []dns.RR{alias, data}, "other.test."},
	} {
		world.Tamper = func(q dns.Question, reply *dns.Msg) {
			if q.Name == "www.test." && q.Qtype == dns.TypeA {
				reply.Answer = nil
				for _, rr := range tt.sets {
					reply.Answer = append(reply.Answer, dns.Copy(rr), world.Sign("test.", rr))
				}
			}
		}
		if answer, err := lookup(t, world, "www.test. A"); err != nil || answer.Status != dnssec.Secure || answer.Name != tt.want {
			t.Errorf("%s: %+v, %v", tt.name, answer, err)
		}
	}
}
