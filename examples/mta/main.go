// Command mta sends mail by DANE (RFC 7672). It is the sender to start from: small enough
// to be read, and right about hosts, TLS, retries and bounces.
//
//	mta [flags] -from ADDRESS RECIPIENT... < message             deliver a message now
//	mta [flags] -queue DIR -from ADDRESS RECIPIENT... < message  put it into a queue
//	mta [flags] -queue DIR                                       deliver what is in the queue
//
// The last one runs until SIGTERM or SIGINT. It tries again what fails for now, and returns
// to its sender what fails for good, or for too long (RFC 5321 §4.5.4.1, RFC 3464). SIGUSR1
// makes it log its counters.
//
// With -trust-state it keeps the trust anchors of DNSSEC in a file, up to date (RFC 5011).
// With -tlsrpt it tells tlsrpt-reporter what it has seen, which sends TLS reports (RFC 8460).
//
// The exit status is that of sysexits. Of a message on standard input: 0 if it was delivered,
// or put into the queue, 75 if it must be tried again later, 65 if it bounces, 64 for mistakes in
// the command line, and 74 if the queue cannot be written. Of several recipients the
// worst counts, and standard output has a line for each: without a queue, nobody else keeps
// them apart, or tells the sender.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"

	"github.com/danesmtp/danesmtp/dane"
)

const (
	exitDelivered = 0
	exitUsage     = 64
	exitBounce    = 65
	exitQueue     = 74
	exitLater     = 75
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	tell := make(chan os.Signal, 1)
	signal.Notify(tell, syscall.SIGUSR1)
	p := &program{
		stdin: os.Stdin, stdout: os.Stdout, log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		verifier: &dane.Verifier{Shuffle: rand.Shuffle}, tell: tell,
	}
	os.Exit(p.run(ctx, os.Args[1:]))
}

// A program is main without the process.
type program struct {
	stdin    io.Reader
	stdout   io.Writer
	log      *slog.Logger
	verifier *dane.Verifier   // changed by the flags
	tell     <-chan os.Signal // when the counters are to be logged
}

func (p *program) run(ctx context.Context, args []string) int {
	o, err := parse(args, p.log)
	if err != nil {
		p.log.Error(err.Error())
		return exitUsage
	}
	m, err := o.mailer(p.verifier, p.log)
	if err != nil {
		p.log.Error(err.Error())
		return exitUsage
	}
	switch {
	case o.queue == "":
		return p.deliverNow(ctx, m, o)
	case len(o.recipients) > 0:
		return p.enqueue(o)
	}
	return p.serve(ctx, m, o)
}

// deliverNow tries once, and leaves the rest to whoever has started the program.
func (p *program) deliverNow(ctx context.Context, m *mailer, o *options) int {
	text, err := readText(p.stdin)
	if err != nil {
		p.log.Error(err.Error())
		return exitUsage
	}
	ctx = m.traced(ctx)
	defer m.reports.Wait()
	exit := exitDelivered
	for _, group := range byDomain(o.recipients) {
		for _, r := range m.deliver(ctx, &message{from: o.from, size: int64(len(text)), open: inMemory(text)}, group) {
			fmt.Fprintln(p.stdout, r.to, r.word(), cmp.Or(r.failure.Code, "2.0.0"))
			switch {
			case r.sent:
			case r.failure.Permanent:
				exit = max(exit, exitBounce)
			default:
				exit = max(exit, exitLater)
			}
		}
	}
	return exit
}

// enqueue puts a message into the queue, for another process.
func (p *program) enqueue(o *options) int {
	text, err := readText(p.stdin)
	if err != nil {
		p.log.Error(err.Error())
		return exitUsage
	}
	q, err := openQueue(o.queue)
	if err != nil {
		p.log.Error("no queue", "err", err)
		return exitQueue
	}
	ids, err := q.add(o.from, o.recipients, text)
	if err != nil {
		p.log.Error("not queued", "err", err)
		return exitQueue
	}
	p.log.Info("queued", "ids", ids, "from", o.from, "size", len(text))
	return exitDelivered
}

// serve delivers what is in the queue until the context ends.
func (p *program) serve(ctx context.Context, m *mailer, o *options) int {
	q, err := openQueue(o.queue)
	if err == nil {
		var unlock func()
		if unlock, err = q.lock(); err == nil {
			defer unlock()
		}
	}
	if err != nil {
		p.log.Error("no queue", "err", err)
		return exitQueue
	}
	p.log.Info("started", "queue", o.queue)
	w := &worker{queue: q, mailer: m, log: p.log, parallel: o.parallel, retry: o.retry, expire: o.expire, tell: p.tell}
	w.run(m.traced(ctx))
	m.logCounters()
	p.log.Info("stopped")
	return exitDelivered
}
