package diagnosis_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec/compare"
)

// Of domains whose name servers do not disagree, whatever else is wrong, asking each of them
// finds nothing more.
func TestServersThatAgree(t *testing.T) {
	t.Parallel()
	for _, domain := range danetest.Domains() {
		t.Run(domain.Name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				internet := danetest.New(t)
				result, _ := internet.Checker().Verify(t.Context(), domain.Name)
				first, next := diagnosis.ServerQuestions(domain.Name, 25)
				comparer := &compare.Comparer{Resolver: internet.DNS.Resolver(), Dial: internet.DNS.Dial, Next: next}
				report, err := comparer.Compare(t.Context(), first)
				if err != nil || report.Path != compare.PathOpen {
					t.Fatalf("%+v, %v", report, err)
				}
				var with, without []string
				for _, f := range diagnosis.Diagnose(result, diagnosis.Options{Servers: report}).Findings {
					with = append(with, string(f.Code)+": "+f.Text)
				}
				for _, f := range diagnosis.Diagnose(result, diagnosis.Options{}).Findings {
					without = append(without, string(f.Code)+": "+f.Text)
				}
				slices.Sort(with)
				slices.Sort(without)
				if diff := cmp.Diff(without, with); diff != "" {
					t.Errorf("-without +with the servers:\n%s", diff)
				}
			})
		})
	}
}

// The questions are those of a sender: without MX records the domain is its own host, a null MX
// has none, and an alias is followed to its end.
func TestServerQuestions(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		question string
		answer   compare.Answer
		want     []string
	}{
		{"a.example. MX", compare.Answer{Records: []string{"10 mail.a.example.", "20 mx.b.example."}}, []string{
			"mail.a.example. A", "mail.a.example. AAAA", "_26._tcp.mail.a.example. TLSA", "_26._tcp.mail.a.example. TXT",
			"mx.b.example. A", "mx.b.example. AAAA", "_26._tcp.mx.b.example. TLSA", "_26._tcp.mx.b.example. TXT"}},
		{"a.example. MX", compare.Answer{}, []string{"a.example. A", "a.example. AAAA", "_26._tcp.a.example. TLSA", "_26._tcp.a.example. TXT"}},
		{"a.example. MX", compare.Answer{Records: []string{"0 ."}}, nil},
		{"a.example. MX", compare.Answer{Records: []string{"nonsense"}}, nil},
		{"a.example. MX", compare.Answer{Alias: "b.example."}, nil},
		{"mail.a.example. A", compare.Answer{Alias: "host.b.example."}, nil},
		{"host.b.example. A", compare.Answer{Records: []string{"192.0.2.1"}}, []string{"_26._tcp.host.b.example. TLSA", "_26._tcp.host.b.example. TXT"}},
		{"host.b.example. AAAA", compare.Answer{}, nil},
		{"_26._tcp.host.b.example. TLSA", compare.Answer{Records: []string{"3 1 1 00"}}, nil},
	} {
		var q compare.Question
		if err := q.UnmarshalText([]byte(tt.question)); err != nil {
			t.Fatal(err)
		}
		_, next := diagnosis.ServerQuestions("a.example", 26)
		var got []string
		for _, q := range next(q, &tt.answer) {
			got = append(got, q.String())
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s, %+v (-want +got):\n%s", tt.question, tt.answer, diff)
		}
	}
	if first, _ := diagnosis.ServerQuestions("A.Example", 0); first.String() != "a.example. MX" {
		t.Error(first)
	}
}
