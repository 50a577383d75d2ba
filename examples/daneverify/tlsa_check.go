package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/danesmtp/danesmtp/dane/rollover"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// A checkCommand is the flags of "tlsa check" and "tlsa wait", and what they find.
type checkCommand struct {
	dnsCommand
	cert, current, state      string
	since                     string
	margin, timeout, interval time.Duration

	watch *rollover.Watch
}

// checkCommand is the row of the table for "tlsa check".
func (t *tlsaTool) checkCommand() *cli.Command {
	return &cli.Command{
		Name: "check", Summary: "would senders accept a new certificate now, whichever name server or cache they ask",
		Usage: []string{
			"-cert NEW.pem [flags] HOST[:PORT]",
		},
		About: `Before a certificate is installed: would senders accept it by the TLSA records that are
published now? Each name server of the zone is asked by itself, at each of its addresses, and its
answer validated. Caches may have older records for as long as the TTL of those: so it is safe
only if all servers are known to have the new ones for that long, by -state, which remembers when
that was first seen, or by -since.`,
		Examples: []cli.Example{
			{Line: "daneverify tlsa check -cert new.pem -since 48h mx.example.org"},
			{Line: "daneverify tlsa check -cert new.pem -state /var/lib/mx.state mx.example.org && mv fullchain.pem old.pem && cp new.pem fullchain.pem && install -m 600 new.key privkey.pem && systemctl reload postfix"},
		},
		Exits: []cli.Exit{
			{Status: tlsaSafe, Means: "safe: senders accept the certificate, whichever server or cache they ask"},
			{Status: tlsaUnsafe, Means: "not safe: some would not, or may not yet; or nobody uses the records (unsigned zone)"},
			{Status: tlsaUnknown, Means: "something was not understood, or not reachable"},
		},
		Begin: func(f *cli.Flags) cli.Run {
			c := &checkCommand{dnsCommand: dnsCommand{tlsaTool: t}}
			c.flags(f)
			f.Group("The certificate")
			f.StringVar(&c.since, "since", "", "the records have been at all servers since `TIME`: a duration before now, as 48h or 2d, or an instant (UTC), as 2026-01-02 or 2026-01-02T15:04:05Z")
			return t.on(c.check)
		},
	}
}

func (c *checkCommand) check(ctx context.Context, others []string) (int, error) {
	if err := c.begin(others); err != nil {
		return tlsaUnknown, err
	}
	if err := c.exists(ctx); err != nil {
		return tlsaUnknown, err
	}
	c.isFor(c.watch.Chain, c.cert)
	look := c.watch.Look(ctx)
	if err := c.keep(); err != nil {
		return tlsaUnknown, fmt.Errorf("-state: %w", err)
	}
	return c.report(look)
}

// flags adds those that check and wait have in common.
func (c *checkCommand) flags(flags *cli.Flags) {
	flags.Group("The certificate")
	flags.StringVar(&c.cert, "cert", "", "the new certificate in `FILE`, with its issuers after it, as the server will present it")
	flags.StringVar(&c.current, "current", "", "the certificate that is installed, in `FILE`: if the new one has its key, and senders accept it by a record of that, no TTL has to run out")
	flags.StringVar(&c.state, "state", "", "keep in `FILE` when all servers were first seen with the new records")
	flags.DurationVar(&c.margin, "margin", 0, "wait for a `DURATION` beyond the TTL: for name servers behind one address, of which only one is seen")
	c.dnsFlags(flags)
}

// begin reads the files. Nothing is asked or written if one is not understood.
func (c *checkCommand) begin(others []string) error {
	if c.cert == "" {
		return errors.New("say which certificate is to be installed: -cert FILE")
	}
	if c.margin < 0 {
		return fmt.Errorf("-margin %s: want a duration that is not negative", c.margin)
	}
	chain, err := c.readChain(c.cert)
	if err != nil {
		return err
	}
	var current []*x509.Certificate
	if c.current != "" {
		if current, err = c.readChain(c.current); err != nil {
			return err
		}
	}
	since, err := parseSince(c.since, c.now())
	if err != nil {
		return err
	}
	if err := c.host(others); err != nil {
		return err
	}
	c.watch = &rollover.Watch{
		Surveyor: c.zones.surveyor(c.now), Host: c.service.host, Port: c.service.port, Chain: chain, Current: current,
		Since: since, Margin: c.margin, Interval: c.interval, Timeout: c.timeout, State: rollover.NewState(c.service.owner(), chain),
	}
	if c.state != "" {
		return loadState(c.state, c.watch.State, c.now())
	}
	return nil
}

// parseSince reads the instant of -since; empty is the zero time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := cli.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	// The second is how all commands print instants.
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05 UTC", "2006-01-02 15:04 UTC", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil && !at.After(now) {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("-since %q: want a duration before now, as 48h or 2d, or an instant in the past, as \"2026-01-02 15:04:05 UTC\", 2026-01-02T15:04:05Z or 2026-01-02 (UTC)", text)
}

// keep writes the file of -state.
func (c *checkCommand) keep() error {
	if c.state == "" {
		return nil
	}
	return saveState(c.state, c.watch.State, c.now())
}

// statusOf is the exit status of an answer.
func statusOf(v rollover.Verdict) int {
	switch v {
	case rollover.Safe:
		return tlsaSafe
	case rollover.NotSafe:
		return tlsaUnsafe
	}
	return tlsaUnknown
}
