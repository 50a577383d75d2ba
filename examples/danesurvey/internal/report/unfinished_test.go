package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/report"
)

// A report of a survey that is not through its list says so.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	row := func(vantage string) []byte {
		return []byte(`{"vantage":"` + vantage + `","line":1,"state":"ok","domain":"a.example"}`)
	}
	for _, tt := range []struct {
		name  string
		rows  [][]byte
		lines int
		want  []string
		page  string // empty if it does not say so
	}{
		{"through the list", [][]byte{row("")}, 1, nil, ""},
		{"a list of unknown length", [][]byte{row("")}, 0, nil, ""},
		{"one line of many", [][]byte{row("")}, 2000, []string{"1 of 2,000 lines have a row"}, "Unfinished: 1 of 2,000 lines have a row."},
		{"no line yet", nil, 3, []string{"0 of 3 lines have a row"}, "Unfinished: 0 of 3 lines"},
		{"two vantage points, one of which is through", [][]byte{row("a"), row("a"), row("b")}, 2, []string{"1 of 2 lines have a row from b"}, "1 of 2 lines have a row from b."},
	} {
		r := collect(t, tt.rows)
		r.Lines = tt.lines
		if diff := cmp.Diff(tt.want, r.Unfinished()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		var page bytes.Buffer
		if err := r.WriteHTML(&page, report.Options{}); err != nil {
			t.Fatal(err)
		}
		if tt.page == "" && strings.Contains(page.String(), "Unfinished") {
			t.Errorf("%s: the page says that it is unfinished", tt.name)
		}
		has(t, page.String(), tt.page)
		dir := t.TempDir()
		if err := r.WriteCSV(dir); err != nil {
			t.Fatal(err)
		}
		if tt.lines == 2000 && !strings.Contains(read(t, dir+"/summary.csv"), "\n,,,2000,1,0,1,") {
			t.Errorf("%s: summary.csv does not say so:\n%s", tt.name, read(t, dir+"/summary.csv"))
		}
	}
}
