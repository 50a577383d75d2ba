package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane/survey"
)

// TestRowsOfAList: each line is a row, with what stands there; bad ones have an error, too.
func TestRowsOfAList(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", survey.MaxLine+7)
	list := "# a list\n1,good.example\nexa mple # two words\nme@mismatch.example\nx,y,z\n" + long + "\nhttps://unsigned.example/\n"
	want := map[int][4]string{ // line: input, domain, state, finding
		2: {"1,good.example", "good.example", "warning", "no-next-key"},
		3: {"exa mple # two words", "exa mple", "unknown", "not-a-domain"},
		4: {"me@mismatch.example", "mismatch.example", "broken", "tlsa-mismatch"},
		5: {"x,y,z", "", "unknown", "not-a-domain"},
		6: {long[:survey.MaxLine], "", "unknown", "not-a-domain"},
		7: {"https://unsigned.example/", "unsigned.example", "none", "mx-unsigned"},
	}
	for _, command := range []string{"", "check"} {
		args := []string{"-demo", "-json", "-input", "-"}
		if command != "" {
			args = append([]string{command}, args...)
		}
		status, stdout, stderr := feed(t.Context(), strings.NewReader(list), args...)
		if status != exitUsage {
			t.Errorf("%q: exit status %d, %s", args, status, stderr)
		}
		rows := 0
		for line := range strings.Lines(stdout) {
			var row struct {
				Line                          int
				Input, Domain, State, Finding string
				Error                         string
			}
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			rows++
			if got := [4]string{row.Input, row.Domain, row.State, row.Finding}; got != want[row.Line] {
				t.Errorf("%q: line %d is %.200q, want %.200q", args, row.Line, got, want[row.Line])
			}
			if complaints := strings.Count(stderr, fmt.Sprintf("daneverify: -input: line %d", row.Line)); (complaints == 1) != (row.Finding == "not-a-domain") {
				t.Errorf("%q: %d errors about line %d: %s", args, complaints, row.Line, stderr)
			}
		}
		for _, want := range []string{
			"6 domains in ", "states: 0 ok, 1 warning, 1 broken, 1 none, 1 unknown, 2 lines without a domain\n",
			"findings: 1 mx-unsigned, 1 no-next-key, 1 not-a-domain, 1 tlsa-mismatch\n",
		} {
			if !strings.Contains(stderr, want) {
				t.Errorf("%q: no %q in %s", args, want, stderr)
			}
		}
		if rows != len(want) {
			t.Errorf("%q: %d rows, want %d", args, rows, len(want))
		}
	}
}

// TestRowsSayWhenItWasSeen: a domain twice is a connection once.
func TestRowsSayWhenItWasSeen(t *testing.T) {
	t.Parallel()
	_, stdout, _ := feed(t.Context(), strings.NewReader("good.example\ngood.example\n"), "-demo", "-json", "-concurrency", "1", "-input", "-")
	rows := slices.Sorted(strings.Lines(stdout)) // by line: JSON comes as it is ready
	if len(rows) != 2 || strings.Contains(rows[0], `"seen":`) || !strings.Contains(rows[1], `"seen":"2`) || !strings.Contains(rows[1], `"outcome":"success"`) {
		t.Errorf("%s", stdout)
	}
}

// TestNothingIsShared on request.
func TestNothingIsShared(t *testing.T) {
	t.Parallel()
	_, stdout, _ := feed(t.Context(), strings.NewReader("good.example\ngood.example\n"), "-demo", "-json", "-share", "0", "-input", "-")
	if strings.Count(stdout, `"outcome":"success"`) != 2 || strings.Contains(stdout, `"seen":`) {
		t.Errorf("%s", stdout)
	}
}

// TestColumnErrors are told before anything is looked up.
func TestColumnErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-column", "2", "example.org"}, "-column is for -input"},
		{[]string{"-column", "0", "-input", "-"}, "counted from 1"},
		{[]string{"-demo", "-column", "domain", "-input", "-"}, "no column is named"},
	} {
		status, stdout, stderr := feed(t.Context(), strings.NewReader("a,b\n1,good.example\n"), tt.args...)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, tt.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: exit status %d, stdout %q, stderr %q; want %q", tt.args, status, stdout, stderr, tt.want)
		}
	}
}
