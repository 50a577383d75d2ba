package dnssec_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// What was asked before makes no difference to a verdict, from the root servers down.
func TestTheOrderOfQuestionsMakesNoDifference(t *testing.T) {
	t.Parallel()
	const shared = "198.19.0.1" // of a server that has several zones
	onShared := "@ NS ns\nns A " + shared + "\n"
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "test.", Denial: dnssectest.NSEC3},
		dnssectest.Zone{Name: "shapes.test.", Records: shapes},
		// A server has the first and the third of these zones.
		dnssectest.Zone{Name: "grand.test.", Records: onShared + "@ MX 10 mail\nmail A 192.0.2.1"},
		dnssectest.Zone{Name: "b.grand.test.", Records: "www A 192.0.2.2"},
		dnssectest.Zone{Name: "c.b.grand.test.", Records: onShared + "www A 192.0.2.3\n_25._tcp.www TLSA 3 1 1 00"},
		// And both of these.
		dnssectest.Zone{Name: "same.test.", Records: onShared + "www A 192.0.2.4"},
		dnssectest.Zone{Name: "deep.same.test.", Records: onShared + "www A 192.0.2.5"},
		dnssectest.Zone{Name: "optout.test.", Denial: dnssectest.NSEC3OptOut, Records: "www A 192.0.2.6"},
		dnssectest.Zone{Name: "unsigned.optout.test.", Unsigned: true, Records: "www A 192.0.2.7\n@ MX 10 www"},
		dnssectest.Zone{Name: "island.unsigned.optout.test.", NoDS: true, Records: "www A 192.0.2.8"},
		dnssectest.Zone{Name: "zero.test.", Records: "@ 0 NS ns\nns 0 A 198.19.0.2\nwww 0 A 192.0.2.9\naway 0 CNAME www.unsigned.optout.test."},
		dnssectest.Zone{Name: "broken.test.", Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.WrongDS}, Records: "www A 192.0.2.10"},
		dnssectest.Zone{Name: "glueless.test.", Records: "@ NS ns.same.test.\nwww A 192.0.2.11"},
	)
	world.Tamper = func(q dns.Question, reply *dns.Msg) {
		// RFC 4035 §3.1.4.1: the server of the outer two zones denies that the inner one
		// has DS records, from the wrong side of the cut.
		if q.Qtype != dns.TypeDS || q.Name != "c.b.grand.test." || reply.Authoritative {
			return
		}
		soa, err := dns.NewRR("c.b.grand.test. 300 SOA ns hostmaster 1 7200 3600 1209600 300")
		if err != nil {
			panic(err)
		}
		reply.Authoritative, reply.Ns, reply.Extra = true, []dns.RR{soa, world.Sign("c.b.grand.test.", soa)}, reply.Extra[len(reply.Extra)-1:]
	}
	questions := []string{"test. DS", "grand.test. MX", "mail.grand.test. A", "b.grand.test. DS", "c.b.grand.test. DS", "www.b.grand.test. A", "www.c.b.grand.test. A",
		"_25._tcp.www.c.b.grand.test. TLSA", "no.c.b.grand.test. A", "www.same.test. A", "deep.same.test. DS", "www.deep.same.test. A", "no.deep.same.test. MX",
		"www.optout.test. A", "no.optout.test. A", "unsigned.optout.test. DS", "unsigned.optout.test. MX", "www.island.unsigned.optout.test. A", "island.unsigned.optout.test. DS",
		"zero.test. DS", "www.zero.test. A", "away.zero.test. A", "broken.test. DS", "www.broken.test. A", "www.glueless.test. A", "no.glueless.test. TLSA", "a.b.no. MX", "no.test. TLSA"}
	for _, q := range shapeQuestions {
		questions = append(questions, q.question)
	}
	newResolver := func() *dnssec.Resolver {
		return &dnssec.Resolver{Exchanger: world.Recursor(), Anchors: world.Anchors()}
	}
	ask := func(resolver *dnssec.Resolver, q string) string {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		answer, err := lookupBy(ctx, resolver, q)
		return fmt.Sprint(answer.Status, dns.RcodeToString[answer.RCode], len(answer.Records), len(answer.Aliases), answer.Reason.Code, err != nil)
	}
	cold := make(map[string]string)
	for _, q := range questions {
		cold[q] = ask(newResolver(), q)
	}
	if got := cold["_25._tcp.www.c.b.grand.test. TLSA"]; !strings.HasPrefix(got, "secureNOERROR1") {
		t.Errorf("below the zone between: %s", got)
	}
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 4035))
		resolver := newResolver()
		for _, i := range random.Perm(len(questions)) {
			if got := ask(resolver, questions[i]); got != cold[questions[i]] {
				t.Errorf("order %d: %s: %s, by itself %s", seed, questions[i], got, cold[questions[i]])
			}
		}
	}
}
