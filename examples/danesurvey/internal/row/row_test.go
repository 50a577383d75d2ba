package row_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

func TestOf(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	s := &survey.Survey{Checker: internet.Checker()}
	now := time.Now()
	verdict := func(domain string) survey.Row {
		r := s.Verify(t.Context(), domain)
		r.Line, r.Input = 7, domain+" # ours"
		return r
	}
	verifier := internet.Verifier()
	verifier.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, syscall.EMFILE }
	lack := &survey.Survey{Checker: &dane.Checker{Verifier: verifier}}
	lacking := lack.Verify(t.Context(), "good.example")
	lacking.Line = 7
	bad := survey.Row{Entry: survey.Entry{Line: 7, Input: "\x00\xff", Err: errors.New("no domain in it")}}
	for _, tt := range []struct {
		name           string
		row            survey.Row
		state, finding string
		noVerdict      bool
	}{
		{"a domain that is well", verdict("good.example"), "warning", "no-next-key", false},
		{"a domain without DANE", verdict("nodane.example"), "none", "", false},
		{"a lack of this machine", lacking, "unknown", "", true},
		{"a line without a domain", bad, "unknown", "not-a-domain", false},
		{"a name that is none", verdict("a..example"), "", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := row.Of(&tt.row, row.Options{Vantage: "berlin-1", Now: now})
			if err != nil {
				t.Fatal(err)
			}
			if r.Vantage != "berlin-1" || r.Line != 7 || r.NoVerdict != tt.noVerdict {
				t.Errorf("%+v", r)
			}
			if tt.state != "" && r.State != tt.state || tt.finding != "" && r.Finding != tt.finding {
				t.Errorf("state %q, finding %q; want %q, %q", r.State, r.Finding, tt.state, tt.finding)
			}
			if tt.row.Result == nil && !r.At.Equal(now) || tt.row.Result != nil && !r.At.Equal(tt.row.Result.Started) {
				t.Errorf("it was asked at %s", r.At)
			}
			if !json.Valid(r.Text) || strings.Contains(string(r.Text), "\n") {
				t.Errorf("not one line of JSON: %s", r.Text)
			}
			again, err := row.Parse(append(r.Text, '\n'))
			if tt.row.Entry.Err != nil {
				r.Input, again.Input = "", "" // it is no UTF-8
			}
			if diff := cmp.Diff(r, again); diff != "" || err != nil {
				t.Errorf("read back: %v (-made +read)\n%s", err, diff)
			}
		})
	}
}

// TestParseReadsTheHead: what is in arrays and objects is not looked at, and strings may have anything in them.
func TestParseReadsTheHead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"vantage":"a","line":7,"input":"x","state":"ok"}`,
		`{"vantage":"a","line":7,"input":"x","state":"ok","findings":[{"state":"broken"}],"line":8}`,
		` { "vantage" : "a" , "line" : 7 , "input" : "x" , "state" : "ok" , "mx" : { "line" : 8 } } `,
		`{"other":",\"[{\\","vantage":"a","line":7,"input":"x","state":"ok","mx":{},"x":"]"}`,
	} {
		r, err := row.Parse([]byte(text))
		want := row.Row{Vantage: "a", Line: 7, Input: "x", State: "ok", Text: []byte(text)}
		if diff := cmp.Diff(want, r); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", text, err, diff)
		}
	}
	r, err := row.Parse([]byte(`{"vantage":"a","line":7,"input":",\"[{\\","mx":[]}`))
	if err != nil || r.Input != ",\"[{\\" {
		t.Errorf("%q, %v", r.Input, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"at":"2026-11-30T00:00:00Z","line":1,"input":"\\\"[","state":"ok","a":{"b":[]}}`))
	f.Add([]byte(`{"a":{},"line":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := row.Parse(text)
		if err == nil && (!json.Valid(r.Text) || r.Line < 1) {
			t.Errorf("%q is taken for a row: %+v", text, r)
		}
	})
}

// BenchmarkParse: a row of a domain that has DANE.
func BenchmarkParse(b *testing.B) {
	s := &survey.Survey{Checker: danetest.New(b).Checker()}
	found := s.Verify(b.Context(), "good.example")
	found.Line = 1
	r, err := row.Of(&found, row.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(r.Text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := row.Parse(r.Text); err != nil {
			b.Fatal(err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "{", `{"line":1,"a":[}`, `{"line":1,"a":[]`, `[{"line":1}]`, `{"a":{"line":1}}`, `{"at":"2026-11-30T00:00:00Z"}`, `{"line":-1}`, `{"line":1,"vantage":"a b"}`, `{"line":1,"vantage":"a\u0000b"}`,
		`{"line":1,"vantage":"` + strings.Repeat("a", 64) + `"}`, `{"line":1,"at":"yesterday"}`,
	} {
		if r, err := row.Parse([]byte(text)); err == nil {
			t.Errorf("%s: %+v", text, r)
		}
	}
}
