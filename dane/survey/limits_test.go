package survey_test

import (
	"testing"

	"github.com/danesmtp/danesmtp/internal/limittest"
)

func TestLimitsOfASurvey(t *testing.T) {
	t.Parallel()
	limittest.Table(t, "../../SECURITY.md", "Many domains (package dane/survey)", map[string]limittest.Row{
		"what servers have shown":                                      {Limit: "64 MiB (Survey.Memory), for an hour (Survey.Share), and of failures for 10 minutes", Tests: []string{"TestMemoryOfSightings", "TestWhatWasSeenGrowsOld", "TestFailuresGrowOldSooner"}},
		"addresses, networks and providers with a rate or a pause":     {Limit: "65536", Tests: []string{"TestMemoryOfLimits"}},
		"connections to one address, to a /24 or /56, to one provider": {Limit: "2, 8, 8 at a time; 2, 10, 10 a second (Survey.Limits)", Tests: []string{"TestLimits", "TestWaitingTakesNoPlace"}},
		"domains held": {Limit: "16 for each that is worked on; in order 1024 in all, or as many as are worked on", Tests: []string{"TestHeldDomainsAreBounded", "TestRowsHeldInOrderAreBounded"}},
		"times that an address may say 421 or refuse, in a row":                              {Limit: "6, with pauses of 1 to 32 minutes", Tests: []string{"TestServersThatStayBusy", "TestBusyServersAreLeftAlone"}},
		"queries to one DNS server, with Survey.AdmitDNS":                                    {Limit: "32 at a time, 200 a second (Survey.Limits)", Tests: []string{"TestAdmitDNS", "TestQueriesOverTCPCount"}},
		"queries in a row that a DNS server which has answered refuses or leaves unanswered": {Limit: "16, and after a pause 1", Tests: []string{"TestDNSServersAreLeftAlone"}},
		"tries of a domain whose DNS servers are left alone":                                 {Limit: "6", Tests: []string{"TestDNSServersThatBeginToRefuse"}},
		"tries of a domain where this machine lacks something":                               {Limit: "10, with pauses of a minute at most", Tests: []string{"TestLacksOfThisMachine"}},
	})
}
