package dane_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/explanation"
)

// The JSON of explanations is as their schema says. The test is here for the sake of the
// checker.
func TestExplanationsFollowTheirSchema(t *testing.T) {
	t.Parallel()
	s := readSchemaFile(t, "explanation/schema.json")
	internet := danetest.New(t)
	check := func(e *explanation.Explanation) {
		t.Helper()
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			t.Fatal(err)
		}
		if wrong := s.check(s.root, value, e.Name); len(wrong) > 0 {
			t.Errorf("%s\n%s", strings.Join(wrong, "\n"), text)
		}
	}
	checker := internet.Checker()
	checker.ChainRecords, checker.AllCertificates = true, true
	for _, d := range internet.Domains {
		result, err := checker.Verify(t.Context(), d.Name)
		if err != nil {
			t.Fatal(err)
		}
		check(explanation.Domain(result, explanation.Options{}))
	}
	answer, err := internet.DNS.Resolver().Lookup(t.Context(), "none.ta.example", dns.TypeTLSA)
	if err != nil {
		t.Fatal(err)
	}
	check(explanation.Answer("none.ta.example", dns.TypeTLSA, answer, nil, explanation.Options{}))
	check(explanation.Answer("none.ta.example", dns.TypeTLSA, nil, errors.New("nobody answered"), explanation.Options{}))
}
