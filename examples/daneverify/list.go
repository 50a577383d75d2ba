package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/internal/surveyrow"
)

// A listing counts what came of a list.
type listing struct {
	mu     sync.Mutex
	states map[diagnosis.State]int
	codes  map[diagnosis.Code]int // domains with such a finding
	bad    int                    // lines without a domain
	done   int
	end    int64 // octets of the list that are done with
}

func newListing() *listing {
	return &listing{states: make(map[diagnosis.State]int), codes: make(map[diagnosis.Code]int)}
}

// count counts a row. The report is nil for a line without a domain.
func (l *listing) count(row *survey.Row, report *diagnosis.Report) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done++
	l.end = max(l.end, row.End)
	if report == nil {
		l.bad++
		return
	}
	l.states[report.State]++
	for i, f := range report.Findings {
		if !slices.ContainsFunc(report.Findings[:i], func(other diagnosis.Finding) bool { return other.Code == f.Code }) {
			l.codes[f.Code]++
		}
	}
}

// badRow is what is printed of a line without a domain.
func (p *printer) badRow(row *survey.Row) rendered {
	text := fmt.Appendf(nil, "No domain in line %d of the list.\n", row.Line)
	if p.json {
		head := surveyrow.HeadOf(row, nil)
		text = head.Append(nil, nil)
	}
	return rendered{text: text, status: exitUsage}
}

// byState says how many domains there are of each state.
func (l *listing) byState() string {
	parts := []string{l.ofStates()}
	if l.bad > 0 {
		parts = append(parts, fmt.Sprintf("%d lines without a domain", l.bad))
	}
	return strings.Join(parts, ", ")
}

// ofStates leaves out the lines without a domain.
func (l *listing) ofStates() string {
	var parts []string
	for _, state := range []diagnosis.State{diagnosis.StateOK, diagnosis.StateWarning, diagnosis.StateBroken, diagnosis.StateNone, diagnosis.StateUnknown} {
		parts = append(parts, fmt.Sprintf("%d %s", l.states[state], state))
	}
	return strings.Join(parts, ", ")
}

// byCode says how many domains there are with each finding, the most frequent first.
func (l *listing) byCode() string {
	codes := slices.SortedFunc(maps.Keys(l.codes), func(a, b diagnosis.Code) int {
		return cmp.Or(cmp.Compare(l.codes[b], l.codes[a]), cmp.Compare(a, b))
	})
	var parts []string
	for _, code := range codes {
		parts = append(parts, fmt.Sprintf("%d %s", l.codes[code], code))
	}
	return strings.Join(parts, ", ")
}
