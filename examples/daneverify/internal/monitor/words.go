package monitor

import (
	"fmt"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// summary says in one line how a domain is, without its name.
func (o *Observation) summary() string {
	state := strings.ToUpper(o.State().String())
	worst, more := o.worst()
	switch {
	case worst != nil:
		return printable.Line(state + ": " + where(worst) + strings.TrimSuffix(worst.Text, ".") + others(more))
	case o.State() == diagnosis.StateNone:
		return state + ": there is no DANE, and nothing is broken"
	case o.State() == diagnosis.StateOK && o.Result != nil:
		c := countsOf(o.Result)
		return fmt.Sprintf("%s: %d of %d %s authenticated by DANE, at %d %s", state, c.hosts-c.skipped, c.hosts,
			plural(c.hosts, "host is", "hosts are"), c.authenticated, plural(c.authenticated, "address", "addresses"))
	}
	return state
}

// worst returns the finding for which the state is what it is, and how many there are besides
// that call for somebody to act. In a domain without DANE it is what DANE lacks.
func (o *Observation) worst() (worst *diagnosis.Finding, more int) {
	for i := range o.Report.Findings {
		f := &o.Report.Findings[i]
		if f.Severity == diagnosis.Note && (o.State() != diagnosis.StateNone || worst != nil) {
			continue
		}
		if worst == nil {
			worst = f
		} else {
			more++
		}
	}
	return worst, more
}

// where is the code of a finding, and what it is about.
func where(f *diagnosis.Finding) string {
	text := string(f.Code)
	for i, addr := range f.Addresses {
		if i == 0 {
			text += " at "
		} else {
			text += ", "
		}
		text += addr.String()
	}
	return text + ": "
}

func others(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more %s)", n, plural(n, "finding", "findings"))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// shownDuration is one in ASCII, which that of package time is not.
func shownDuration(d time.Duration) string {
	return fmt.Sprintf("%.4g s", d.Round(10*time.Millisecond).Seconds())
}
