package surveyrow_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/internal/surveyrow"
)

// TestHead: the keys come in this order, and those that say nothing are left out.
func TestHead(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 18, 0, 0, 500_000_000, time.FixedZone("", 3600))
	for _, tt := range []struct {
		name   string
		head   surveyrow.Head
		object string
		want   string
	}{
		{"no more than where it stands", surveyrow.Head{Line: 1, Input: "a.example"}, `{"version":1}`,
			`{"line":1,"input":"a.example","state":"unknown","version":1}`},
		{"everything", surveyrow.Head{
			At: at, Vantage: "here", Line: 2, Input: "b", State: diagnosis.StateBroken, Finding: "tlsa-mismatch", Seen: at, Busy: true,
		}, `{"dns_ms":1}`,
			`{"at":"2026-11-30T17:00:00.5Z","vantage":"here","line":2,"input":"b","state":"broken","finding":"tlsa-mismatch","seen":"2026-11-30T17:00:00.5Z","busy":true,"dns_ms":1}`},
		{"the state of the object counts", surveyrow.Head{Line: 3, Input: "c", Finding: "null-mx"}, `{"state":"none","findings":[]}`,
			`{"line":3,"input":"c","finding":"null-mx","state":"none","findings":[]}`},
		{"no domain", surveyrow.Head{Line: 4, Input: "x,y", Err: errors.New("it has \"columns\"")}, "",
			`{"line":4,"input":"x,y","state":"unknown","error":"it has \"columns\""}`},
		{"what JSON escapes", surveyrow.Head{Line: 5, Input: "<b>&\\\"\x01\xff\u2028ü"}, "",
			`{"line":5,"input":"\u003cb\u003e\u0026\\\"\u0001\ufffd\u2028ü","state":"unknown"}`},
	} {
		// What is no UTF-8 is escaped before Go 1.27, and written as the same character since.
		got := strings.ReplaceAll(string(tt.head.Append([]byte("before "), []byte(tt.object))), "\ufffd", `\ufffd`)
		if diff := cmp.Diff("before "+tt.want+"\n", got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestRow: a row of each kind has the head and the object that it must have.
func TestRow(t *testing.T) {
	t.Parallel()
	net := danetest.New(t, danetest.Domain{Name: "good.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}}}})
	for _, tt := range []struct {
		name    string
		planned bool
		entry   survey.Entry
		want    []string // in this order
	}{
		{"verified", false, survey.Entry{Line: 1, Input: "1,good.example", Domain: "good.example"},
			[]string{`{"line":1,"input":"1,good.example","finding":"no-next-key","state":"warning","findings":[{`, `],"version":1,"domain":"good.example","outcome":"success"`}},
		{"planned", true, survey.Entry{Line: 2, Input: "good.example", Domain: "good.example"},
			[]string{`{"line":2,"input":"good.example","state":"unknown","finding":"not-probed","dns_ms":`, `,"queries":`, `,"version":1,"domain":"good.example","outcome":"success"`}},
		{"no domain", false, survey.Entry{Line: 3, Input: "x,y", Err: survey.ErrColumns},
			[]string{`{"line":3,"input":"x,y","state":"unknown","finding":"not-a-domain","error":"it has columns, `}},
	} {
		row := survey.Row{Entry: tt.entry}
		var object []byte
		var report diagnosis.Report
		if tt.entry.Err == nil {
			checker := &dane.Checker{Verifier: net.Verifier()}
			verify := checker.Verify
			if tt.planned {
				verify = checker.Plan
			}
			row.Result, row.Err = verify(t.Context(), tt.entry.Domain)
			report = diagnosis.Diagnose(row.Result, diagnosis.Options{})
			var err error
			if object, err = surveyrow.AppendResult(nil, row.Result, report); err != nil {
				t.Fatal(err)
			}
		}
		head := surveyrow.HeadOf(&row, &report)
		line := string(head.Append(nil, object))
		if tt.entry.Err == nil {
			whole, err := head.AppendRow([]byte("before "), row.Result, report)
			if diff := cmp.Diff("before "+line, string(whole)); diff != "" || err != nil {
				t.Errorf("%s: in one go: %v (-want +got)\n%s", tt.name, err, diff)
			}
		}
		if !json.Valid([]byte(line)) || !strings.HasSuffix(line, "}\n") {
			t.Errorf("%s: no line of JSON: %s", tt.name, line)
		}
		rest := line
		for _, want := range tt.want {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Errorf("%s: %s does not follow in %.300s", tt.name, want, line)
			}
			rest = after
		}
	}
}

// TestNoRow: what JSON cannot hold leaves what is there already as it is.
func TestNoRow(t *testing.T) {
	t.Parallel()
	never := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, r := range []*dane.Result{{Started: never}, {Started: never, Planned: true}} {
		line, err := new(surveyrow.Head).AppendRow([]byte("before "), r, diagnosis.Report{})
		if err == nil || string(line) != "before " {
			t.Errorf("%q, %v", line, err)
		}
	}
}
