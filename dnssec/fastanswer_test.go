package dnssec_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// An answer from the cache is the same as before, whatever was done to the one before, and
// takes one allocation where it has up to four records of a common type.
func TestFastAnswerIsTheCallersOwn(t *testing.T) {
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Records: `
mx MX 10 a
mx MX 20 b
a A 192.0.2.1
a A 192.0.2.2
aaaa AAAA 2001:db8::1
tlsa TLSA 3 1 1 00
alias CNAME a
txt TXT one
many A 192.0.2.1
many A 192.0.2.2
many A 192.0.2.3
many A 192.0.2.4
many A 192.0.2.5
odd\.name A 192.0.2.9`})
	now := time.Now()
	world.Time = func() time.Time { return now }
	resolver := world.Resolver()
	for question, allocations := range map[string]float64{
		"mx.test. MX": 1, "A.test. A": 1, "aaaa.test AAAA": 1, "tlsa.test. TLSA": 1, "alias.test. CNAME": 1, "none.test. A": 1, "a.test. MX": 1,
		"txt.test. TXT": 5, "many.test. A": 15, "alias.test. A": 50, `odd\.name.test. A`: 50, ". NS": 50,
	} {
		fields := strings.Fields(question)
		ask := func() *dnssec.Answer {
			answer, err := resolver.Lookup(t.Context(), fields[0], dns.StringToType[fields[1]])
			if err != nil || answer.Status != dnssec.Secure {
				t.Fatalf("%s: %+v, %v", question, answer, err)
			}
			return answer
		}
		first := ask()
		want, chain := texts(first), first.Chain()
		for range 3 {
			answer := ask()
			if diff := cmp.Diff(want, texts(answer)); diff != "" || answer.Name != first.Name || answer.RCode != first.RCode || answer.Expires.After(first.Expires) {
				t.Errorf("%s: %+v, not %+v: %s", question, answer, first, diff)
			}
			if diff := cmp.Diff(chain, answer.Chain()); diff != "" || len(answer.Exchanges()) != 0 {
				t.Errorf("%s: the evidence is other: %s", question, diff)
			}
			for _, rr := range answer.Records {
				rr.Header().Name = "changed."
				switch rr := rr.(type) {
				case *dns.A:
					rr.A[len(rr.A)-1]++
				case *dns.AAAA:
					rr.AAAA[0]++
				case *dns.TXT:
					rr.Txt[0] = "changed"
				}
			}
			answer.Records = append(answer.Records, &dns.A{})
		}
		if got := testing.AllocsPerRun(10, func() { ask() }); got > allocations {
			t.Errorf("%s: %g allocations, want at most %g", question, got, allocations)
		}
	}
}
