package main

import (
	"context"
	"io"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/internal/machine"
)

// descriptorsKept is what this process has open for all domains: standard streams, files, and connections
// to DNS servers.
const descriptorsKept = 32

// verifyAll verifies the domains concurrently and prints each result: text in the
// order of the domains, JSON as it is ready. However many domains there are, it
// keeps no more of them than package survey holds at a time. It returns the exit status; one
// that cannot print fails with exitUsage, since nobody has seen the results.
func verifyAll(ctx context.Context, v *dane.Verifier, o options, stdout, stderr io.Writer) int {
	if o.input != "" || len(o.domains) > 1 {
		o.concurrency = machine.Fit("daneverify", o.concurrency, descriptorsKept, stderr)
	}
	// Whoever reads no more ends the reader, too.
	reading, stop := context.WithCancel(ctx)
	defer stop()
	entries, size, err := o.entries(reading)
	if err != nil {
		complain(stderr, err)
		return exitUsage
	}
	p := newPrinter(o, v, stdout, stderr)
	if o.input != "" {
		p.list = newListing()
		p.watch(size)
		defer p.unwatch()
	}
	p.through(ctx, entries)
	p.unwatch()
	if o.verbose && o.auto != nil {
		say(p.debug(), "DNS servers: %s", o.auto.Choice())
	}
	if o.input != "" && !p.unbegun {
		p.summarize()
	}
	return p.exit(ctx)
}

// through goes through the domains, and prints their rows.
func (p *printer) through(ctx context.Context, entries *entries) {
	err := p.newSurvey().Run(ctx, entries, p)
	if err != nil && ctx.Err() == nil && p.err == nil {
		p.unbegun = p.done == 0
		p.unreadable(err)
	}
	p.unfinished = entries.begun - p.done
}

// newSurvey returns what goes through domains as the flags say. Who names a domain wants to see what it
// is like now, and few connections are a burden to nobody.
func (p *printer) newSurvey() *survey.Survey {
	s := p.survey
	if s == nil {
		s = new(survey.Survey)
	}
	if p.list != nil {
		p.considerate.Set(s)
	} else {
		s.Limits, s.Share = unlimited(), -1
	}
	// A transcript ends with the first host that is good; the findings are of all.
	s.Checker = &dane.Checker{Verifier: p.verifier, AllCertificates: p.checking}
	s.Planned, s.Parallel, s.Timeout = p.dnsOnly, p.concurrency, p.timeout
	s.InOrder, s.Finish = !p.json, p.finish
	return s
}

func unlimited() survey.Limits {
	no := survey.Limit{Connections: -1, PerSecond: -1}
	return survey.Limits{Address: no, Network: no, Provider: no, DNS: no, Pause: -1}
}

// finish asks what is to be asked besides, and writes what will be printed.
func (p *printer) finish(ctx context.Context, row *survey.Row) {
	if row.Entry.Err != nil {
		row.Extra = p.badRow(row)
		return
	}
	row.Extra = p.audience.render(row, p.audience.also(ctx, row.Result))
}

// Put prints a row. It is a [survey.Sink].
func (p *printer) Put(_ context.Context, row survey.Row) error {
	if row.Entry.Err != nil {
		return p.bad(row)
	}
	return p.print(row)
}
