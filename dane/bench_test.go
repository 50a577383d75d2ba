package dane_test

import (
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
)

// BenchmarkVerify is the whole check of a domain with one host: DNS, validated from an
// empty cache or known, and a session with the mail server.
func BenchmarkVerify(b *testing.B) {
	internet := danetest.NewInternet()
	defer internet.Close()
	verify := func(b *testing.B, verifier *dane.Verifier) {
		b.Helper()
		result, err := checker(verifier).Verify(b.Context(), "good.example")
		if err != nil || result.Outcome != dane.OutcomeSuccess {
			b.Fatal(result, err)
		}
	}
	b.Run("cold", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			verify(b, internet.Verifier())
		}
	})
	b.Run("warm", func(b *testing.B) {
		verifier := internet.Verifier()
		verify(b, verifier)
		b.ReportAllocs()
		for b.Loop() {
			verify(b, verifier)
		}
	})
}

// BenchmarkPlan is what a domain of a list costs above the lookups, all of which are cached.
func BenchmarkPlan(b *testing.B) {
	plan := checker(danetest.New(b).Verifier()).Plan
	b.ReportAllocs()
	for b.Loop() {
		if r, err := plan(b.Context(), "good.example"); err != nil || r.Outcome != dane.OutcomeSuccess {
			b.Fatal(r, err)
		}
	}
}
