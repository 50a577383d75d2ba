package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/danesmtp/danesmtp/dane/rollover"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// defaultWait is more than a day, which few TTLs are.
const defaultWait = 26 * time.Hour

// waitCommand is the row of the table for "tlsa wait".
func (t *tlsaTool) waitCommand() *cli.Command {
	return &cli.Command{
		Name: "wait", Summary: "wait until they do",
		Usage: []string{
			"-cert NEW.pem [flags] HOST[:PORT]",
		},
		About: `Waits until the new certificate can be installed: until each name server of the zone has a
record for it, and the longest TTL of the old records has run out since the last server was first
seen with the new ones. Begin it before the records change, or soon after: what it has not seen it
cannot count. -state keeps what it has seen, for the next run.`,
		Examples: []cli.Example{
			{Line: "daneverify tlsa wait -cert new.pem mx.example.org && mv fullchain.pem old.pem && cp new.pem fullchain.pem && install -m 600 new.key privkey.pem && systemctl reload postfix", About: "a deploy hook"},
			{Line: "daneverify tlsa wait -cert new.pem -state /var/lib/mx.state -timeout 26h mx.example.org"},
		},
		Exits: []cli.Exit{
			{Status: tlsaSafe, Means: "safe: senders accept the certificate, whichever server or cache they ask"},
			{Status: tlsaUnsafe, Means: "not safe when the time was up; or nobody uses the records (unsigned zone), at once"},
			{Status: tlsaUnknown, Means: "something was not understood; or not reachable when the time was up; or an interrupt"},
		},
		Begin: func(f *cli.Flags) cli.Run {
			c := &checkCommand{dnsCommand: dnsCommand{tlsaTool: t}}
			c.flags(f)
			f.Group("Waiting")
			f.DurationVar(&c.timeout, "timeout", defaultWait, "give up after a `DURATION`")
			f.DurationVar(&c.interval, "interval", rollover.DefaultInterval, "ask the servers again after a `DURATION`")
			return t.on(c.beginToWait)
		},
	}
}

func (c *checkCommand) beginToWait(ctx context.Context, others []string) (int, error) {
	switch {
	case c.timeout <= 0:
		return tlsaUnknown, fmt.Errorf("-timeout %s: want a positive duration", c.timeout)
	case c.interval < time.Second:
		return tlsaUnknown, fmt.Errorf("-interval %s: want one second at least", c.interval)
	}
	if err := c.begin(others); err != nil {
		return tlsaUnknown, err
	}
	if err := c.exists(ctx); err != nil {
		return tlsaUnknown, err
	}
	c.isFor(c.watch.Chain, c.cert)
	return c.wait(ctx)
}

// wait looks again and again. The last look is what is printed.
func (c *checkCommand) wait(ctx context.Context) (int, error) {
	deadline := c.now().Add(c.timeout)
	said := ""
	look, err := c.watch.Wait(ctx, func(look *rollover.Look) error {
		if err := c.keep(); err != nil {
			return fmt.Errorf("-state: %w", err)
		}
		if look.Why != said {
			said = look.Why
			if look.SafeAt.After(deadline) {
				c.tell("the time of -timeout is up at %s, before it can be safe at %s", stamp(deadline), stamp(look.SafeAt))
			}
			c.tell("%s: waiting: %s", stamp(look.Time), look.Why)
		}
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return tlsaUnknown, fmt.Errorf("interrupted; %s", look.Why)
	case errors.Is(err, rollover.ErrTimeout):
		look.Why = fmt.Sprintf("after %s: %s", c.timeout, look.Why)
	case err != nil:
		return tlsaUnknown, err
	}
	if err := c.keep(); err != nil {
		return tlsaUnknown, fmt.Errorf("-state: %w", err)
	}
	return c.report(look)
}
