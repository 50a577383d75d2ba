package report

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, got, want string }{
		{"a number", grouped(0), "0"}, {"three digits", grouped(999), "999"}, {"four", grouped(1000), "1,000"}, {"seven", grouped(1234567), "1,234,567"}, {"below zero", grouped(-1000), "-1,000"},
		{"nothing of nothing", percent(0, 0), "0 %"}, {"nothing", percent(0, 5), "0 %"}, {"all", percent(5, 5), "100 %"}, {"a third", percent(1, 3), "33.3 %"},
		{"hardly anything is not nothing", percent(1, 100000), "< 0.1 %"}, {"almost all is not all", percent(99999, 100000), "> 99.9 %"},
		{"one", count(1, "domain", "domains"), "1 domain"}, {"many", count(2000, "domain", "domains"), "2,000 domains"},
		{"what fits", shorten("mail.example", 20), "mail.example"}, {"what does not", shorten("a-very-long-name.example", 12), "a-very-…mple"},
		{"no time", shownSpan(0), "0 seconds"}, {"below none", shownSpan(-time.Hour), "0 seconds"}, {"a minute", shownSpan(90 * time.Second), "90 seconds"}, {"hours", shownSpan(47 * time.Hour), "47 hours"}, {"days", shownSpan(50 * time.Hour), "2 days"},
		{"no instant", shownTime(time.Time{}), "unknown"},
		{"a long name", clip(strings.Repeat("x", 1000))[250:], "xxxxxxx..."},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestOrganization(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"CN=R3,O=Let's Encrypt,C=US":             "Let's Encrypt",
		"CN=Test CA":                             "Test CA",
		`O=A\, B\+C \"quoted\",CN=x`:             `A, B+C "quoted"`,
		"CN=two+O=in one,C=XX":                   "in one",
		"O=,CN=empty":                            "empty",
		"":                                       nameless,
		"C=XX":                                   nameless,
		`CN=ends in a backslash\`:                `ends in a backslash\`,
		`CN=O=not an organization`:               "O=not an organization",
		"1.2.3=#04,o=small letters,CN=x":         "small letters",
		`CN=comma\,O=within`:                     "comma,O=within",
		"serialNumber=1,OU=a unit,CN=the common": "the common",
	} {
		if got := organization(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func entryOf(t *testing.T, text string) *entry {
	t.Helper()
	e := new(entry)
	if err := json.Unmarshal([]byte(text), e); err != nil {
		t.Fatal(err)
	}
	return e
}

// Who runs the name servers is told by their names, or by the network of one; a resolver is not
// taken for one.
func TestOperators(t *testing.T) {
	t.Parallel()
	answer := func(root, mx string) string {
		return `{"domain":"a.example","lookups":[{"type":"MX","chain":[{"zone":".","server":"` + root + `"},{"zone":"a.example.","type":"MX","server":"` + mx + `"}]}]}`
	}
	for name, tt := range map[string]struct {
		text    string
		names   []string
		network string
	}{
		"a server of IPv4":                     {answer("198.51.100.4:53", "192.0.2.7:53"), nil, "192.0.2.0/24"},
		"one of IPv6":                          {answer("198.51.100.4:53", "[2001:db8:1:2::3]:53"), nil, "2001:db8:1::/48"},
		"one of IPv4 in IPv6":                  {answer("198.51.100.4:53", "[::ffff:192.0.2.7]:53"), nil, "192.0.2.0/24"},
		"a referral":                           {answer("198.51.100.4:53", "192.0.2.7:53 by referral"), nil, "192.0.2.0/24"},
		"a resolver":                           {answer("192.0.2.7:53", "192.0.2.7:53"), nil, ""},
		"a server without an address":          {answer("192.0.2.7:53", "internet"), nil, ""},
		"no evidence":                          {`{"domain":"a.example","lookups":[{"type":"MX"}]}`, nil, ""},
		"evidence that begins below the root":  {`{"domain":"a.example","lookups":[{"type":"MX","chain":[{"zone":"example."},{"type":"MX","server":"192.0.2.7:53"}]}]}`, nil, ""},
		"no lookup":                            {`{"domain":"a.example"}`, nil, ""},
		"the names of the zone of the domain":  {`{"domain":"b.a.example","name_servers":{"zones":[{"name":"example","servers":[{"name":"x.example"}]},{"name":"a.example","servers":[{"name":"ns1.dns.example"},{"name":"ns.a.example"}]},{"name":"mail.example","servers":[{"name":"y.example"}]}]}}`, []string{"dns.example", own}, ""},
		"no zone of the domain among the ones": {`{"domain":"a.example","name_servers":{"zones":[{"name":"xa.example","servers":[{"name":"y.example"}]}]}}`, nil, ""},
	} {
		e := entryOf(t, tt.text)
		if diff := cmp.Diff(tt.names, e.operators()); diff != "" || e.network() != tt.network {
			t.Errorf("%s: network %q, want %q; names (-want +got):\n%s", name, e.network(), tt.network, diff)
		}
	}
}

// Only certificates that a sender looks at the dates of count, and of signatures those of the
// domain's own zones.
func TestEnds(t *testing.T) {
	t.Parallel()
	e := entryOf(t, `{"domain":"a.example","hosts":[
		{"host":"mx1.a.example","action":"must-authenticate","tlsa":["3 1 1 00","2 1 1 00"],"probes":[{"certificates":[{"not_after":"2026-12-05T00:00:00Z"}]},{"certificates":[{"not_after":"2026-12-03T00:00:00Z"}]}]},
		{"host":"mx2.a.example","action":"must-authenticate","tlsa":["3 1 1 00"],"probes":[{"certificates":[{"not_after":"2026-12-02T00:00:00Z"}]},{}]},
		{"host":"mx3.a.example","action":"may-encrypt","tlsa":["2 1 1 00"],"probes":[{"certificates":[{"not_after":"2026-12-02T00:00:00Z"}]}]}],
		"lookups":[{"type":"MX","chain":[{"zone":".","expiration":"2026-12-02T00:00:00Z"},{"zone":"a.example.","expiration":"2026-12-09T00:00:00Z"},{"zone":"a.example.","expiration":"2026-12-08T00:00:00Z"}]},
		{"type":"A","chain":[{"zone":"example.","expiration":"2026-12-02T00:00:00Z"}]},{"type":"TLSA"}]}`)
	e.At = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	var n ends
	n.add(e, e.At)
	got := make(map[string]dayEnds)
	for at, ends := range n.days {
		got[time.Unix(at*24*60*60, 0).UTC().Format(time.DateOnly)] = ends
	}
	if diff := cmp.Diff(map[string]dayEnds{"2026-12-03": {Certificates: 1}, "2026-12-02": {Idle: 1}, "2026-12-08": {Signatures: 1}}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for at, want := range map[time.Time]bool{
		e.At: true, e.At.Add(60 * day): true, e.At.Add(61 * day): false, e.At.Add(-time.Second): false, {}: false,
	} {
		if got := e.soon(at); got != want {
			t.Errorf("%s ends soon: %t, want %t", at, got, want)
		}
	}
	if new(entry).soon(time.Time{}) {
		t.Error("a row without a time has something that ends soon")
	}
}

// A row does not say how long a survey took.
func TestElapsed(t *testing.T) {
	t.Parallel()
	for ms, want := range map[float64]time.Duration{0: 0, -5: 0, 1500: 1500 * time.Millisecond, 1e300: maxElapsed, math.Inf(1): maxElapsed} {
		if got := (&entry{Elapsed: ms}).elapsed(); got != want {
			t.Errorf("%v ms: %s, want %s", ms, got, want)
		}
	}
}

func TestDayOf(t *testing.T) {
	t.Parallel()
	for at, want := range map[int64]int64{0: 0, 86399: 0, 86400: 1, -1: -1, -86400: -1, -86401: -2} {
		if got := dayOf(time.Unix(at, 0)); got != want {
			t.Errorf("%d: day %d, want %d", at, got, want)
		}
	}
}
