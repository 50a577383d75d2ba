package dnssec_test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// A machine that sleeps past the end of an answer has to forget it. In a process no time passes
// meanwhile, and by that time package time compares instants, unless one of them is without it.
func TestAnswersExpireByTheTimeOfDay(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "signed.", Records: "a 300 A 192.0.2.1\nb CNAME a"},
		dnssectest.Zone{Name: "unsigned.", Unsigned: true, Records: "a 300 A 192.0.2.1"})
	for name, resolver := range map[string]dnssectest.Lookuper{
		"validating": world.Resolver(),
		"believing":  dnssec.TrustAD{Exchanger: validating{world, world.Resolver()}},
	} {
		for _, question := range []string{"a.signed. A", "b.signed. A", "a.signed. TXT", "no.signed. A", "a.unsigned. A", "no.unsigned. A"} {
			owner, qtype, _ := strings.Cut(question, " ")
			for range 2 { // from the network, and from the cache
				answer, err := resolver.Lookup(t.Context(), owner, dns.StringToType[qtype])
				if err != nil || answer.Expires.IsZero() || strings.Contains(answer.Expires.String(), "m=") {
					t.Errorf("%s: %s expires at %s, %v", name, question, answer.Expires, err)
				}
			}
		}
	}
}
