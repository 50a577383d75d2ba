package main

import (
	"context"
	"io"
	"iter"
	"sync"

	"github.com/danesmtp/danesmtp/dane"
)

// A check finds out about one domain.
type check func(ctx context.Context, domain string) (*dane.Result, error)

// verifyAll verifies the domains concurrently and prints each result: text in the
// order of the domains, JSON as it is ready. However many domains there are, it
// keeps no more of them than run at the same time: one whose turn to be printed has
// not come occupies its place. It returns the exit status; one that cannot print
// fails with exitUsage, since nobody has seen the results.
func verifyAll(ctx context.Context, v *dane.Verifier, o options, stdout, stderr io.Writer) int {
	if o.input != "" || len(o.domains) > 1 {
		o.fitConcurrency(stderr)
	}
	// Whoever reads no more ends the reader, too.
	reading, stop := context.WithCancel(ctx)
	defer stop()
	entries, size, err := o.entries(reading)
	if err != nil {
		complain(stderr, err)
		return exitUsage
	}
	// A transcript ends with the first host that is good; the findings are of all.
	checker := &dane.Checker{Verifier: v, AllCertificates: o.checking}
	verify := check(checker.Verify)
	if o.dnsOnly {
		verify = checker.Plan
	}
	p := newPrinter(o, stdout, stderr)
	p.resolver = v.Resolver
	if o.input != "" {
		p.list = o.newListing(checker)
		verify = p.list.verify
		p.watch(size)
		defer p.unwatch()
	}
	if o.comparison != nil {
		verify = o.comparison.after(verify, v)
	}
	places := make(chan struct{}, o.concurrency)
	before := make(chan struct{}) // closed once the domain before is printed
	close(before)
	var running sync.WaitGroup
	for e := range p.until(ctx, entries, places) {
		previous, printed := before, make(chan struct{})
		before = printed
		running.Go(func() {
			defer func() { <-places }()
			defer close(printed)
			if !o.json {
				defer func() { <-previous }() // what is not printed keeps the order, too
			}
			p.verify(ctx, verify, e, previous)
		})
	}
	running.Wait()
	p.unwatch()
	if o.verbose && o.auto != nil {
		say(p.debug(), "DNS servers: %s", o.auto.Choice())
	}
	if o.input != "" {
		p.summarize()
	}
	return p.exit(ctx)
}

// until yields entries, each once there is a place for it, until there are no more,
// ctx is done, or nothing can be printed any longer.
func (p *printer) until(ctx context.Context, entries <-chan entry, places chan struct{}) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		for ctx.Err() == nil && !p.broken() {
			select {
			case <-ctx.Done():
				return
			case places <- struct{}{}:
			}
			select {
			case <-ctx.Done():
				return
			case e, more := <-entries:
				if !more || !yield(e) {
					return
				}
			}
		}
	}
}

// verify finds out about one entry and prints it, after the one before if the order
// matters. What an interrupt has cut short is counted, and not printed: it says
// nothing about the domain.
func (p *printer) verify(ctx context.Context, verify check, e entry, previous <-chan struct{}) {
	if e.err != nil {
		if !p.json {
			<-previous
		}
		p.bad(e)
		return
	}
	checking, cancel := p.limit(ctx)
	defer cancel()
	result, err := verify(checking, e.domain)
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	also := p.audience.also(limited, result)
	if ctx.Err() != nil {
		p.list.forget(result)
		p.cut()
		return
	}
	text, status, broken := p.audience.render(result, also, err)
	if !p.json {
		<-previous
	}
	p.print(e, result, text, status, err, broken)
}

// limit bounds the time for a domain. In a list that is for package survey to do: a domain
// may wait for its turn.
func (p *printer) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if p.list != nil {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, p.timeout)
}
