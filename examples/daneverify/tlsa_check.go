package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/danesmtp/danesmtp/examples/daneverify/internal/cli"
)

// A checkCommand is the flags of "tlsa check" and "tlsa wait", and what they find.
type checkCommand struct {
	dnsCommand
	cert, state               string
	since                     string
	margin, timeout, interval time.Duration

	chain    []*x509.Certificate
	progress *progress
	known    time.Time // of -since
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
			{Line: "daneverify tlsa check -cert new.pem -state /var/lib/mx.state mx.example.org && systemctl reload postfix"},
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
			f.StringVar(&c.since, "since", "", "the records have been at all servers since `TIME`: a duration before now, as 48h, or an instant, as 2026-01-02T15:04:05Z")
			return t.on(c.check)
		},
	}
}

func (c *checkCommand) check(ctx context.Context, others []string) (int, error) {
	if err := c.begin(others); err != nil {
		return tlsaUnknown, err
	}
	r := c.look(ctx)
	if err := c.keep(); err != nil {
		return tlsaUnknown, fmt.Errorf("-state: %w", err)
	}
	return c.report(r)
}

// flags adds those that check and wait have in common.
func (c *checkCommand) flags(flags *cli.Flags) {
	flags.Group("The certificate")
	flags.StringVar(&c.cert, "cert", "", "the new certificate in `FILE`, with its issuers after it, as the server will present it")
	flags.StringVar(&c.state, "state", "", "keep in `FILE` when all servers were first seen with the new records")
	flags.DurationVar(&c.margin, "margin", 0, "wait for so `LONG` beyond the TTL: for name servers behind one address, of which only one is seen")
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
	var err error
	if c.chain, err = c.readChain(c.cert); err != nil {
		return err
	}
	if c.known, err = parseSince(c.since, c.now()); err != nil {
		return err
	}
	if err := c.host(others); err != nil {
		return err
	}
	c.progress = newProgress(c.service.owner(), c.chain)
	if c.state != "" {
		return c.progress.load(c.state, c.now())
	}
	return nil
}

// parseSince reads the instant of -since; empty is the zero time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.After(now) {
		return time.Time{}, fmt.Errorf("-since %q: want a duration before now, as 48h, or an instant in the past, as 2026-01-02T15:04:05Z", text)
	}
	return at, nil
}

// keep writes the file of -state.
func (c *checkCommand) keep() error {
	if c.state == "" {
		return nil
	}
	return c.progress.save(c.state)
}

// A reportOf is one look at all servers, and what it means.
type reportOf struct {
	survey    *survey
	judgement *judgement
	status    int
	text      string // what it means, in a sentence
	due       time.Time
	final     bool // waiting does not help
}

// look asks all servers and says what that means.
func (c *checkCommand) look(ctx context.Context) *reportOf {
	s, err := c.zones.survey(ctx, c.service.owner(), c.now())
	if err != nil {
		r := &reportOf{status: statusOf(err), text: fmt.Sprintf("it is not known who serves the zone: %v", err)}
		if r.status == tlsaUnsafe {
			r.text = fmt.Sprintf("the zone is bogus, so that senders that validate deliver nothing, whatever the records: %v", err)
		}
		return r
	}
	j := s.judge(c.service.host, c.chain)
	now := c.now()
	c.progress.observe(j, now)
	if j.ok() && !c.known.IsZero() && c.known.Before(c.progress.Complete) {
		c.progress.Complete = c.known
	}
	r := &reportOf{survey: s, judgement: j, due: c.progress.due(s, c.margin)}
	r.conclude(c.progress, now)
	return r
}

// conclude decides.
func (r *reportOf) conclude(p *progress, now time.Time) {
	j := r.judgement
	switch {
	case len(j.unsafe) > 0:
		r.status, r.text = tlsaUnsafe, "senders do not accept the new certificate, by "+several(j.unsafe)
	case j.insecure:
		r.status, r.final = tlsaUnsafe, true
		r.text = "the zone is not signed, or not by a chain from the root, so that nobody will use the records: sign it, and have its DS record put into the zone above"
	case len(j.unknown) > 0:
		r.status, r.text = tlsaUnknown, "not all name servers could be asked: "+several(j.unknown)
	case now.Before(r.due):
		r.status = tlsaUnsafe
		r.text = fmt.Sprintf("all name servers have a record of the new certificate, seen first at %s, but caches may have older ones until %s (TTL %s)",
			stamp(p.Complete), stamp(r.due), p.oldTTL(r.survey))
	default:
		r.status = tlsaSafe
		r.text = fmt.Sprintf("senders accept the new certificate: all name servers have had a record of it since %s, and no cache has older ones", stamp(p.Complete))
	}
}
