package upstream

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/miekg/dns"
)

// What was asked before makes no difference to an answer: in a world of odd zones, any
// order of questions gives what each gives by itself.
func TestTheOrderOfQuestionsMakesNoDifference(t *testing.T) {
	t.Parallel()
	dropsMinimised := func(q dns.Question) bool { return q.Qtype == dns.TypeA && dns.CountLabel(q.Name) < 4 }
	childSide := func(q dns.Question) bool { return q.Qtype == dns.TypeDS && q.Name == "c.b.grand.test." }
	lines := []string{"test.",
		"example NS ns.example", "example DS 1 13 2 00", "ns.example A 192.0.2.10",
		"half NS ns1.half", "half NS ns2.half", "ns1.half A 192.0.2.51", "ns2.half A 192.0.2.10",
		"drops NS ns.drops", "ns.drops A 192.0.2.52",
		"grand NS ns.grand", "ns.grand A 192.0.2.53",
		"circle NS ns.circle.org.", "lost NS ns.lost.org.",
		"zero 0 NS ns.zero", "ns.zero 0 A 192.0.2.10",
		"unsigned NS ns.unsigned", "ns.unsigned A 192.0.2.10", "unsigned NSEC zz NS RRSIG NSEC", "unsigned RRSIG NSEC 13 2 60 20300101000000 20200101000000 1 test. c2ln",
		"same NS ns.same", "ns.same A 192.0.2.2",
	}
	zones := []string{exampleZone, "half.test.\nwww A 192.0.2.80", "zero.test.\nwww 0 A 192.0.2.80\n@ MX 10 www", "unsigned.test.\nwww A 192.0.2.80"}
	questions := []string{"test. DS", "example.test. MX", "example.test. DS", "mx.example.test. A", "_25._tcp.mx.example.test. TLSA", "name.example.test. A",
		"no.example.test. A", "no.no.example.test. TLSA", "half.test. MX", "www.half.test. A", "www.a.b.drops.test. A", "www.a.c.drops.test. A", "drops.test. DS",
		"grand.test. MX", "c.b.grand.test. DS", "b.grand.test. DS", "www.c.b.grand.test. A", "www.b.grand.test. A", "www.circle.test. A", "www.circle.org. A", "www.lost.test. A", "www.lost.org. A",
		"www.zero.test. A", "zero.test. DS", "unsigned.test. DS", "www.unsigned.test. A", "no.test. A", "a.b.no. MX", "www.same.test. A", "deep.same.test. DS", "www.deep.same.test. A"}
	for i := range 7 { // too deep from the first ones on
		lines = append(lines, fmt.Sprintf("z%d NS ns.z%d", i, i+1))
		zones = append(zones, fmt.Sprintf("z%d.test.\nns A 192.0.2.10\nwww A 192.0.2.80", i))
		if i == 1 || i == 2 {
			continue // it depends on who is asked first whether they are too deep
		}
		questions = append(questions, fmt.Sprintf("www.z%d.test. A", i), fmt.Sprintf("ns.z%d.test. AAAA", i))
	}
	lines, zones = append(lines, "z7 NS ns.z7", "ns.z7 A 192.0.2.10"), append(zones, "z7.test.\nns A 192.0.2.10\nwww A 192.0.2.80")
	grand := authority("grand.test.\n@ MX 10 mx\nns A 192.0.2.53\nb NS ns.b\nns.b A 192.0.2.54", "c.b.grand.test.\nwww A 192.0.2.80")
	servers := internet(map[string]behaviour{
		"192.0.2.2":  authority(strings.Join(lines, "\n"), "same.test.\nwww A 192.0.2.80\ndeep NS ns.deep\ndeep DS 1 13 2 00\nns.deep A 192.0.2.2", "deep.same.test.\nwww A 192.0.2.80"),
		"192.0.2.3":  authority("org.\ncircle NS ns.circle.test.\ncircle NS ok.org.\nok A 192.0.2.10\nlost NS ns.lost.test."),
		"192.0.2.10": authority(append(zones, "circle.test.\nwww A 192.0.2.80", "circle.org.\nns A 192.0.2.10\nwww A 192.0.2.80")...),
		"192.0.2.11": authority(exampleZone),
		"192.0.2.51": authority("other.test."),
		"192.0.2.52": ifQuestion(dropsMinimised, silent, authority("drops.test.\nwww.a.b A 192.0.2.80\nwww.a.c A 192.0.2.80")),
		"192.0.2.53": ifQuestion(childSide, serveReply(func(r *dns.Msg) {
			r.Authoritative, r.Ns = true, []dns.RR{rr("c.b.grand.test. 60 SOA a. b. 1 2 3 4 60")}
		}), grand),
		"192.0.2.54": authority("b.grand.test.\nwww A 192.0.2.80\nc NS ns.grand.test.\nc DS 1 13 2 00\nc RRSIG DS 13 2 60 20300101000000 20200101000000 1 test. c2ln"),
	})
	servers["192.0.2.1"] = authority(rootZone)
	ask := func(t *testing.T, recursor *Recursor, q string) string {
		reply, got := askRecursor(t, recursor, q)
		if reply == nil {
			return "error" // the reason depends on who is asked
		}
		for _, rr := range reply.Msg.Ns { // a referral may prove more, or less
			got = strings.ReplaceAll(got, ", "+strings.Join(strings.Fields(strings.TrimPrefix(rr.String(), rr.Header().String())), " "), "")
		}
		return got
	}
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, servers)
		newRecursor := func(fullNames bool) *Recursor {
			return &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial, FullNames: fullNames}
		}
		cold := make(map[string]string)
		for _, q := range questions {
			cold[q] = ask(t, newRecursor(false), q)
			if full := ask(t, newRecursor(true), q); full != cold[q] {
				t.Errorf("%s: %s, with full names %s", q, cold[q], full)
			}
		}
		for seed := range uint64(20) {
			random := rand.New(rand.NewPCG(seed, 9156))
			recursor := newRecursor(seed%4 == 3)
			for _, i := range random.Perm(len(questions)) {
				// A name that is too deep by itself is not when its servers are known.
				if got := ask(t, recursor, questions[i]); got != cold[questions[i]] && cold[questions[i]] != "error" {
					t.Errorf("order %d: %s: %s, by itself %s", seed, questions[i], got, cold[questions[i]])
				}
			}
		}
		if cold["www.circle.test. A"] == "error" || cold["c.b.grand.test. DS"] == "error" || cold["www.z3.test. A"] == "error" || cold["www.z0.test. A"] != "error" {
			t.Errorf("the world is not as odd as it should be: %q", cold)
		}
	})
}
