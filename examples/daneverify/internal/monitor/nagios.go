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
	"github.com/danesmtp/danesmtp/internal/printable"
)

// A Status is what a plugin of Nagios ends with.
type Status int

// The statuses of the monitoring plugins' guidelines.
const (
	OK Status = iota
	Warning
	Critical
	Unknown
)

var statuses = [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}

// String returns the word of the guidelines.
func (s Status) String() string { return statuses[s] }

// rank orders statuses as diagnosis orders findings: what is broken hides behind nothing, and
// what is not known is worse than what will break.
func (s Status) rank() int { return [...]int{OK: 0, Warning: 1, Unknown: 2, Critical: 3}[s] }

func worse(a, b Status) Status {
	if b.rank() > a.rank() {
		return b
	}
	return a
}

// statusOf returns what the state of a domain means. require makes DANE a must.
func statusOf(state diagnosis.State, require bool) Status {
	switch {
	case state == diagnosis.StateOK, state == diagnosis.StateNone && !require:
		return OK
	case state == diagnosis.StateWarning:
		return Warning
	case state == diagnosis.StateBroken, state == diagnosis.StateNone:
		return Critical
	}
	return Unknown
}

// DefaultTimeout is what a Nagios has for all: Nagios and Icinga kill a plugin after 60 seconds,
// and then nobody learns what it has found.
const DefaultTimeout = 50 * time.Second

// maxOutput is what monitors take: NRPE cuts off beyond it, and Nagios at twice as much.
const maxOutput = 4 << 10

// A Nagios is a plugin for Nagios, Icinga and the like.
type Nagios struct {
	Check       Check
	Domains     []string
	Require     bool          // no DANE is critical
	Within      time.Duration // as in diagnosis.Options, for the thresholds of what is measured
	Timeout     time.Duration // for all; 0 means DefaultTimeout
	Concurrency int           // domains at a time
	Trust       TrustCheck
}

// Run checks the domains, prints one line, and returns the status. It does so within Timeout.
func (n *Nagios) Run(ctx context.Context, w io.Writer) Status {
	started := time.Now()
	timeout := cmp.Or(n.Timeout, DefaultTimeout)
	// What is left is for checks that do not heed their context, and for printing.
	ctx, cancel := context.WithTimeout(ctx, timeout-min(2*grace, timeout/4))
	defer cancel()
	observations := make([]Observation, len(n.Domains))
	observeAll(ctx, n.Check, n.Domains, n.Concurrency, 0, func(i int, o Observation) { observations[i] = o })
	trusted := make(chan Trust, 1)
	go func() { trusted <- n.Trust.now() }() // after the lookups, which follow rollovers
	var trust Trust
	select {
	case trust = <-trusted:
	case <-time.After(grace / 2): // a file system that hangs
		trust.warn("It could not be found out in time how the trust anchors are.")
	}
	status, text := n.text(observations, trust)
	line := nagiosLine(status, text, n.perfdata(observations, time.Since(started), timeout))
	if _, err := io.WriteString(w, line); err != nil {
		return Unknown // nobody has seen it
	}
	return status
}

// NagiosUnknown prints the line of a plugin that could not begin, and returns its status.
func NagiosUnknown(w io.Writer, why string) Status {
	io.WriteString(w, nagiosLine(Unknown, why, nil))
	return Unknown
}

// text says how the domains are, the worst first.
func (n *Nagios) text(observations []Observation, trust Trust) (Status, string) {
	type part struct {
		status Status
		text   string
	}
	var parts []part
	for i := range observations {
		o := &observations[i]
		parts = append(parts, part{statusOf(o.State(), n.Require), o.Domain + " " + n.required(o) + o.summary()})
	}
	for _, warning := range trust.Warnings {
		parts = append(parts, part{Warning, strings.TrimSuffix(warning, ".")})
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.status.rank(), a.status.rank()) })
	status := OK
	var bad, all []string
	for _, p := range parts {
		status = worse(status, p.status)
		all = append(all, p.text)
		if p.status != OK {
			bad = append(bad, p.text)
		}
	}
	if len(observations) == 1 {
		return status, strings.Join(all, "; ")
	}
	if len(bad) == 0 {
		return status, countStates(observations)
	}
	return status, countStates(observations) + ": " + strings.Join(bad, "; ")
}

func (n *Nagios) required(o *Observation) string {
	if n.Require && o.State() == diagnosis.StateNone {
		return "(DANE is required) "
	}
	return ""
}

// countStates says how many domains are how, the worst first.
func countStates(observations []Observation) string {
	var parts []string
	for _, state := range []diagnosis.State{diagnosis.StateBroken, diagnosis.StateUnknown, diagnosis.StateWarning, diagnosis.StateNone, diagnosis.StateOK} {
		if count := inState(observations, state); count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count, strings.ToUpper(state.String())))
		}
	}
	return fmt.Sprintf("%d domains, %s", len(observations), strings.Join(parts, ", "))
}

func inState(observations []Observation, state diagnosis.State) (count int) {
	for i := range observations {
		if observations[i].State() == state {
			count++
		}
	}
	return count
}

// nagiosLine puts a line together. Names and texts in it come from anywhere: they begin no
// other line, and no perfdata. What is too long is cut: first the text, by whole items the rest.
func nagiosLine(status Status, text string, perfdata []perf) string {
	head := "DANE " + status.String() + " - "
	text = strings.ReplaceAll(oneLine(text), "|", "/")
	const ellipsis, half = "...", maxOutput / 2
	if len(text) > half {
		text = strings.TrimRight(text[:half-len(ellipsis)], " ") + ellipsis
	}
	line := head + text
	separator := " |"
	for _, p := range perfdata {
		item := " " + p.String()
		if len(line)+len(separator)+len(item)+1 > maxOutput {
			break
		}
		line += separator + item
		separator = ""
	}
	return line + "\n"
}

// oneLine is printable.Line for texts that may be longer.
func oneLine(text string) string {
	var b strings.Builder
	for len(text) > 0 && b.Len() < maxOutput {
		// No part is cut within a character, which printable would show as its octets.
		part := firstRunes(text, printable.Max/len(`\U0010ffff`))
		b.WriteString(printable.Line(part))
		text = text[len(part):]
	}
	return b.String()
}

func firstRunes(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}
