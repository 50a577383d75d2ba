package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// A page says what its tables leave out, and how far off they may be.
func TestBounds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		limit int
		want  []string
	}{
		{"more names than a page shows", 0, []string{"provider-0.example", "<th role=\"rowheader\" scope=\"row\">75 others</th>"}},
		{"more names than there is room for", 40, []string{"provider-0.example", "a number may be too low by up to", ">all others</th>"}},
	} {
		n := &numbers{}
		n.tables[ofProvider].limit = tt.limit
		for i := range 1000 {
			n.add(&entry{Domain: "d.test", state: diagnosis.StateNone, Hosts: []host{{Host: fmt.Sprintf("mx.provider-%d.example", i%100)}}})
		}
		for range 50 {
			n.add(&entry{Domain: "d.test", state: diagnosis.StateOK, Hosts: []host{{Host: "mx.provider-0.example", Action: mustAuthenticate}}})
		}
		var page bytes.Buffer
		if err := (&Report{vantages: map[string]*numbers{"": n}}).WriteHTML(&page, Options{}); err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if !strings.Contains(page.String(), want) {
				t.Errorf("%s: it does not say %q", tt.name, want)
			}
		}
		records := (&Report{vantages: map[string]*numbers{"": n}}).table(ofProvider).records
		sum := 0
		for _, record := range records[1:] {
			var domains int
			fmt.Sscan(record[2], &domains)
			sum += domains
		}
		if last := records[len(records)-1]; sum != 1050 || (tt.limit > 0) != (last[1] == others) || (tt.limit > 0) == (last[len(last)-1] == "0") {
			t.Errorf("%s: %d domains in the file, whose last line is %q", tt.name, sum, last)
		}
	}
}

// Whatever is in a row, the numbers are those of one domain, and page and files can be written.
func FuzzReport(f *testing.F) {
	for _, seed := range []string{
		`{"vantage":"a","at":"2026-12-01T06:00:00Z","line":3,"state":"ok","finding":"no-next-key","domain":"a.example","hosts":[{"host":"mx.a.example","action":"must-authenticate","tlsa":["3 1 1 00"]}]}`,
		`{"domain":".","destination":{"mx":[{"host":"."},{"host":"\\000.\\."}]},"lookups":[{"type":"MX","chain":[{"zone":"."},{"zone":"\\.","type":"MX","server":"[::]:1 x"}]}]}`,
		`{"domain":"a","name_servers":{"zones":[{"name":"","servers":[{"name":"..a"}]}]},"hosts":[{"probes":[{"certificates":[{"issuer":"\\"}]}]}]}`,
		`{"line":-1,"at":"9999-12-31T23:59:59Z","elapsed_ms":-1e308,"domain":"x"}`, `{`, `[]`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Collect(func(yield func([]byte, error) bool) {
			if yield(text, nil) {
				yield(text, nil)
			}
		})
		if err != nil {
			return
		}
		var page bytes.Buffer
		if err := r.WriteHTML(&page, Options{}); err != nil {
			t.Fatal(err)
		}
		if i := bytes.IndexFunc(page.Bytes(), func(r rune) bool { return r < ' ' && r != '\n' || r > '~' && r != '…' }); i >= 0 {
			t.Errorf("the page has %q", page.Bytes()[i:min(i+8, page.Len())])
		}
		for _, file := range r.files() {
			for _, record := range file.records {
				if len(record) != len(file.records[0]) {
					t.Errorf("%s: %q has other columns than %q", file.name, record, file.records[0])
				}
				if slices.ContainsFunc(record, func(cell string) bool {
					return strings.ContainsFunc(cell, func(r rune) bool { return r < ' ' || r > '~' })
				}) {
					t.Errorf("%s: %q", file.name, record)
				}
			}
		}
		n := r.main("")
		if sum := n.all.Domains + n.bad; sum != n.rows || n.rows != 2 {
			t.Errorf("%d domains and %d lines without one of %d rows", n.all.Domains, n.bad, n.rows)
		}
	})
}
