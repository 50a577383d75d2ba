package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dnssec/compare"
)

// -compare asks each name server by itself, and shows a table of them.
func TestCompare(t *testing.T) {
	t.Parallel()
	_, without, _ := command(t, "check", "-demo", "good.example")
	exit, stdout, stderr := command(t, "check", "-demo", "-compare", "good.example")
	for _, want := range []string{"\nName servers of good.example (secure):\n  ns.good.example (198.18.0.2), serial 1\n", "Seen from this machine."} {
		if !strings.Contains(stdout, want) || strings.Contains(without, strings.TrimSpace(want)) {
			t.Errorf("no %q, or without -compare, too:\n%s%s", want, stdout, stderr)
		}
	}
	if exit != exitSuccess {
		t.Errorf("exit status %d", exit)
	}
	for _, line := range strings.Split(stdout, "\n") {
		if len(line) > 80 && !strings.Contains(line, "IN TLSA") {
			t.Errorf("%q is wider than a terminal", line)
		}
	}
}

// What the name servers said is in the JSON, beside the findings.
func TestCompareAsJSON(t *testing.T) {
	t.Parallel()
	for domain, zones := range map[string]int{"good.example": 1, "bogus.example": 1, "nullmx.example": 1} {
		_, stdout, _ := command(t, "check", "-demo", "-compare", "-json", domain)
		var result struct {
			State   string
			Servers *compare.Report `json:"name_servers"`
		}
		if err := json.Unmarshal([]byte(stdout), &result); err != nil {
			t.Fatal(err)
		}
		if r := result.Servers; result.State == "" || r == nil || r.Path != compare.PathOpen || len(r.Zones) != zones || r.Incomplete {
			t.Errorf("%s: %+v", domain, result)
		}
	}
	if _, stdout, _ := feed(t.Context(), strings.NewReader("good.example\nbogus.example\n"), "check", "-demo", "-compare", "-json", "-input", "-"); strings.Count(stdout, `"name_servers":{`) != 2 {
		t.Error("the name servers are not in both rows of a list")
	}
	if _, stdout, _ := command(t, "check", "-demo", "-json", "good.example"); strings.Contains(stdout, "name_servers") {
		t.Error("the name servers are there without -compare")
	}
}
