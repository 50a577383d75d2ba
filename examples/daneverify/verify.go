package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"github.com/danesmtp/danesmtp/dane"
)

// maxConcurrent bounds the domains that are verified at the same time.
const maxConcurrent = 32

// verifyAll verifies the domains concurrently and prints each result: transcripts
// in the order of the domains, JSON as it is ready. It returns the exit status; one
// that cannot print fails with exitUsage, since nobody has seen the results.
func verifyAll(ctx context.Context, v *dane.Verifier, o options, stdout, stderr io.Writer) int {
	p := printer{options: o, stdout: stdout, stderr: stderr}
	slots := make(chan struct{}, maxConcurrent)
	finished := make([]chan struct{}, len(o.domains))
	var wg sync.WaitGroup
	for i, domain := range o.domains {
		finished[i] = make(chan struct{})
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			defer close(finished[i])
			ctx, cancel := context.WithTimeout(ctx, o.timeout)
			defer cancel()
			result, err := v.Verify(ctx, domain)
			if !o.json && i > 0 {
				<-finished[i-1]
			}
			p.print(result, err)
		})
	}
	wg.Wait()
	if o.verbose && o.auto != nil {
		fmt.Fprintf(p.debug(), "DNS servers: %s\n", quoted(o.auto.Choice()))
	}
	return p.exit()
}

// A printer prints results, one at a time, and keeps the worst.
type printer struct {
	options
	stdout, stderr io.Writer

	mu      sync.Mutex
	seen    [exitNoDANE + 1]bool // exit statuses
	advised bool
	err     error // of stdout
}

func (p *printer) print(r *dane.Result, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.verbose {
		writeDebug(p.debug(), r)
	}
	if p.json {
		p.keep(json.NewEncoder(p.stdout).Encode(r))
	} else {
		p.keep(r.WriteTranscript(p.stdout))
	}
	p.seen[status(r, err)] = true
	if err != nil {
		complain(p.stderr, err)
	}
	if r.Unresolved && !p.advised {
		p.advised = true
		fmt.Fprint(p.stderr, advice)
	}
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

// complain prints an error on one line. Names in it may come from anywhere.
func complain(stderr io.Writer, err error) {
	fmt.Fprintf(stderr, "daneverify: %s\n", quoted(err.Error()))
}

const advice = `The DNS servers in use cannot be checked with DNSSEC, so nothing is said about
the domain; -check-resolver says what each one lacks. Name one that passes DNSSEC
records on with -resolver ADDR: most resolvers of providers and public ones do; stubs
of containers and home routers often do not. Or ask none of them, with -recursive.
`

// status is the exit status for one result.
func status(r *dane.Result, err error) int {
	switch {
	case err != nil:
		return exitUsage
	case r.Outcome == dane.Success:
		return exitSuccess
	case r.Outcome == dane.None:
		return exitNoDANE
	}
	return exitFailure
}

// exit returns the worst exit status of all.
func (p *printer) exit() int {
	if p.err != nil {
		complain(p.stderr, p.err)
		return exitUsage
	}
	for _, worst := range []int{exitUsage, exitFailure, exitNoDANE} {
		if p.seen[worst] {
			return worst
		}
	}
	return exitSuccess
}
