package report

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// Vantage points that see the same, or not the same lines, do not differ; the first domains of
// each difference are named.
func TestDifferences(t *testing.T) {
	t.Parallel()
	r := &Report{vantages: make(map[string]*numbers)}
	see := func(vantage string, line int, state diagnosis.State) {
		r.add(&entry{Domain: fmt.Sprintf("d%d.example", line), Vantage: vantage, Line: line, state: state})
	}
	for line := 1; line <= 1000; line++ {
		see("b", line, diagnosis.StateOK)
		if line%2 == 0 {
			see("a", line, map[bool]diagnosis.State{true: diagnosis.StateBroken, false: diagnosis.StateOK}[line%4 == 0])
		}
	}
	see("c", 1000, diagnosis.StateUnknown)
	see("c", 7, diagnosis.StateOK)
	see("c", -1, diagnosis.StateBroken)
	see("c", maxLine, diagnosis.StateBroken)
	got, several := r.differences()
	want := []difference{
		{States: []string{"broken", "ok", ""}, Domains: 249, First: []string{"d4.example", "d8.example", "d12.example", "d16.example", "d20.example"}},
		{States: []string{"broken", "ok", "unknown"}, Domains: 1, First: []string{"d1000.example"}},
	}
	if diff := cmp.Diff(want, got); diff != "" || several != 501 {
		t.Errorf("%d seen by several (-want +got):\n%s", several, diff)
	}
	if len(r.compared.names) > 2*maxDiffering {
		t.Errorf("%d names are kept", len(r.compared.names))
	}
}

func TestNoDifferences(t *testing.T) {
	t.Parallel()
	r := &Report{vantages: make(map[string]*numbers)}
	if got, several := r.differences(); got != nil || several != 0 {
		t.Errorf("%v, %d", got, several)
	}
}
