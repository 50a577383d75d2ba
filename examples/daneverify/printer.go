package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec/compare"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/examples/internal/machine"
	"github.com/danesmtp/danesmtp/smtpprobe"
)

// A printer prints results, one at a time, and counts them.
type printer struct {
	options
	stdout, stderr io.Writer
	started        time.Time
	audience       audience
	verifier       *dane.Verifier
	list           *listing // nil without -input
	unwatch        func()   // ends the progress, if there is one
	spare          spareLines

	seen       [exitNoDANE + 1]int // results by exit status
	done       int                 // entries that are printed
	wrong      int                 // those that are no domain names
	unfinished int                 // domains begun when it was interrupted
	unbegun    bool                // the list could not be read, so that there is nothing to summarize
	lacking    int                 // results without a verdict, for a lack of this machine
	advised    bool
	named      bool  // what was said in EHLO for want of a name
	err        error // of stdout
}

func newPrinter(o options, v *dane.Verifier, stdout, stderr io.Writer) *printer {
	p := &printer{options: o, verifier: v, stdout: stdout, stderr: stderr, started: time.Now(), unwatch: func() {}, spare: make(spareLines, maxSpareLines)}
	p.audience = &forSender{p}
	if o.checking {
		p.audience = &forOperator{printer: p}
	}
	return p
}

// An audience is for whom results are printed.
type audience interface {
	// also finds out about a domain what a Result does not have.
	also(ctx context.Context, r *dane.Result) further
	// render returns what is printed of a row with a result.
	render(row *survey.Row, also further) rendered
	// told reports whether what is printed says what the error says.
	told() bool
	// summary says in a line what became of a list of domains.
	summary() string
}

// A further is what was asked besides.
type further struct {
	findings []diagnosis.Finding
	servers  *compare.Report // nil without -compare
}

// A rendered is what is printed of a domain.
type rendered struct {
	text   []byte
	status int   // of the exit
	broken error // there is no text
	report diagnosis.Report
}

// forSender is for who sends mail: the verdict, and below it what is wrong.
type forSender struct{ *printer }

func (p *forSender) told() bool { return false }

func (p *forSender) also(context.Context, *dane.Result) further { return further{} }

func (p *forSender) render(row *survey.Row, _ further) rendered {
	r := row.Result
	report := p.diagnose(r, diagnosis.Options{Direct: p.recursive})
	if p.json {
		line, err := p.jsonLine(row, &report, report)
		return rendered{line, status(r, row.Err), err, report}
	}
	var text, transcript bytes.Buffer
	write := r.WriteTranscript
	if p.verbose {
		writeDebug(&text, r)
		write = r.WriteLongTranscript
	}
	err := write(&transcript)
	text.Write(consoled(transcript.Bytes(), report))
	if err == nil && !p.dnsOnly {
		err = p.writeFindings(&text, report)
	}
	return rendered{text.Bytes(), status(r, row.Err), err, report}
}

// watch begins to say how far the list is, until unwatch is called. What else is printed
// goes around the line on a terminal.
func (p *printer) watch(size int64) {
	progress := &progress{list: p.list, size: size, started: p.started, screen: cli.ScreenOf(p.stderr, os.Getenv), out: p.stderr}
	p.stdout, p.stderr = progress.through(p.stdout), progress.through(p.stderr)
	p.unwatch = sync.OnceFunc(progress.watch(machine.ProgressSignals()...))
}

// print prints a row, and what it is to tell besides. The error is that of standard output.
func (p *printer) print(row survey.Row) error {
	r, err, text := row.Result, row.Err, row.Extra.(rendered)
	p.done++
	if p.list != nil {
		p.list.count(&row, &text.report)
	}
	if p.verbose && p.json {
		writeDebug(p.stderr, r)
	}
	p.keep(text.broken)
	_, broken := p.stdout.Write(text.text)
	p.keep(broken)
	if p.json {
		p.spare.put(text.text)
	}
	p.seen[text.status]++
	if r.Local {
		p.lacking++
	}
	misnamed := errors.Is(err, dane.ErrName)
	if misnamed {
		p.wrong++
	}
	if misnamed && p.list != nil {
		complain(p.stderr, fmt.Errorf("-input: line %d: %w", row.Line, err))
	} else if err != nil && !p.audience.told() {
		complain(p.stderr, err)
	}
	if misnamed && p.list == nil {
		if meant := domainIn(r.Name); meant != "" {
			fmt.Fprintf(p.stderr, "daneverify: did you mean %s?\n", meant)
		}
	}
	if address := addressInHello(r); address != "" && (p.verbose || turnedAway(r)) && p.hello == "" && !p.named {
		p.named = true
		fmt.Fprintf(p.stderr, "daneverify: this machine's name has no dot, so EHLO gives its address, %s; -helo sets a name\n", address)
	}
	// What this machine lacks itself, such as a route, no other DNS server would mend: the finding says that.
	if r.Unresolved && !r.Failure().Local && !p.advised && !p.audience.told() {
		p.advised = true
		fmt.Fprint(p.stderr, p.screen.Wrap("", "", p.advice(r)))
	}
	p.pages.add(r, text.report)
	return p.err
}

// bad prints the row of a line without a domain.
func (p *printer) bad(row survey.Row) error {
	p.done++
	p.list.count(&row, nil)
	_, err := p.stdout.Write(row.Extra.(rendered).text)
	p.keep(err)
	p.unreadable(row.Entry.Err)
	return p.err
}

// unreadable tells of a line without a domain, or of a read that has failed.
func (p *printer) unreadable(err error) {
	complain(p.stderr, err)
	p.seen[exitUsage]++
	p.wrong++
}

// debug is where -v writes: not among JSON.
func (p *printer) debug() io.Writer {
	if p.json {
		return p.stderr
	}
	return p.stdout
}

func (p *printer) keep(err error) {
	if p.err == nil {
		p.err = err
	}
}

// summarize says what was done, for each entry where it went.
func (p *printer) summarize() {
	done := 0
	for _, n := range p.seen {
		done += n
	}
	elapsed := time.Since(p.started)
	fmt.Fprintf(p.stderr, "daneverify: %d domains in %s, %.1f a second: %s\n",
		done, elapsed.Round(time.Millisecond), float64(done)/elapsed.Seconds(), p.audience.summary())
	fmt.Fprintf(p.stderr, "daneverify: states: %s\n", p.list.byState())
	if codes := p.list.byCode(); codes != "" {
		fmt.Fprintf(p.stderr, "daneverify: findings: %s\n", codes)
	}
	if p.lacking > 0 {
		fmt.Fprintf(p.stderr, "daneverify: of %d domains nothing is known, for a lack of this machine: no file descriptor, no route to an address, or no buffer\n", p.lacking)
	}
}

func (p *forSender) summary() string {
	return fmt.Sprintf("%d with DANE, %d without, %d failures, %d without a DNS server, %d no domain names",
		p.seen[exitSuccess], p.seen[exitNoDANE], p.seen[exitFailure], p.seen[exitUsage]-p.wrong-p.lacking, p.wrong)
}

// advice is for who has no DNS server that is of use.
func (p *printer) advice(r *dane.Result) string {
	if p.recursive {
		return adviceRecursive
	}
	if _, incapable := errors.AsType[*upstream.CapabilityError](r.Err); incapable {
		return adviceIncapable
	}
	return adviceSilent
}

const adviceIncapable = `The DNS servers in use cannot be checked with DNSSEC, so nothing is said about
the domain; -check-resolver says what each one lacks. Name one that passes DNSSEC
records on with -resolver ADDR: most resolvers of providers and public ones do; stubs
of containers and home routers often do not. Or ask none of them, with -recursive.
`

const adviceSilent = `None of the DNS servers in use answers, so nothing is said about the domain;
-check-resolver asks each one. One may be down, a firewall may stand in between, or this
machine's network may be away. -resolver ADDR asks another one, and -recursive none of them.
`

const adviceRecursive = `No usable answer came from the root servers and those below, so nothing is said about the
domain. Many networks keep questions to other DNS servers than their own in, or answer in
their place. Without -recursive those of this machine are asked; -resolver ADDR names others,
as tls://192.0.2.1#NAME, which nobody on the path can read or change.
`

// exit returns the worst exit status of all.
func (p *printer) exit(ctx context.Context) int {
	if p.err != nil {
		complain(p.stderr, p.err)
		return exitUsage
	}
	if ctx.Err() != nil {
		fmt.Fprintf(p.stderr, "daneverify: interrupted; %d domains were begun and are not printed\n", p.unfinished)
		return exitUsage
	}
	for _, worst := range []int{exitUsage, exitFailure, exitNoDANE} {
		if p.seen[worst] > 0 {
			return worst
		}
	}
	return exitSuccess
}

// turnedAway reports whether a mail server refused this client before TLS, for which a name
// without a dot may be the reason.
func turnedAway(r *dane.Result) bool {
	for _, h := range r.Hosts {
		for _, a := range h.Attempts {
			if e, ok := errors.AsType[*smtpprobe.Error](a.Err); ok && e.Reply != nil && e.Stage < smtpprobe.StageStartTLS {
				return true
			}
		}
	}
	return false
}

// addressInHello returns what was said in EHLO for want of a name: an address in
// brackets (RFC 5321 §4.1.4). It is empty if nothing was said, or a name.
func addressInHello(r *dane.Result) string {
	for _, h := range r.Hosts {
		for _, a := range h.Attempts {
			if a.Session == nil {
				continue
			}
			for _, step := range a.Session.Steps {
				if name, said := strings.CutPrefix(step.Command, "EHLO ["); said && step.Stage == smtpprobe.StageHello {
					return "[" + name
				}
			}
		}
	}
	return ""
}
