package dane_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/internal/limittest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

func TestLimitsOfADestination(t *testing.T) {
	t.Parallel()
	limittest.Table(t, "../SECURITY.md", "One destination (package dane)", map[string]limittest.Row{
		"MX hosts":                              {Limit: "16", Check: limitOfHosts, Tests: []string{"TestLimits"}},
		"addresses of one host and family":      {Limit: "8", Check: limitOfAddresses, Tests: []string{"TestLimits"}},
		"TLSA records of one host":              {Limit: "as many as dnssec takes for one RRset", Check: limitOfTLSA},
		"work of the lookups in one Verify":     {Limit: "budgets of 8 for MX, and of 32 divided by its hosts for each host", Tests: []string{"TestHostileHostsSpendTheirOwnShare"}},
		"connections to one host in one Verify": {Limit: "4, one at a time to one address, of 5 minutes each (Verifier.AttemptTimeout); up to three times as many with Checker.AllCertificates", Check: limitOfAConnection, Tests: []string{"TestProbesAreBounded", "TestOneConnectionToAnAddress", "TestSlowServers"}},
		"addresses of one host in one Connect":  {Limit: "4, one after the other, of 5 minutes each (Verifier.AttemptTimeout) until the connection is ready", Tests: []string{"TestConnectIsBounded", "TestConnectTriesAddresses"}},
		"a server that is silent, to a client with a Conn and without deadlines": {Limit: "10 minutes, and the context's deadline", Tests: []string{"TestConnWaits", "TestConnectCancelled"}},
		"a policy in JSON":                       {Limit: "16 MB; it and a result 16 objects and arrays within each other", Check: limitOfAPolicy, Tests: []string{"TestPolicyTakesNothingInSilence", "TestResultTakesNothingInSilence"}},
		"certificates of one connection in JSON": {Limit: "8, of 8192 octets and 32 host names each", Tests: []string{"TestCertificatesInJSON"}},
		"evidence kept of one lookup":            {Limit: "64 links, without their records", Tests: []string{"TestChainInJSON"}},
		"a line of text in which strangers have a say (all packages)": {Limit: "998 octets of printable ASCII", Tests: []string{
			"TestErrorsArePrintable", "TestStrangersForgeNoLines", "../dnssec/TestErrorsPrintOnOneLine", "../tlsa/TestErrorsPrintOnOneLine", "../smtpprobe/TestErrorsPrintOnOneLine",
		}},
	})
}

func limitOfHosts(t *testing.T) {
	for n, omitted := range map[int]int{16: 0, 17: 1} {
		var hosts []string
		for i := range n {
			hosts = append(hosts, fmt.Sprintf("10 mx%d.example.org.", i))
		}
		v := &dane.Verifier{Resolver: parseScript("example.org MX secure " + strings.Join(hosts, ";"))}
		d, err := v.LookupMX(t.Context(), "example.org")
		if err != nil || len(d.MX) != 16 || d.Omitted != omitted {
			t.Errorf("%d hosts: %d are looked up, %d omitted, %v", n, len(d.MX), d.Omitted, err)
		}
	}
}

func limitOfAddresses(t *testing.T) {
	for n, omitted := range map[int]int{8: 0, 9: 1} {
		var addresses []string
		for i := range n {
			addresses = append(addresses, fmt.Sprintf("192.0.2.%d", i))
		}
		v := &dane.Verifier{Resolver: parseScript("example.org MX secure 10 mx.example.org.\nmx.example.org A secure " + strings.Join(addresses, ";"))}
		d, err := v.LookupMX(t.Context(), "example.org")
		if err != nil {
			t.Fatal(err)
		}
		if h := v.LookupHost(t.Context(), d, d.MX[0]); len(h.Addrs) != 8 || h.Omitted != omitted {
			t.Errorf("%d addresses: %d are left, %d omitted", n, len(h.Addrs), h.Omitted)
		}
	}
}

// limitOfTLSA has as many records as a message over TCP has room for, of which one is right.
func limitOfTLSA(t *testing.T) {
	var records strings.Builder
	const most = (65535-512)/(2+10+35) - 1
	for i := range most {
		fmt.Fprintf(&records, "_25._tcp.mail TLSA 3 1 1 %064x\n", i)
	}
	internet := danetest.New(t, danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{Records: records.String()}, Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}})
	result, err := internet.Checker().Verify(t.Context(), "a.example")
	if err != nil || result.Outcome != dane.OutcomeSuccess || len(result.Hosts[0].TLSA.Records) != most+1 {
		t.Errorf("%v\n%s", err, result)
	}
}

// limitOfAConnection has a server that takes a while at each step, but never too long for one.
func limitOfAConnection(t *testing.T) {
	for each, outcome := range map[time.Duration]dane.Outcome{70 * time.Second: dane.OutcomeSuccess, 80 * time.Second: dane.OutcomeFailure} {
		synctest.Test(t, func(t *testing.T) {
			internet := danetest.NewInternet(danetest.Domain{Name: "slow.example", Hosts: []danetest.Host{{
				Name: "mail", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) {
					s.Delays = map[smtptest.Stage]time.Duration{smtptest.AtGreeting: each, smtptest.AtHello: each, smtptest.AtStartTLS: each, smtptest.AtHandshake: each}
				},
			}}})
			defer internet.Close()
			start := time.Now()
			result, err := internet.Checker().Verify(t.Context(), "slow.example")
			if took := time.Since(start); err != nil || result.Outcome != outcome || took > 5*time.Minute || took < 4*70*time.Second {
				t.Errorf("%s at each step: %s after %s, %v", each, result.Outcome, took, err)
			}
		})
	}
}

func limitOfAPolicy(t *testing.T) {
	for size, is := range map[int]error{16 << 20: nil, 16<<20 + 1: dane.ErrPolicy} {
		if _, err := dane.ReadPolicy(strings.NewReader("{}" + strings.Repeat(" ", size-2))); !errors.Is(err, is) {
			t.Errorf("%d octets: %v", size, err)
		}
	}
	// The policy, its destinations, one of them, and its route are objects within each other.
	nested := func(arrays int) string {
		return `{"destinations": {"a.example": {"route": {"hosts": ` + strings.Repeat("[", arrays) + strings.Repeat("]", arrays) + `}}}}`
	}
	for arrays, deep := range map[int]bool{12: false, 13: true} {
		_, err := dane.ReadPolicy(strings.NewReader(nested(arrays)))
		if err == nil || strings.Contains(err.Error(), "within each other") != deep {
			t.Errorf("%d objects and arrays within each other: %v", 4+arrays, err)
		}
	}
}
