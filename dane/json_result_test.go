package dane_test

import (
	"encoding/json"
	"errors"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa"
)

// What is written without encoding/json is what that writes, in the same order.
func TestJSONOfResults(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	names := []string{"exa mple", "none.such", "[192.0.2.1]", "<ü>"}
	for _, d := range internet.Domains {
		names = append(names, d.Name)
	}
	route, err := dane.NewPolicy(dane.Profile{DANE: dane.DANEMandatory, TLS: dane.TLSRequired, UseInsecureMX: true,
		Route: dane.Route{Hosts: []string{"mail.good.example", "[192.0.2.1]"}, Port: 2525}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	routed := internet.Verifier()
	routed.Policy = route
	for _, checker := range []*dane.Checker{internet.Checker(), {Verifier: routed}} {
		for _, name := range names {
			for how, verify := range map[string]func() (*dane.Result, error){
				"Verify": func() (*dane.Result, error) { return checker.Verify(t.Context(), name) },
				"Plan":   func() (*dane.Result, error) { return checker.Plan(t.Context(), name) },
			} {
				result, _ := verify()
				text, err := result.MarshalJSON()
				if err != nil {
					t.Fatal(err)
				}
				want, err := dane.ByReflection(text)
				if diff := cmp.Diff(string(want), string(text)); diff != "" || err != nil {
					t.Errorf("%s of %s: %v\n%s", how, name, err, diff)
				}
			}
		}
	}
}

// Each fact of a result has its key.
func TestKeysOfResults(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 12, 0, 0, 500_000_000, time.FixedZone("", 3600))
	record := tlsa.Record{Usage: tlsa.DANEEE, Selector: tlsa.SPKI, Matching: tlsa.Full, Data: []byte{1}}
	lookup := dane.Lookup{Name: "_26._tcp.b", Type: dns.TypeTLSA, Status: dnssec.Secure, Records: []string{"3 1 0 01"}}
	for _, tt := range []struct {
		name   string
		result dane.Result
		want   string
	}{
		{"no domain", dane.Result{Name: "a b", Started: at, Err: &dane.Error{Domain: "a b", Permanent: true, Err: dane.ErrName}},
			`{"version":1,"domain":"a b","outcome":"failure","profile":{"dane":"opportunistic","tls":"preferred"},"mta_sts":false,
"permanent":true,"code":"5.1.2","error":"dane: a b: not a host name","lookups":[],"started":"2026-11-30T12:00:00.5+01:00","elapsed_ms":0}`},
		{"everything", dane.Result{
			Name: "A", Outcome: dane.OutcomeNone, MTASTS: true, Mandatory: true, Unresolved: true, Local: true, Planned: true, Started: at, Elapsed: 1500 * time.Microsecond, Expires: at,
			Profile: dane.Profile{DANE: dane.DANENone, TLS: dane.TLSRequired, UseInsecureMX: true, Audit: true, Route: dane.Route{Hosts: []string{"r"}, Port: 24}},
			Err:     errors.New("all"),
			Domain:  &dane.Domain{Name: "a", Expanded: "c", Status: dnssec.Insecure, Implicit: true, Routed: true, Port: 26, Omitted: 2, MX: []dane.MX{{Preference: 10, Host: "b"}}},
			Hosts: []dane.HostResult{{Host: &dane.Host{
				Domain: "a", Name: "b", Port: 26, Action: dane.MustAuthenticate, MXSecure: true, Routed: true, MTASTS: true, PKIX: "p", Base: "b", Names: []string{"b", "c"},
				Addresses: []dane.Address{{Addr: netip.MustParseAddr("2001:db8::1"), Status: dnssec.Secure, Refused: true}, {}}, Omitted: 3,
				Records: []tlsa.Record{record}, TLSA: &lookup, Lookups: []dane.Lookup{lookup}, Err: errors.New("host"),
			}}},
		}, `{"version":1,"domain":"a","outcome":"none","profile":{"dane":"none","tls":"required","use_insecure_mx":true,"audit":true,"route":{"hosts":["r"],"port":24}},
"mta_sts":true,"mandatory":true,"unresolved":true,"local_lack":true,"plan":"must-authenticate","code":"4.0.0","error":"all",
"destination":{"expanded":"c","status":"insecure","implicit":true,"routed":true,"port":26,"mx":[{"preference":10,"host":"b"}]},"omitted_hosts":2,
"hosts":[{"host":"b","port":26,"action":"must-authenticate","error":"host","code":"4.0.0","mx_secure":true,"routed":true,"mta_sts":true,"pkix":"p","base":"b",
"names":["b","c"],"addresses":[{"address":"2001:db8::1","status":"secure","refused":true},{"address":"invalid IP","status":"indeterminate"}],"tlsa":["3 1 0 01"],
"report_policy":{"policy-type":"tlsa","policy-string":["3 1 0 01"],"policy-domain":"b","failure":"tlsa-invalid"},"omitted_records":3,"lookup_count":1}],
"lookups":[{"name":"_26._tcp.b","type":"TLSA","status":"secure","rcode":"NOERROR","records":["3 1 0 01"],"elapsed_ms":0}],
"expires":"2026-11-30T12:00:00.5+01:00","started":"2026-11-30T12:00:00.5+01:00","elapsed_ms":1.5}`},
	} {
		text, err := tt.result.AppendJSON([]byte("before "))
		if diff := cmp.Diff("before "+strings.ReplaceAll(tt.want, "\n", ""), string(text)); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", tt.name, err, diff)
		}
	}
}

// What JSON cannot hold leaves the buffer as it was, and a buffer with enough room is the one that is written to.
func TestAppendJSON(t *testing.T) {
	t.Parallel()
	never := &dane.Result{Started: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}
	if text, err := never.AppendJSON([]byte("before")); err == nil || string(text) != "before" {
		t.Errorf("%q, %v", text, err)
	}
	room := make([]byte, 0, 1<<16)
	text, err := new(dane.Result).AppendJSON(room)
	if err != nil || !slices.Equal(text, room[:len(text)]) {
		t.Errorf("%s, %v: elsewhere", text, err)
	}
}

// Durations are written as encoding/json writes milliseconds.
func TestJSONOfDurations(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{0, 1, 999, time.Microsecond, 10 * time.Microsecond, 120 * time.Microsecond, 999_999, time.Millisecond, 1_010_000, 1_100_000, 12_345_678,
		time.Hour, 365 * 24 * time.Hour, 100 * 365 * 24 * time.Hour, -1, -time.Microsecond, -1500 * time.Microsecond, math.MaxInt64, math.MinInt64} {
		want, err := json.Marshal(float64(d.Microseconds()) / 1000)
		if err != nil {
			t.Fatal(err)
		}
		text, err := (&dane.Result{Elapsed: d}).MarshalJSON()
		if _, got, _ := strings.Cut(string(text), `"elapsed_ms":`); err != nil || got != string(want)+"}" {
			t.Errorf("%d: %s, %v; want %s", d, got, err, want)
		}
	}
}
