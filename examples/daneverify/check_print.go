package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec/compare"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/monitor"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// forOperator is for who runs a domain: its state, what is wrong, who must act, and
// how.
type forOperator struct{ *printer }

func (v *forOperator) told() bool { return true }

// also asks what shows only by further questions.
func (v *forOperator) also(ctx context.Context, r *dane.Result) further {
	limited, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	servers := v.comparison.ask(limited, v.verifier, r)
	return further{misplaced(limited, v.verifier.Resolver, r), servers}
}

func (v *forOperator) render(row *survey.Row, also further) rendered {
	within := v.within
	if within == 0 {
		within = -1 // nothing
	}
	found := append(also.findings, v.trust.findings(time.Now(), within)...)
	report := v.diagnose(row.Result, diagnosis.Options{Within: within, Also: found, Servers: also.servers, Direct: v.recursive})
	report = monitor.Ignore(report, v.ignored)
	if v.json {
		line, err := v.jsonLine(row, &report, comparedReport{report, also.servers})
		return rendered{line, stateExit(report.State, v.strict), err, report}
	}
	var text bytes.Buffer
	v.text(&text, row.Result, &report, also.servers)
	return rendered{text.Bytes(), stateExit(report.State, v.strict), nil, report}
}

func (v *forOperator) summary() string { return v.list.ofStates() }

// text writes the state, the findings, and what became of each address.
func (v *forOperator) text(b *bytes.Buffer, r *dane.Result, report *diagnosis.Report, servers *compare.Report) {
	s := v.screen
	if v.input != "" || len(v.domains) > 1 {
		defer b.WriteByte('\n') // between this domain and the next one
	}
	word := strings.ToUpper(report.State.String())
	name := printable.Line(r.Name)
	b.WriteString(painted(s, word, stateColour(report.State), s.Wrap("", "  ", word+" "+name+": "+report.State.About())))
	b.WriteString(s.Wrap("", "  ", "Mail from here "+printable.Line(delivery(r))))
	for i := range report.Findings {
		b.WriteByte('\n')
		v.finding(b, &report.Findings[i])
	}
	v.servers(b, r)
	v.nameServers(b, servers)
	if v.verbose {
		b.WriteByte('\n')
		writeDebug(b, r)
	}
}

// finding writes what is wrong, who must act, and how. Records are not broken into lines: they
// are to be copied.
func (v *forOperator) finding(b *bytes.Buffer, f *diagnosis.Finding) {
	s := v.screen
	word := strings.ToUpper(f.Severity.String())
	head := word + " " + string(f.Code)
	if f.Host != "" {
		head += ", " + f.Host
	}
	for i, addr := range f.Addresses {
		head += map[bool]string{true: " at ", false: ", "}[i == 0] + addr.String()
	}
	b.WriteString(painted(s, word, severityColour(f.Severity), s.Wrap("", "  ", head)))
	b.WriteString(s.Wrap("  ", "  ", f.Text))
	b.WriteString(s.Wrap("  ", "  ", "Fix ("+f.Actor.String()+"): "+f.Fix))
	for _, list := range []struct {
		title string
		lines []string
	}{{"Publish:", f.Publish}, {"Remove:", f.Remove}} {
		if len(list.lines) > 0 {
			fmt.Fprintf(b, "  %s\n    %s\n", list.title, strings.Join(list.lines, "\n    "))
		}
	}
	for i, line := range f.Evidence {
		lead := "        "
		if i == 0 {
			lead = "  Seen: "
		}
		b.WriteString(s.Wrap(lead, "          ", line))
	}
	if v.verbose {
		fmt.Fprintf(b, "  See: %s\n", f.Link)
	}
}

// tried reports whether a connection was made to any address.
func tried(r *dane.Result) bool {
	return slices.ContainsFunc(r.Hosts, func(h dane.HostResult) bool { return len(h.Attempts) > 0 })
}

// delivery says what a sender does.
func delivery(r *dane.Result) string {
	switch {
	case r.Unresolved || r.Local:
		return "may or may not be delivered: that could not be found out."
	case r.Outcome == dane.OutcomeSuccess:
		return "is delivered, authenticated by DANE."
	case r.Outcome == dane.OutcomeNone && !tried(r):
		return "is delivered without DANE, if a server takes it: none was tried."
	case r.Outcome == dane.OutcomeNone:
		return "is delivered, without DANE."
	case r.Permanent():
		return "bounces."
	}
	return "is not delivered now: senders keep it, and try again."
}

// servers writes what became of each address.
func (v *forOperator) servers(b *bytes.Buffer, r *dane.Result) {
	if len(r.Hosts) == 0 || r.Domain == nil {
		return
	}
	b.WriteString("\nServers:\n")
	for i := range r.Hosts {
		h := &r.Hosts[i]
		preference := ""
		if i < len(r.Domain.MX) {
			preference = fmt.Sprintf("%d ", r.Domain.MX[i].Preference)
		}
		b.WriteString(v.screen.Wrap("  ", "    ", printable.Line(preference+h.Name)))
		for _, a := range h.Addresses {
			b.WriteString(v.screen.Wrap("    ", "      ", a.Addr.String()+" "+printable.Line(became(h, &a))))
		}
	}
}

// became says what was found at an address.
func became(h *dane.HostResult, addr *dane.Address) string {
	for i := range h.Attempts {
		a := &h.Attempts[i]
		switch {
		case a.Addr.Addr() != addr.Addr:
		case a.Authenticated:
			return fmt.Sprintf("authenticated by %.24s...", a.Match.Record)
		case a.Err != nil:
			return "failed: " + strings.TrimPrefix(h.Classify(a.Err).Text, "smtpprobe: "+a.Addr.String()+": ")
		default:
			return "encrypted, not authenticated"
		}
	}
	switch {
	case addr.Refused:
		return "not connected to: no sender does"
	case slices.ContainsFunc(h.Lookups, func(l dane.Lookup) bool { return l.Err != nil }):
		return "not connected to: a lookup failed"
	case h.Err != nil:
		return "not connected to: " + h.Classify(h.Err).Text
	case h.Action == dane.MustAuthenticate || h.Action == dane.MustEncrypt:
		return "left out"
	}
	return "not connected to: no DANE"
}

func painted(s cli.Screen, word string, c cli.Colour, text string) string {
	return s.Paint(c, word) + strings.TrimPrefix(text, word)
}

func stateColour(state diagnosis.State) cli.Colour {
	switch state {
	case diagnosis.StateOK:
		return cli.Green
	case diagnosis.StateBroken:
		return cli.Red
	case diagnosis.StateNone:
		return cli.Bold
	}
	return cli.Yellow
}

func severityColour(severity diagnosis.Severity) cli.Colour {
	switch severity {
	case diagnosis.Broken:
		return cli.Red
	case diagnosis.Note:
		return cli.Blue
	}
	return cli.Yellow
}
