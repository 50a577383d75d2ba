package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/internal/surveyrow"
)

// A listing is what is known of a list, besides what is printed of each domain.
type listing struct {
	survey *survey.Survey // nil where there is no list

	mu      sync.Mutex
	pending map[*dane.Result]*listed // of what is not printed yet
	states  map[diagnosis.State]int
	codes   map[diagnosis.Code]int // domains with such a finding
	bad     int                    // lines without a domain
	done    int
	end     int64 // octets of the list that are done with
}

// A listed is what a row has in addition.
type listed struct {
	state diagnosis.State
	codes []diagnosis.Code // the gravest first
	seen  time.Time        // when the oldest of what was not asked again was seen
	busy  bool             // an address has long been busy, and was left alone
}

// newListing surveys a list, with the limits of package survey on connections.
func (o *options) newListing(checker *dane.Checker) *listing {
	if o.survey == nil {
		o.survey = new(survey.Survey)
	}
	o.survey.Checker, o.survey.Planned, o.survey.Timeout = checker, o.dnsOnly, o.timeout
	return &listing{
		survey:  o.survey,
		pending: make(map[*dane.Result]*listed),
		states:  make(map[diagnosis.State]int), codes: make(map[diagnosis.Code]int),
	}
}

// verify is a check of a domain, by what servers have shown before, or when their turn comes.
func (l *listing) verify(ctx context.Context, domain string) (*dane.Result, error) {
	row := l.survey.Verify(ctx, domain)
	at := l.about(row.Result)
	at.seen, at.busy = row.Seen, row.Busy
	return row.Result, row.Err
}

func (l *listing) about(r *dane.Result) *listed {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending[r] == nil {
		l.pending[r] = new(listed)
	}
	return l.pending[r]
}

// judged keeps what is said of a result, which is printed later, in its turn.
func (l *listing) judged(r *dane.Result, report diagnosis.Report) {
	if l == nil {
		return
	}
	at := l.about(r)
	at.state = report.State
	for _, f := range report.Findings {
		if !slices.Contains(at.codes, f.Code) {
			at.codes = append(at.codes, f.Code)
		}
	}
}

// forget leaves out what an interrupt has cut short.
func (l *listing) forget(r *dane.Result) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pending, r)
}

// printed counts a result, and returns what the row has in addition.
func (l *listing) printed(e entry, r *dane.Result) *listed {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := cmp.Or(l.pending[r], new(listed))
	delete(l.pending, r)
	l.count(e)
	l.states[at.state]++
	for _, code := range at.codes {
		l.codes[code]++
	}
	return at
}

// failed counts a line without a domain.
func (l *listing) failed(e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count(e)
	l.bad++
}

func (l *listing) count(e entry) {
	l.done++
	l.end = max(l.end, e.end)
}

// head is what the row of a domain has before its object.
func (l *listed) head(e entry) *surveyrow.Head {
	head := &surveyrow.Head{Line: e.line, Input: e.input, State: l.state, Seen: l.seen, Busy: l.busy}
	if len(l.codes) > 0 {
		head.Finding = l.codes[0]
	}
	return head
}

// badRow is that of a line without a domain.
func badRow(e entry) []byte {
	row := &survey.Row{Entry: survey.Entry{Line: e.line, Input: e.input, Err: e.err}}
	head := surveyrow.HeadOf(row, nil)
	return head.Append(nil, nil)
}

// byState says how many domains there are of each state.
func (l *listing) byState() string {
	var parts []string
	for _, state := range []diagnosis.State{diagnosis.StateOK, diagnosis.StateWarning, diagnosis.StateBroken, diagnosis.StateNone, diagnosis.StateUnknown} {
		parts = append(parts, fmt.Sprintf("%d %s", l.states[state], state))
	}
	if l.bad > 0 {
		parts = append(parts, fmt.Sprintf("%d lines without a domain", l.bad))
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
