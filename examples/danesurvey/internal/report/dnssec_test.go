package report_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/report"
)

// A signed answer without MX records is no signed MX record: neither that there are none, nor that the domain does
// not exist.
func TestSignedMX(t *testing.T) {
	t.Parallel()
	rows := [][]byte{
		[]byte(`{"line":1,"state":"ok","domain":"a.example","destination":{"status":"secure","mx":[{"host":"mx.a.example"}]}}`),
		[]byte(`{"line":2,"state":"none","domain":"b.example","destination":{"status":"secure"},"findings":[{"code":"null-mx","severity":"note"}]}`),
		[]byte(`{"line":3,"state":"none","domain":"c.example","destination":{"status":"secure","implicit":true,"mx":[{"host":"c.example"}]}}`),
		[]byte(`{"line":4,"state":"broken","domain":"d.example","destination":{"status":"secure"},"findings":[{"code":"no-such-domain","severity":"broken"}]}`),
		[]byte(`{"line":5,"state":"broken","domain":"e.example","destination":{"status":"insecure"},"findings":[{"code":"no-such-domain","severity":"broken"}]}`),
		[]byte(`{"line":6,"state":"broken","domain":"f.example","destination":{"status":"bogus"}}`),
		[]byte(`{"line":7,"state":"none","domain":"g.example","destination":{"status":"insecure","mx":[{"host":"mx.a.example"}]}}`),
	}
	got := make(map[string]string)
	for _, record := range csvOf(t, rows)["dnssec"][1:] {
		got[record[1]] = record[2]
	}
	want := map[string]string{
		"secure": "2", "secure, no MX": "1", "secure, does not exist": "1",
		"insecure": "1", "insecure, does not exist": "1", "bogus": "1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dnssec.csv (-want +got):\n%s", diff)
	}
	has(t, write(t, rows, report.Options{}),
		`<dt>have signed MX records</dt><dd>2 <span class="share">28.6 %</span>`, "no MX (signed)")
}

// How many are broken is said of those with DANE, too: a domain that does not exist has none.
func TestBrokenWithDANE(t *testing.T) {
	t.Parallel()
	rows := [][]byte{
		[]byte(`{"line":1,"state":"ok","domain":"a.example","hosts":[{"host":"mx.a.example","action":"must-authenticate"}]}`),
		[]byte(`{"line":2,"state":"broken","domain":"b.example","hosts":[{"host":"mx.b.example","action":"must-authenticate"}]}`),
		[]byte(`{"line":3,"state":"broken","domain":"c.example"}`),
		[]byte(`{"line":4,"state":"broken","domain":"d.example"}`),
	}
	has(t, write(t, rows, report.Options{}),
		`<dt>are broken</dt><dd>3 <span class="share">75.0 %</span>`,
		`<dt>of those with DANE are broken</dt><dd>1 <span class="share">50.0 %</span>`,
		"A domain that does not exist is broken, too.",
		"One that the list has ten times, as by ten addresses at it, counts ten times.",
	)
	summary := csvOf(t, rows)["summary"]
	if at := slices.Index(summary[0], "broken_with_dane"); at < 0 || summary[1][at] != "1" {
		t.Errorf("summary.csv does not say so: %q", summary)
	}
}
