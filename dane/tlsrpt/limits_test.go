package tlsrpt_test

import (
	"testing"

	"github.com/danesmtp/danesmtp/internal/limittest"
)

func TestLimitsOfReports(t *testing.T) {
	t.Parallel()
	limittest.Table(t, "../../SECURITY.md", "What a delivery tells a reporter (package dane/tlsrpt)", map[string]limittest.Row{
		"a TLSRPT record":                {Limit: "4096 octets of printable ASCII", Tests: []string{"../TestLookupTLSRPT"}},
		"time for the lookup of records": {Limit: "5 seconds (Reporter.Timeout)", Tests: []string{"TestContexts"}},
		"sessions of one delivery":       {Limit: "128", Tests: []string{"TestManySessions"}},
		"a datagram":                     {Limit: "8192 octets, or one session", Tests: []string{"TestManySessions", "TestHostileText"}},
		"TLSA records or lines of a policy, and MX patterns": {Limit: "32 of 998 octets each", Tests: []string{"TestHostileText"}},
		"names and reasons":      {Limit: "255 octets of printable ASCII", Tests: []string{"TestHostileText"}},
		"wait for the collector": {Limit: "does not wait", Tests: []string{"TestLostDatagrams"}},
	})
}
