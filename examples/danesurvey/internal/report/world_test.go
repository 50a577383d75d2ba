package report_test

import (
	"encoding/json"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// surveyed is when the surveys of these tests are made.
var surveyed = time.Date(2026, 12, 1, 6, 0, 0, 0, time.UTC)

// survey asks about the domains of an Internet from each vantage point, as danesurvey does, at an
// instant that is always the same.
func surveyOf(t *testing.T, vantages []string, names []string, domains ...danetest.Domain) (rows [][]byte) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(surveyed))
		internet := danetest.NewInternet(domains...)
		defer internet.Close()
		for _, vantage := range vantages {
			s := &survey.Survey{Checker: internet.Checker(), Limits: survey.Limits{Provider: survey.Limit{Connections: -1, PerSecond: -1}, Address: survey.Limit{Connections: -1, PerSecond: -1}, Network: survey.Limit{Connections: -1, PerSecond: -1}}}
			for i, name := range names {
				found := s.Verify(t.Context(), name)
				found.Line, found.Input = i+1, name
				one, err := row.Of(&found, row.Options{Vantage: vantage})
				if err != nil {
					t.Fatal(err)
				}
				rows = append(rows, one.Text)
			}
		}
	})
	return rows
}

// all gives rows to Collect.
func all(rows [][]byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, one := range rows {
			if !yield(one, nil) {
				return
			}
		}
	}
}

// demo is a survey of the demonstration Internet, one domain for each thing that can happen, and
// of a line without a domain.
func demo(t *testing.T) [][]byte {
	var names []string
	for _, d := range danetest.Domains() {
		names = append(names, d.Name)
	}
	return surveyOf(t, []string{""}, append(names, "no domain at all", "missing.example"))
}

// differing are two vantage points' rows of the demonstration, of which one saw some domains
// otherwise, and some not at all.
func differing(t *testing.T) [][]byte {
	rows := demo(t)
	other := slices.Clone(rows[1:])
	for i := range rows {
		rows[i] = changed(t, rows[i], func(object map[string]any) { object["vantage"] = "berlin" })
	}
	for i := range other {
		other[i] = changed(t, other[i], func(object map[string]any) {
			object["vantage"] = "tokyo"
			switch object["domain"] {
			case "ta.example", "nodane.example", "expired.example":
				object["state"] = "broken"
			case "unsigned.example":
				object["state"] = "unknown"
			}
		})
	}
	return append(rows, other...)
}

// changed is a row after a change.
func changed(t *testing.T, text []byte, change func(object map[string]any)) []byte {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	change(object)
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
