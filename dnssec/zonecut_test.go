package dnssec_test

import (
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// At a zone cut there are two NSEC records of one owner, that of the zone above and that at
// the apex of the zone below (RFC 4035 §2.3). A forwarder sends both for an alias that leads
// from one zone to the other. They are two RRsets, as Unbound takes them.
func TestDenialsOnBothSidesOfACut(t *testing.T) {
	t.Parallel()
	zones := []dnssectest.Zone{
		{Name: "test.", Records: "* CNAME none.kid\na A 192.0.2.1\nz A 192.0.2.1"},
		{Name: "kid.test.", Records: "www A 192.0.2.2"}, {Name: "isle.test.", NoDS: true},
	}
	for _, order := range []string{"as sent", "the other way round"} {
		world := dnssectest.New(t, zones...)
		world.Tamper = func(_ dns.Question, reply *dns.Msg) {
			if order != "as sent" {
				reply.Ns = slices.Clone(reply.Ns)
				slices.Reverse(reply.Ns)
			}
		}
		for name, exchanger := range exchangers(t, world) {
			resolver := &dnssec.Resolver{Exchanger: exchanger, Anchors: world.Anchors()}
			for _, question := range []string{"l.test. A", "m.test. MX"} {
				answer, err := lookupBy(t.Context(), resolver, question)
				if err != nil || answer.Status != dnssec.Secure || answer.RCode != dns.RcodeNameError || answer.Name != "none.kid.test." {
					t.Errorf("%s, %s, %s: %+v, %v", order, name, question, answer, err)
				}
			}
		}
	}
	world := dnssectest.New(t, zones...)
	// What lies in the one zone says nothing for the other.
	isle := replayed(t, world, "none.isle.test.", dns.TypeA).Ns
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		if reply.RecursionDesired && q.Name == "isle.test." && q.Qtype == dns.TypeDS {
			reply.Ns = append(slices.Clone(isle), reply.Ns...)
		}
	}
	if answer, err := lookup(t, world, "isle.test. SOA"); err != nil || answer.Status != dnssec.Insecure {
		t.Errorf("%+v, %v", answer, err)
	}
	kid := replayed(t, world, "none.kid.test.", dns.TypeA).Ns
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		if reply.RecursionDesired && q.Name == "kid.test." && q.Qtype == dns.TypeDS {
			reply.Answer, reply.Ns = nil, kid
		}
	}
	if answer, err := lookup(t, world, "www.kid.test. A"); err == nil || answer.Status != dnssec.Bogus {
		t.Errorf("%+v, %v", answer, err)
	}
}

// NSEC3 records with too many iterations leave open whether there is a delegation at a name (RFC
// 9276 §3.2). What is known of such a name must not decide for a zone below it, for which the
// zone above has signed DS records: whether mail to it has DANE would depend on what was asked
// before.
func TestWhatIsLeftOpenDoesNotDecideBelow(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "test.", Denial: dnssectest.NSEC3, Iterations: 151},
		dnssectest.Zone{Name: "deep.between.test.", Records: "www A 192.0.2.1"})
	resolver := world.Resolver()
	for _, tt := range []struct {
		question string
		want     dnssec.Status
	}{
		{"between.test. DS", dnssec.Insecure},
		{"deep.between.test. A", dnssec.Secure},
		{"www.deep.between.test. A", dnssec.Secure},
		{"none.deep.between.test. A", dnssec.Secure},
		{"none.between.test. A", dnssec.Insecure},
	} {
		answer, err := lookupBy(t.Context(), resolver, tt.question)
		if err != nil || answer.Status != tt.want {
			t.Errorf("%s: %v, %v, want %s", tt.question, answer, err, tt.want)
		}
	}
}
