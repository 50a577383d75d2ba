package work

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
)

// A Progress is how far a survey is. It is safe for concurrent use.
type Progress struct {
	total int // lines that will have a row; 0 if it is not known

	mu      sync.Mutex
	started time.Time // by the clock that does not jump
	before  int       // rows that were there when it started
	now     int       // rows since then
	states  map[string]int
}

// notADomain is the gravest finding about a line without a domain. Such lines are done, and have no state
// that says anything.
const notADomain = string(diagnosis.CodeNotADomain)

// NewProgress begins with what there is, of so many lines; again as in a Work.
func NewProgress(total int, t store.Tally, again bool) *Progress {
	p := &Progress{total: total, started: time.Now(), before: t.Rows, states: make(map[string]int)}
	for state, n := range t.States {
		p.states[state] = n
	}
	p.states[diagnosis.StateUnknown.String()] -= t.Findings[notADomain]
	if again {
		for state, n := range t.Open {
			p.states[state] -= n
			p.before -= n
		}
	}
	return p
}

// Count counts a row with a state, and its gravest finding.
func (p *Progress) Count(state, finding string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now++
	if finding != notADomain {
		p.states[state]++
	}
}

// Done returns how many lines have a row, and of how many.
func (p *Progress) Done() (done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.before + p.now, p.total
}

// String says how much is done, how fast, when it will be over, and what came of it: what a narrow
// terminal has no room for comes last.
func (p *Progress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	done := p.before + p.now
	fmt.Fprintf(&b, "%d", done)
	if p.total > 0 {
		fmt.Fprintf(&b, " of %d done (%d %%)", p.total, min(100, 100*done/p.total))
	} else {
		b.WriteString(" done")
	}
	if p.now > 0 && p.elapsed() > 0 {
		fmt.Fprintf(&b, ", %.1f a second", float64(p.now)/p.elapsed().Seconds())
	}
	if left := p.left(); left > 0 {
		fmt.Fprintf(&b, ", ends in about %s", left)
	}
	return b.String() + ": " + p.byState(", ")
}

// Short is String for 80 columns: what matters most comes first.
func (p *Progress) Short() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	done := p.before + p.now
	text := fmt.Sprintf("%d done", done)
	if p.total > 0 {
		text = fmt.Sprintf("%d %% %d/%d", min(100, 100*done/p.total), done, p.total)
	}
	if left := p.left(); left > 0 {
		text += fmt.Sprintf(", %s left", left)
	}
	return text + ": " + p.byState(" ")
}

func (p *Progress) elapsed() time.Duration { return time.Since(p.started) }

// left is how long it will take; 0 if that is not known, or nothing is left.
func (p *Progress) left() time.Duration {
	left := p.total - p.before - p.now
	if p.now == 0 || left <= 0 {
		return 0
	}
	return (p.elapsed() / time.Duration(p.now) * time.Duration(left)).Round(time.Second)
}

func (p *Progress) byState(between string) string {
	var parts []string
	for _, state := range []diagnosis.State{diagnosis.StateOK, diagnosis.StateWarning, diagnosis.StateBroken, diagnosis.StateNone, diagnosis.StateUnknown} {
		parts = append(parts, fmt.Sprintf("%d %s", p.states[state.String()], state))
	}
	return strings.Join(parts, between)
}
