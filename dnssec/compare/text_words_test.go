package compare_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dnssec/compare"
)

// SERVFAIL is no refusal to those who read it; REFUSED is one.
func TestWordsForOutcomes(t *testing.T) {
	t.Parallel()
	for problem, want := range map[string]string{"server answered SERVFAIL": "no answer: ", "server answered REFUSED": "refused: "} {
		z := compare.Zone{Name: "example.", Servers: []compare.Server{{Name: "ns.example.", Address: netip.MustParseAddr("192.0.2.1"), Outcome: compare.Refused, Problem: problem}}}
		if remarks := strings.Join(z.Rows()[0].Remarks, "\n"); !strings.HasPrefix(remarks, want+problem) {
			t.Errorf("%q, want %q", remarks, want+problem)
		}
	}
}
