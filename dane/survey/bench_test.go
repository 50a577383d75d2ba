package survey_test

import (
	"context"
	"io"
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/survey"
)

// BenchmarkRun is what a domain of a list costs above the lookups, all of which are cached.
func BenchmarkRun(b *testing.B) {
	s := &survey.Survey{Checker: danetest.New(b).Checker(), Planned: true, Parallel: 64}
	b.ReportAllocs()
	if err := s.Run(b.Context(), &same{left: b.N}, nothing{}); err != nil {
		b.Fatal(err)
	}
}

// same is a list of one domain many times.
type same struct{ left int }

func (s *same) Next(context.Context) (survey.Entry, error) {
	if s.left--; s.left < 0 {
		return survey.Entry{}, io.EOF
	}
	return survey.Entry{Input: "good.example", Domain: "good.example"}, nil
}

type nothing struct{}

func (nothing) Put(context.Context, survey.Row) error { return nil }
