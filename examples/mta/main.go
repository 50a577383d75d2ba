// Command mta delivers one message by DANE (RFC 7672), and is the smallest mail
// server that is right about it: it takes the message on standard input, and tries
// the hosts of the recipient's domain in order.
//
//	mta -from ADDRESS [-policy FILE] [-trust-state FILE] RECIPIENT < message
//
// With -trust-state it keeps the trust anchors in a file, up to date (RFC 5011).
// The exit status is that of sysexits: 0 if it was delivered, 75 if it must be tried
// again later, 65 if it bounces, and 64 for mistakes in the command line.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

const (
	exitDelivered = 0
	exitUsage     = 64
	exitBounce    = 65
	exitLater     = 75
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	os.Exit(run(dane.WithTrace(ctx, dane.LogTrace(log)), os.Args[1:], os.Stdin, log, &dane.Verifier{Shuffle: rand.Shuffle}))
}

// run is main without the process. It changes v by the flags.
func run(ctx context.Context, args []string, stdin io.Reader, log *slog.Logger, v *dane.Verifier) int {
	flags := flag.NewFlagSet("mta", flag.ContinueOnError)
	from := flags.String("from", "", "`ADDRESS` of the sender")
	policy := flags.String("policy", "", "`FILE` with a policy in JSON")
	state := flags.String("trust-state", "", "`FILE` that keeps the trust anchors; made of the built-in ones if it is not there")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if flags.NArg() != 1 {
		log.Error("want one recipient")
		return exitUsage
	}
	if *policy != "" {
		var err error
		if v.Policy, err = readPolicy(*policy); err != nil {
			log.Error(err.Error())
			return exitUsage
		}
	}
	if *state != "" {
		v.Resolver = &dnssec.Resolver{Anchors: &anchor.Tracker{Store: &anchor.FileStore{Path: *state}, Trace: func(zone string, changes []anchor.Change, err error) {
			for _, c := range changes {
				log.Info("trust anchor", "zone", zone, "tag", c.Key.KeyTag(), "from", c.From, "to", c.To)
			}
			if err != nil {
				log.Warn("trust anchors are not up to date", "err", err)
			}
		}}}
	}
	text, err := io.ReadAll(stdin)
	if err != nil {
		log.Error(err.Error())
		return exitUsage
	}
	m := &mail{from: *from, to: flags.Arg(0), text: bytes.NewReader(text), log: log}
	switch err := m.deliver(ctx, v); {
	case err == nil:
		return exitDelivered
	case dane.Classify(err).Permanent:
		log.Error("bounces", "code", dane.Classify(err).Code, "err", err)
		return exitBounce
	default:
		log.Error("stays queued", "code", dane.Classify(err).Code, "err", err)
		return exitLater
	}
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
