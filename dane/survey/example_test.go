package survey_test

import (
	"context"
	"fmt"
	"io"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// words is a Source.
type words []string

func (w *words) Next(context.Context) (survey.Entry, error) {
	if len(*w) == 0 {
		return survey.Entry{}, io.EOF
	}
	domain := (*w)[0]
	*w = (*w)[1:]
	return survey.Entry{Input: domain, Domain: domain}, nil
}

// printed is a Sink.
type printed struct{}

func (printed) Put(_ context.Context, row survey.Row) error {
	_, err := fmt.Println(row.Domain, row.Result.Outcome, row.Shared)
	return err
}

// Two customers of one provider: its server is connected to once.
func ExampleSurvey_Run() {
	customer := dnssectest.Zone{Records: "@ MX 10 mx.provider.example."}
	internet := danetest.NewInternet( // in place of the Internet
		danetest.Domain{Name: "provider.example", Hosts: []danetest.Host{{Name: "mx", TLSA: []string{"3 1 1"}}}},
		danetest.Domain{Name: "a.example", Zone: customer},
		danetest.Domain{Name: "b.example", Zone: customer},
	)
	defer internet.Close()

	s := &survey.Survey{Checker: internet.Checker(), Parallel: 1, InOrder: true}
	if err := s.Run(context.Background(), &words{"a.example", "b.example"}, printed{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// a.example success 0
	// b.example success 1
}
