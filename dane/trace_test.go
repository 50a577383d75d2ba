package dane_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

func TestTrace(t *testing.T) {
	t.Parallel()
	var got []string
	note := func(format string, args ...any) { got = append(got, fmt.Sprintf(format, args...)) }
	first, second := &dane.Trace{Result: func(*dane.Result) { note("first") }}, &dane.Trace{
		Lookup:  func(l dane.Lookup) { note("%s %s", l.Name, l.Status) },
		Domain:  func(d *dane.Domain, err error) { note("domain %s %v", d.Name, err) },
		Host:    func(h *dane.Host) { note("host %s %s", h.Name, h.Action) },
		Attempt: func(h *dane.Host, p dane.Attempt) { note("probe %s %s %v", h.Name, p.Addr, p.Authenticated) },
		Result:  func(r *dane.Result) { note("result %s", r.Outcome) },
	}
	ctx := dane.WithTrace(dane.WithTrace(t.Context(), first), second)
	var counters dane.Counters
	ctx = dane.WithTrace(ctx, counters.Trace())
	if _, err := danetest.New(t).Checker().Verify(ctx, "good.example"); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"good.example secure", "domain good.example <nil>",
		"mail.good.example secure", "mail.good.example secure", "_25._tcp.mail.good.example secure",
		"host mail.good.example must-authenticate", "probe mail.good.example 192.0.2.1:25 true", "first", "result success",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if counters.Lookups.Load() != 4 || counters.Hosts.Load() != 1 || counters.Authenticate.Load() != 1 || counters.Successes.Load() != 1 || counters.Failures.Load() != 0 {
		t.Error("counters are wrong")
	}
}

func TestLogTrace(t *testing.T) {
	t.Parallel()
	for domain, want := range map[string][]string{
		"good.example":     {`level=INFO msg="TLS success protocol TLSv1.3 cipher TLS_`, " for good.example\"", "outcome=success", "status=secure", "ttl=5m0s", "server=internet", "cached=false", "level=DEBUG"},
		"mismatch.example": {`level=INFO msg="TLS failed"`, "code=4.7.5", "outcome=failure"},
		"bogus.example":    {`msg="no delivery"`, "status=bogus", `msg="DNS failure"`},
		"exa mple":         {"not a host name"},
	} {
		var log bytes.Buffer
		trace := dane.LogTrace(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
		danetest.New(t).Checker().Verify(dane.WithTrace(t.Context(), trace), domain)
		for _, part := range want {
			if !strings.Contains(log.String(), part) {
				t.Errorf("%s: no %s in\n%s", domain, part, &log)
			}
		}
	}
}

// What a result says in JSON can be read back, and says the same again.
func TestJSONRoundTrip(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t, append(danetest.Domains(), danetest.Domain{Name: "alias.example", Zone: dnssectest.Zone{
		Records: "@ MX 10 www\nwww CNAME mail.good.example."}})...)
	schema := readSchema(t)
	names := []string{"exa mple", "none.such", "[192.0.2.1]", "alias.example"}
	for _, d := range internet.Domains {
		names = append(names, d.Name)
	}
	for _, name := range names {
		result, _ := internet.Checker().Verify(t.Context(), name)
		text, err := json.Marshal(result)
		if err != nil {
			t.Fatal(err)
		}
		var again dane.Result
		if err := json.Unmarshal(text, &again); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		second, err := json.Marshal(&again)
		if err != nil || !bytes.Equal(text, second) {
			t.Errorf("%s: %v\n%s\n%s", name, err, text, second)
		}
		if again.Outcome != result.Outcome || again.Permanent() != result.Permanent() || again.Failure() != result.Failure() {
			t.Errorf("%s: %+v", name, again)
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatal(err)
		}
		for _, wrong := range schema.check(schema.root, value, name) {
			t.Error(wrong)
		}
	}
	for _, text := range []string{`{}`, `{"version": 2}`, `{"version": 1, "destination": {}}`, `{"version": 1, "hosts": [{"lookup_count": 3}]}`,
		`{"version": 1, "hosts": [{"lookup_count": -1}]}`, `{"version": 1, "lookups": [{"type": "NONSENSE"}]}`} {
		if err := json.Unmarshal([]byte(text), new(dane.Result)); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

func TestExpiresAndNext(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	for domain, sts := range map[string]bool{
		"good.example": false, "mismatch.example": false, "bogustlsa.example": false, "nodane.example": true, "unsigned.example": true, "unusable.example": true,
	} {
		result, err := internet.Checker().Verify(t.Context(), domain)
		if err != nil || result.MTASTS != sts {
			t.Errorf("%s: MTA-STS may apply: %v, want %v", domain, result.MTASTS, sts)
		}
		if len(result.Hosts) == 1 && !result.Hosts[0].Expires.Equal(result.Expires) {
			t.Errorf("%s: the host expires %s, the result %s", domain, result.Hosts[0].Expires, result.Expires)
		}
		failed := slices.ContainsFunc(result.Lookups(), func(l dane.Lookup) bool { return l.Err != nil })
		if result.Expires.IsZero() != failed {
			t.Errorf("%s: expires %s", domain, result.Expires)
		}
	}
}

func TestReportPolicy(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	for domain, want := range map[string]dane.ReportPolicy{
		"nodane.example":    {Type: "no-policy-found", Domain: "nodane.example"},
		"bogustlsa.example": {Type: "tlsa", Domain: "mail.bogustlsa.example"},
		"mismatch.example":  {Type: "tlsa", Domain: "mail.mismatch.example"},
		"unusable.example":  {Type: "tlsa", Domain: "mail.unusable.example", ResultType: dane.TLSAInvalid},
	} {
		result, _ := internet.Checker().Verify(t.Context(), domain)
		got := result.Hosts[0].ReportPolicy()
		if len(got.Strings) != len(result.Hosts[0].Records) {
			t.Errorf("%s: %v", domain, got.Strings)
		}
		got.Strings = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", domain, diff)
		}
	}
}
