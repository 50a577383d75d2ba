package dnssec_test

import (
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

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
