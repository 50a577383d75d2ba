package dane_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// Hosts in a zone that makes denials as expensive as it can (CVE-2023-50868) spend their own
// share of the work, and leave the last host its own.
func TestHostileHostsSpendTheirOwnShare(t *testing.T) {
	t.Parallel()
	var mx strings.Builder
	for i := range 15 {
		fmt.Fprintf(&mx, "@ MX %d %sh%d.evil.example.\n", i, strings.Repeat("x.", 110), i)
	}
	internet := danetest.New(t,
		danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{Records: mx.String() + "@ MX 99 mail.good.example."}},
		danetest.Domain{Name: "evil.example", Zone: dnssectest.Zone{Denial: dnssectest.NSEC3, Iterations: 150, Salt: "00"}},
		danetest.Domain{Name: "good.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}})
	c := internet.Checker()
	c.Parallel = 1 // the good host comes last in time, too
	result, err := c.Verify(t.Context(), "a.example")
	if err != nil || result.Outcome != dane.OutcomeSuccess {
		t.Fatalf("%v\n%s", err, result)
	}
}
