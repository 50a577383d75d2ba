package monitor

import (
	"cmp"
	"fmt"
	"slices"
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

// worst returns the finding for which the state is what it is, and the codes of those besides
// that call for somebody to act. In a domain without DANE it is what DANE lacks. What only the
// next change of a key will break is less urgent than what ends soon.
func (o *Observation) worst() (worst *diagnosis.Finding, more []diagnosis.Code) {
	var all []*diagnosis.Finding
	for i := range o.Report.Findings {
		f := &o.Report.Findings[i]
		if f.Severity != diagnosis.Note || o.State() == diagnosis.StateNone && len(all) == 0 {
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(all, func(a, b *diagnosis.Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(patience(a), patience(b)))
	})
	for _, f := range all[1:] {
		if f.Code != all[0].Code && !slices.Contains(more, f.Code) {
			more = append(more, f.Code)
		}
	}
	return all[0], more
}

// patience is 1 for what can wait.
func patience(f *diagnosis.Finding) int {
	if f.Code == diagnosis.CodeNoNextKey {
		return 1
	}
	return 0
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

func others(codes []diagnosis.Code) string {
	if len(codes) == 0 {
		return ""
	}
	const most = 5
	text := ""
	for _, code := range codes[:min(len(codes), most)] {
		text += ", " + string(code)
	}
	if left := len(codes) - most; left > 0 {
		text += fmt.Sprintf(" and %d more", left)
	}
	return " (also" + strings.TrimPrefix(text, ",") + ")"
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
