package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/tlsrpt"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// options are the command line.
type options struct {
	from       string
	recipients []string
	queue      string
	hello      string
	policy     string
	trustState string
	tlsrpt     string
	parallel   int
	retry      time.Duration
	expire     time.Duration
}

func parse(args []string, log *slog.Logger) (*options, error) {
	var o options
	flags := flag.NewFlagSet("mta", flag.ContinueOnError)
	flags.StringVar(&o.from, "from", "", "`ADDRESS` of the sender; empty for messages that must not bounce")
	flags.StringVar(&o.queue, "queue", "", "`DIR` of the queue, made if it is not there")
	flags.StringVar(&o.hello, "hello", "", "`NAME` of this machine, for EHLO and bounces; that which the system has if empty")
	flags.StringVar(&o.policy, "policy", "", "`FILE` with a policy in JSON")
	flags.StringVar(&o.trustState, "trust-state", "", "`FILE` that keeps the trust anchors; made of the built-in ones if it is not there")
	flags.StringVar(&o.tlsrpt, "tlsrpt", "", "`SOCKET` of tlsrpt-reporter's collector")
	flags.IntVar(&o.parallel, "parallel", 20, "deliveries at a time")
	flags.DurationVar(&o.retry, "retry", 30*time.Minute, "time until the first retry; it doubles up to eight times as long")
	flags.DurationVar(&o.expire, "expire", 5*24*time.Hour, "time until a message is returned")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	o.recipients = flags.Args()
	if o.queue == "" && len(o.recipients) == 0 {
		return nil, errors.New("want a recipient, or a queue")
	}
	if o.parallel < 1 || o.retry <= 0 || o.expire <= 0 {
		return nil, errors.New("-parallel, -retry and -expire must be positive")
	}
	if o.from != "" {
		if err := checkAddress(o.from); err != nil {
			return nil, err
		}
	}
	for _, to := range o.recipients {
		if err := checkAddress(to); err != nil {
			return nil, err
		}
	}
	return &o, nil
}

// mailer makes what delivers. The verifier is changed by the flags.
func (o *options) mailer(v *dane.Verifier, log *slog.Logger) (*mailer, error) {
	m := &mailer{verifier: v, hello: o.hello, log: log}
	if m.hello == "" {
		name, _ := os.Hostname()
		m.hello = cmp.Or(name, "localhost")
	}
	v.Hello = o.hello
	if o.policy != "" {
		var err error
		if v.Policy, err = readPolicy(o.policy); err != nil {
			return nil, err
		}
	}
	if o.trustState != "" {
		resolver := &dnssec.Resolver{Anchors: &anchor.Tracker{Store: &anchor.FileStore{Path: o.trustState}, Trace: logAnchors(log)}}
		v.Resolver = resolver
		m.maintain = func(ctx context.Context) { resolver.MaintainAnchors(ctx, nil) } // failures are traced
	}
	m.reporter = &tlsrpt.Reporter{Socket: o.tlsrpt, Verifier: v} // without a socket it does nothing
	return m, nil
}

func readPolicy(name string) (*dane.Policy, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p, err := dane.ReadPolicy(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

func logAnchors(log *slog.Logger) func(string, []anchor.Change, error) {
	return func(zone string, changes []anchor.Change, err error) {
		for _, c := range changes {
			log.Info("trust anchor", "zone", zone, "tag", c.Key.KeyTag(), "from", c.From, "to", c.To)
		}
		if err != nil {
			log.Warn("trust anchors are not up to date", "err", err)
		}
	}
}
