package dnssec_test

import (
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

func isSignature(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG }

// Some servers put signatures into another section than the RRset.
func TestSignaturesInAnotherSection(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test."}, dnssectest.Zone{Name: "shapes.test.", Records: shapes})
	world.Tamper = func(_ dns.Question, reply *dns.Msg) {
		for _, section := range []*[]dns.RR{&reply.Answer, &reply.Ns} {
			for _, rr := range *section {
				if isSignature(rr) {
					reply.Extra = append(reply.Extra, rr)
				}
			}
			*section = slices.DeleteFunc(*section, isSignature)
		}
	}
	for _, tt := range shapeQuestions {
		if answer, err := lookup(t, world, tt.question); err != nil || answer.Status != dnssec.Secure {
			t.Errorf("%s: %+v, %v", tt.question, answer, err)
		}
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

// What is missing in a denial (RFC 8914 §4.11, §4.13).
func TestMissingDenial(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		kept func(dns.RR) bool
		want dnssec.EDE
	}{
		{"a signed SOA record alone", func(rr dns.RR) bool {
			sig, ok := rr.(*dns.RRSIG)
			return rr.Header().Rrtype == dns.TypeSOA || ok && sig.TypeCovered == dns.TypeSOA
		}, dnssec.EDENSECMissing},
		{"an unsigned SOA record alone", func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA }, dnssec.EDERRSIGsMissing},
		{"nothing", func(dns.RR) bool { return false }, dnssec.EDENSECMissing},
	} {
		world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: "www A 192.0.2.1"})
		world.Tamper = func(q dns.Question, reply *dns.Msg) {
			if q.Qtype == dns.TypeMX {
				reply.Ns = slices.DeleteFunc(reply.Ns, func(rr dns.RR) bool { return !tt.kept(rr) })
			}
		}
		if answer, err := lookup(t, world, "www.test. MX"); err == nil || answer.Status != dnssec.Bogus || answer.Reason.Code != tt.want {
			t.Errorf("%s: %+v, %v", tt.name, answer, err)
		}
	}
}

// Where anchors are nested, the one above may prove what is secure, and nothing less
// (RFC 6840 §5.10).
func TestNestedAnchors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		above dnssectest.Zone
		want  dnssec.Status
	}{
		{"a signed denial that the zone exists", dnssectest.Zone{Name: "corp."}, dnssec.Secure},
		{"one from an opt-out span", dnssectest.Zone{Name: "corp.", Denial: dnssectest.NSEC3OptOut}, dnssec.Bogus},
		{"one with too many iterations", dnssectest.Zone{Name: "corp.", Denial: dnssectest.NSEC3, Iterations: 151}, dnssec.Bogus},
		{"one from a zone without DS", dnssectest.Zone{Name: "corp.", NoDS: true}, dnssec.Bogus},
		{"one from an unsigned zone", dnssectest.Zone{Name: "corp.", Unsigned: true}, dnssec.Bogus},
		{"one with a bad signature", dnssectest.Zone{Name: "corp.", Faults: map[string]dnssectest.Fault{"*": dnssectest.BadSignature}}, dnssec.Bogus},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			world := dnssectest.New(t, tt.above)
			island := world.Anchors()[0]
			island.Zone = "island.corp."
			resolver := &dnssec.Resolver{Exchanger: world, Anchors: append(world.Anchors(), island)}
			answer, err := resolver.Lookup(t.Context(), "www.island.corp.", dns.TypeA)
			if answer == nil || answer.Status != tt.want {
				t.Errorf("%+v, %v; want %s", answer, err, tt.want)
			}
			// Without an anchor above, there is only the one that does not fit.
			resolver = &dnssec.Resolver{Exchanger: world, Anchors: anchor.Set{island}}
			if answer, err := resolver.Lookup(t.Context(), "www.island.corp.", dns.TypeA); err == nil {
				t.Errorf("by the island alone: %+v", answer)
			}
		})
	}
}

// RFC 9905: SHA-1 can be given up, and what rests on nothing else is then unsupported.
func TestNoSHA1(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "good.", Records: "@ A 192.0.2.1"},
		dnssectest.Zone{Name: "digest.", Digest: dns.SHA1, Records: "@ A 192.0.2.1"},
		dnssectest.Zone{Name: "algorithm.", Algorithm: dns.RSASHA1NSEC3SHA1, Records: "@ A 192.0.2.1"})
	for _, tt := range []struct {
		zone       string
		with, less dnssec.Status
		code       dnssec.EDE // without SHA-1
	}{
		{"good.", dnssec.Secure, dnssec.Secure, 0},
		{"digest.", dnssec.Secure, dnssec.Insecure, dnssec.EDEUnsupportedDigest},
		{"algorithm.", dnssec.Secure, dnssec.Insecure, dnssec.EDEUnsupportedAlgorithm},
	} {
		resolver := world.Resolver()
		if answer, err := resolver.Lookup(t.Context(), tt.zone, dns.TypeA); err != nil || answer.Status != tt.with {
			t.Errorf("%s with SHA-1: %+v, %v", tt.zone, answer, err)
		}
		resolver = world.Resolver()
		resolver.Algorithms.NoSHA1 = true
		if answer, err := resolver.Lookup(t.Context(), tt.zone, dns.TypeA); err != nil || answer.Status != tt.less || answer.Reason.Code != tt.code {
			t.Errorf("%s without SHA-1: %+v, %v", tt.zone, answer, err)
		}
	}
}
