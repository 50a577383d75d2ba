package report_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/report"
)

// ending is a row asked at an instant, of a domain whose signature and certificate end at others, counted from when the
// surveys of these tests are made. A time is not there if it is empty.
func ending(line int, domain, at, signature, certificate string) []byte {
	after := func(d string) string {
		span, err := time.ParseDuration(d)
		if err != nil {
			panic(err)
		}
		return surveyed.Add(span).Format(time.RFC3339)
	}
	row := fmt.Sprintf(`{"at":%q,"line":%d,"state":"ok","domain":%q`, after(at), line, domain)
	if signature != "" {
		row += fmt.Sprintf(`,"lookups":[{"type":"MX","chain":[{"zone":%q,"expiration":%q}]}]`, domain+".", after(signature))
	}
	if certificate != "" {
		probe := fmt.Sprintf(`{"certificates":[{"not_after":%q}]}`, after(certificate))
		row += fmt.Sprintf(`,"hosts":[{"host":%q,"action":"must-authenticate","tlsa":["2 1 1 00"],"probes":[%s,%s]}]`, "mx."+domain, probe, probe)
	}
	return []byte(row + "}")
}

// The table of what ends next has what ends first, however much ends at the same instant, has ended before, or ends
// while the survey goes on; and what it leaves out it counts.
func TestNextEnds(t *testing.T) {
	t.Parallel()
	many := func(n int, row func(i int) []byte) (rows [][]byte) {
		for i := range n {
			rows = append(rows, row(i))
		}
		return rows
	}
	name := func(i int) string { return fmt.Sprintf("d%04d.example", i) }
	for _, tt := range []struct {
		name        string
		rows        [][]byte
		listed      int    // signatures
		first, last string // of these
		others      string // domains that are counted together; empty if there are no others
	}{
		{"450 at one instant", many(450, func(i int) []byte { return ending(i+1, name(i), "0s", "100h", "") }), 200, name(0), name(199), "250"},
		{"450 at one instant, and one before them", append(many(450, func(i int) []byte { return ending(i+1, name(i), "0s", "100h", "") }),
			ending(451, "z.example", "0s", "99h", "")), 200, "z.example", name(198), "251"},
		{"1,000 have ended, and 10 will", many(1010, func(i int) []byte {
			return ending(i+1, name(i), "0s", map[bool]string{true: "100h", false: "-100h"}[i >= 1000], "")
		}), 10, name(1000), name(1009), ""},
		{"1,000 end before the survey does, and 10 after it", many(1010, func(i int) []byte {
			at, until := fmt.Sprintf("%dm", i), fmt.Sprintf("%dm", i+300)
			if i >= 1000 {
				at, until = "100h", "200h"
			}
			return ending(i+1, name(i), at, until, "")
		}), 10, name(1000), name(1009), ""},
		{"200, which are all", many(200, func(i int) []byte { return ending(i+1, name(i), "0s", "100h", "") }), 200, name(0), name(199), ""},
	} {
		backwards := slices.Clone(tt.rows)
		slices.Reverse(backwards)
		records := csvOf(t, tt.rows)["next_ends"][1:]
		if diff := cmp.Diff(records, csvOf(t, backwards)["next_ends"][1:]); diff != "" {
			t.Errorf("%s: next_ends.csv differs if the rows come backwards:\n%s", tt.name, diff)
		}
		var others string
		if n := len(records); n > 0 && records[n-1][2] == "(others)" {
			records, others = records[:n-1], records[n-1][4]
		}
		if len(records) != tt.listed || others != tt.others {
			t.Errorf("%s: %d are listed, and %q others, want %d and %q", tt.name, len(records), others, tt.listed, tt.others)
			continue
		}
		if first, last := records[0][2], records[len(records)-1][2]; first != tt.first+"." || last != tt.last+"." {
			t.Errorf("%s: from %s to %s, want %s. to %s.", tt.name, first, last, tt.first, tt.last)
		}
	}
}

// What the days count is what the table lists, and neither has what had ended before.
func TestEndsAgree(t *testing.T) {
	t.Parallel()
	rows := [][]byte{
		ending(1, "ended.example", "0s", "-1h", "-1h"),
		ending(2, "soon.example", "0s", "2h", "2h"),
		ending(3, "now.example", "3h", "10h", "24h"), // soon.example has ended since
		ending(4, "days.example", "0s", "722h", "730h"),
		ending(5, "late.example", "0s", "745h", "745h"), // on the 31st day
	}
	files := csvOf(t, rows)
	days, listed := make(map[string]int), make(map[string]int)
	for _, record := range files["ends"][1:] {
		for i, what := range []string{"signature", "certificate"} {
			n, err := strconv.Atoi(record[2+i])
			if err != nil {
				t.Fatal(err)
			}
			if n > 0 {
				days[what+" "+record[1]] += n
			}
		}
	}
	for _, record := range files["next_ends"][1:] {
		n, err := strconv.Atoi(record[4])
		if err != nil {
			t.Fatal(err)
		}
		day, _, _ := strings.Cut(record[3], "T")
		listed[record[1]+" "+day] += n
	}
	want := map[string]int{
		"signature 2026-12-01": 2, "certificate 2026-12-01": 1, "certificate 2026-12-02": 1,
		"signature 2026-12-31": 1, "certificate 2026-12-31": 1,
	}
	if diff := cmp.Diff(want, days); diff != "" {
		t.Errorf("ends.csv (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, listed); diff != "" {
		t.Errorf("next_ends.csv (-want +got):\n%s", diff)
	}
	page := write(t, rows, report.Options{})
	has(t, page, "soon.example", "1 Dec 2026 08:00 UTC", ">ended since<", "now.example", ">7 hours<")
	if strings.Contains(page, "The others are counted together") {
		t.Error("the page speaks of others, and there are no others")
	}
}

// A page says how much its table of what ends leaves out.
func TestEndsLeftOut(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{20: "8 others", 450: "all others"} {
		var rows [][]byte
		for i := range n {
			rows = append(rows, ending(i+1, fmt.Sprintf("d%04d.example", i), "0s", "100h", ""))
		}
		has(t, write(t, rows, report.Options{}), "Of each kind the table has the next 12. The others are counted together",
			"<code>d0011.example</code>", ">"+want+"<", ">"+strconv.Itoa(n-12)+"<")
	}
}
