package surveyrow_test

import (
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/internal/surveyrow"
)

// BenchmarkRow judges what is known of a domain, and writes its row.
func BenchmarkRow(b *testing.B) {
	row := survey.Row{Entry: survey.Entry{Line: 1, Input: "good.example", Domain: "good.example"}}
	var err error
	if row.Result, err = danetest.New(b).Checker().Plan(b.Context(), row.Domain); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var line []byte
	for b.Loop() {
		report := diagnosis.Diagnose(row.Result, diagnosis.Options{})
		head := surveyrow.HeadOf(&row, &report)
		if line, err = head.AppendRow(line[:0], row.Result, report); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(line)))
}
