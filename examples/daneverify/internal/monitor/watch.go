package monitor

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// DefaultInterval is the time from one round of Watch to the next: certificates and signatures
// change by the day, and mail servers do not like to be asked for nothing all the time.
const DefaultInterval = 15 * time.Minute

// minPause is what there is between two rounds, however long one takes.
const minPause = time.Second

// A Watch checks domains again and again, and prints a line whenever something changes.
type Watch struct {
	Check       Check
	Domains     []string
	Interval    time.Duration // from round to round; 0 means DefaultInterval
	Timeout     time.Duration // for one domain; 0 is without limit
	Concurrency int           // domains at a time
	Trust       TrustCheck
	Out, Errors io.Writer
}

// Run goes on until ctx ends, whatever happens meanwhile. What could not be printed is printed
// after the next round.
func (w *Watch) Run(ctx context.Context) {
	printed := make([]string, len(w.Domains))
	states := make([]string, len(w.Domains))
	trust := ""
	for {
		began := time.Now()
		observeAll(ctx, w.Check, w.Domains, w.Concurrency, w.Timeout, func(i int, o Observation) {
			if ctx.Err() != nil || printed[i] == o.fingerprint() {
				return
			}
			if w.print("%s %s%s", o.Domain, o.summary(), before(states[i], o.State().String())) {
				printed[i], states[i] = o.fingerprint(), o.State().String()
			}
		})
		if ctx.Err() == nil {
			trust = w.printTrust(trust)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(minPause, cmp.Or(w.Interval, DefaultInterval)-time.Since(began))):
		}
	}
}

// printTrust prints how the trust anchors are if that has changed, and returns what is printed.
func (w *Watch) printTrust(printed string) string {
	now := strings.Join(w.Trust.now().Warnings, " ")
	line := "WARNING: " + now
	switch {
	case now == printed:
		return printed
	case now == "":
		line = "OK"
	}
	if !w.print("trust anchors %s", line) {
		return printed
	}
	return now
}

// print prints a line with the time, and returns whether that was possible.
func (w *Watch) print(format string, args ...any) bool {
	line := time.Now().UTC().Format(time.RFC3339) + " " + oneLine(fmt.Sprintf(format, args...)) + "\n"
	if _, err := io.WriteString(w.Out, line); err != nil {
		fmt.Fprintf(w.Errors, "daneverify: a line cannot be printed, and is tried again after the next round: %v\n", err)
		return false
	}
	return true
}

// before says what the state was, if it was another one.
func before(old, now string) string {
	if old == "" || old == now {
		return ""
	}
	return " (it was " + strings.ToUpper(old) + ")"
}

// fingerprint is equal for observations that a person would call the same: the state, and
// which findings of what gravity there are. Times and texts of servers do not count.
func (o *Observation) fingerprint() string {
	parts := []string{}
	for i := range o.Report.Findings {
		f := &o.Report.Findings[i]
		if f.Severity == diagnosis.Note && o.State() != diagnosis.StateNone {
			continue
		}
		part := fmt.Sprintf("%s %s %s", f.Severity, f.Code, f.Host)
		if !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	slices.Sort(parts)
	return o.State().String() + "\n" + strings.Join(parts, "\n")
}
