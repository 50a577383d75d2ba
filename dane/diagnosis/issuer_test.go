package diagnosis_test

import (
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/tlsa"
)

// matching puts records in the place of those that a host has, of which the first is the one
// that has matched: nobody but the CA can make a certificate that matches a record of it.
func matching(t *testing.T, texts ...string) func(*dane.Result) {
	t.Helper()
	var records []tlsa.Record
	for _, text := range texts {
		r, err := tlsa.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return func(r *dane.Result) {
		h := &r.Hosts[0]
		h.Records = records
		h.Attempts[0].Match.Record = records[0]
	}
}
