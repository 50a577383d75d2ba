package dnssec_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// islands are signed zones to which no chain leads: the delegation of lost.test. is
// proven insecure, and the servers of lost.test. fail all questions for DS records.
func islands(denial dnssectest.Denial, failure dnssectest.Fault) []dnssectest.Zone {
	const records = "@ MX 10 mail\nmail A 192.0.2.1\nalias CNAME mail\n*.wild A 192.0.2.2\ntree DNAME mail"
	return []dnssectest.Zone{
		{Name: "test.", Denial: denial},
		{Name: "lost.test.", Unsigned: true, Faults: map[string]dnssectest.Fault{"island DS": failure, "empty.non DS": failure, "non DS": failure}},
		{Name: "island.lost.test.", NoDS: true, Denial: denial, Records: records, Faults: map[string]dnssectest.Fault{"inner DS": failure}},
		{Name: "inner.island.lost.test.", Denial: denial, Records: records},
		{Name: "empty.non.lost.test.", NoDS: true, Denial: denial, Records: records},
	}
}

var islandQuestions = []string{
	"island.lost.test. MX", "mail.island.lost.test. A", "alias.island.lost.test. A", "x.wild.island.lost.test. A",
	"a.tree.island.lost.test. A", "none.island.lost.test. A", "mail.island.lost.test. TXT", "island.lost.test. DNSKEY",
	"inner.island.lost.test. MX", "none.inner.island.lost.test. A", "inner.island.lost.test. DNSKEY", "empty.non.lost.test. MX",
}

// What has been proven above suffices: a signed zone below an insecure delegation is
// Insecure, whatever becomes of the questions for its DS records (RFC 4035 §5.2).
func TestIslandsWhoseParentFails(t *testing.T) {
	t.Parallel()
	for _, denial := range []dnssectest.Denial{dnssectest.NSEC, dnssectest.NSEC3, dnssectest.NSEC3OptOut} {
		for _, failure := range []dnssectest.Fault{dnssectest.ServFail, dnssectest.Refused} {
			world := dnssectest.New(t, islands(denial, failure)...)
			warm := world.Resolver()
			for _, question := range islandQuestions {
				for _, resolver := range []*dnssec.Resolver{world.Resolver(), warm} {
					answer, err := lookupBy(t.Context(), resolver, question)
					if err != nil || answer.Status != dnssec.Insecure {
						t.Errorf("denial %d, failure %d: %s: %+v, %v", denial, failure, question, answer, err)
					}
				}
			}
		}
	}
}

// Silence counts as well. It costs its time once: what is known of the delegation above
// is not asked for below.
func TestIslandsWhoseParentIsSilent(t *testing.T) {
	t.Parallel()
	for _, question := range islandQuestions {
		synctest.Test(t, func(t *testing.T) {
			world := dnssectest.New(t, islands(dnssectest.NSEC, dnssectest.Silent)...)
			resolver := world.Resolver()
			check := func(question string, limit time.Duration) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				start := time.Now()
				answer, err := lookupBy(ctx, resolver, question)
				if err != nil || answer.Status != dnssec.Insecure || time.Since(start) > limit {
					t.Errorf("%s: %+v, %v after %v", question, answer, err, time.Since(start))
				}
			}
			check(question, 0) // the questions for both delegations are on their way together
			check("other.island.lost.test. A", 0)
			check("other.inner.island.lost.test. A", 0)
		})
	}
}

// An anchor on the island is nearer than what is proven above it: what fails below the
// anchor is no island.
func TestNoIslandBelowAnAnchor(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, islands(dnssectest.NSEC, dnssectest.ServFail)...)
	keys, err := lookup(t, world, "island.lost.test. DNSKEY")
	if err != nil {
		t.Fatal(err)
	}
	key := keys.Records[0].(*dns.DNSKEY)
	resolver := world.Resolver()
	resolver.Anchors = append(world.Anchors(), anchor.Anchor{Zone: "island.lost.test.", DS: key.ToDS(dns.SHA256)})
	for _, tt := range []struct {
		question string
		want     dnssec.Status
	}{
		{"lost.test. MX", dnssec.Insecure},
		{"island.lost.test. MX", dnssec.Secure},
		{"inner.island.lost.test. MX", dnssec.Indeterminate},
		{"none.inner.island.lost.test. A", dnssec.Indeterminate},
		{"empty.non.lost.test. MX", dnssec.Insecure},
	} {
		answer, err := lookupBy(t.Context(), resolver, tt.question)
		if answer == nil || answer.Status != tt.want || (err == nil) != (tt.want >= dnssec.Insecure) {
			t.Errorf("%s: %+v, %v", tt.question, answer, err)
		}
	}
}

// A signed zone below a signed one stays without an answer while its DS records cannot be
// had, however the reply is made up, and whatever denials of other names an attacker has.
func TestNoIslandBelowASecureZone(t *testing.T) {
	t.Parallel()
	isSig := func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG }
	// What the attacker sends for the DS records of victim.test. and of deep.victim.test.
	delegations := map[string]func(t *testing.T, world *dnssectest.Internet, reply *dns.Msg){
		"SERVFAIL": func(_ *testing.T, _ *dnssectest.Internet, reply *dns.Msg) {
			reply.Rcode, reply.Answer, reply.Ns = dns.RcodeServerFailure, nil, nil
		},
		"the unsigned sibling's denial": func(t *testing.T, world *dnssectest.Internet, reply *dns.Msg) {
			reply.Answer, reply.Ns = nil, replayed(t, world, "unsigned.test.", dns.TypeDS).Ns
		},
		"the denial of a name in an opt-out span": func(t *testing.T, world *dnssectest.Internet, reply *dns.Msg) {
			reply.Answer, reply.Ns = nil, replayed(t, world, "zzz.test.", dns.TypeDS).Ns
		},
		"the child's own denial": func(t *testing.T, world *dnssectest.Internet, reply *dns.Msg) {
			reply.Answer, reply.Ns = nil, replayed(t, world, "victim.test.", dns.TypeTXT).Ns
		},
		"the parent's denial of the name below": func(t *testing.T, world *dnssectest.Internet, reply *dns.Msg) {
			reply.Answer, reply.Ns = nil, slices.Concat(replayed(t, world, "none.test.", dns.TypeA).Ns, replayed(t, world, "unsigned.test.", dns.TypeDS).Ns)
		},
		"an unsigned denial": func(_ *testing.T, _ *dnssectest.Internet, reply *dns.Msg) {
			reply.Answer, reply.Ns = nil, nil
		},
		"an alias to the unsigned sibling": func(t *testing.T, world *dnssectest.Internet, reply *dns.Msg) {
			alias := parseRR(t, reply.Question[0].Name+" 300 IN CNAME unsigned.test.")
			reply.Answer, reply.Ns = []dns.RR{alias, world.Sign("evil.test.", alias)}, nil
		},
	}
	// How the forged record is signed.
	signers := map[string]func(world *dnssectest.Internet, forged dns.RR) []dns.RR{
		"not at all": func(_ *dnssectest.Internet, forged dns.RR) []dns.RR { return []dns.RR{forged} },
		"by the attacker": func(world *dnssectest.Internet, forged dns.RR) []dns.RR {
			return []dns.RR{forged, world.Sign("evil.test.", forged)}
		},
		"in another name": func(world *dnssectest.Internet, forged dns.RR) []dns.RR {
			return signedAs(world, "deep.victim.test.", forged)
		},
		"in no zone below": func(world *dnssectest.Internet, forged dns.RR) []dns.RR {
			return signedAs(world, "www.deep.victim.test.", forged)
		},
		"as the parent": func(world *dnssectest.Internet, forged dns.RR) []dns.RR {
			return signedAs(world, "victim.test.", forged)
		},
	}
	for _, denial := range []dnssectest.Denial{dnssectest.NSEC, dnssectest.NSEC3OptOut} {
		for sent, delegation := range delegations {
			for signed, sign := range signers {
				for _, depth := range []string{"victim.test.", "deep.victim.test."} {
					t.Run(fmt.Sprintf("denial %d, %s for the DS records of %s, the answer signed %s", denial, sent, depth, signed), func(t *testing.T) {
						world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Denial: denial}, dnssectest.Zone{Name: "evil.test."},
							dnssectest.Zone{Name: "victim.test.", Denial: denial}, dnssectest.Zone{Name: "unsigned.test.", Unsigned: true},
							dnssectest.Zone{Name: "deep.victim.test.", Denial: denial, Records: "www A 192.0.2.1"})
						world.Tamper = func(q dns.Question, reply *dns.Msg) {
							switch {
							case !reply.RecursionDesired: // not the resolver's; see honest
							case q.Qtype == dns.TypeDS && q.Name == depth:
								delegation(t, world, reply)
							case q.Name == "www.deep.victim.test.":
								reply.Answer = sign(world, parseRR(t, "www.deep.victim.test. 300 IN A 192.0.2.66"))
								reply.Ns = slices.DeleteFunc(reply.Ns, isSig)
							}
						}
						resolver := world.Resolver()
						for range 2 { // cold and warm
							if answer, err := lookupBy(t.Context(), resolver, "www.deep.victim.test. A"); err == nil {
								t.Errorf("%s: %v", answer.Status, answer.Records)
							}
						}
					})
				}
			}
		}
	}
}

// replayed returns the world's honest reply to a question.
func replayed(t *testing.T, world *dnssectest.Internet, name string, qtype uint16) *dns.Msg {
	t.Helper()
	reply := new(dns.Msg)
	reply.SetQuestion(name, qtype)
	reply.SetEdns0(1232, true)
	honest(t, world, reply)
	return reply
}

// signedAs returns a record with a signature by the attacker in the name of another zone.
func signedAs(world *dnssectest.Internet, zone string, forged dns.RR) []dns.RR {
	sig := world.Sign("evil.test.", forged)
	sig.SignerName = zone
	return []dns.RR{forged, sig}
}
