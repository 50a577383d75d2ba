package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/rollover"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/tlsa"
)

// A planCommand is the flags of "tlsa plan".
type planCommand struct {
	dnsCommand
	currentFile, nextFile string
	otherFiles            []string
	scheme, since, state  string
	nsupdate              bool
	target                string // where the records are: the owner, or at the end of its aliases
	propagation           time.Duration

	rollover tlsa.Rollover
	finished bool // the records of the current certificate are gone already
}

// planCommand is the row of the table for "tlsa plan".
func (t *tlsaTool) planCommand() *cli.Command {
	return &cli.Command{
		Name: "plan", Summary: "the steps from one certificate to the next, with dates",
		Usage: []string{
			"-current OLD.pem -next NEW.pem [flags] HOST[:PORT]",
		},
		About: `The steps from one certificate to the next (RFC 7671 §8.1, §8.4), each with the earliest time for
it and the records to add and to remove. The times come from what the name servers of the zone say:
the TTL of the records, how long signatures are valid, and the REFRESH and RETRY of the SOA. Plan again
after publishing: then less has to be assumed, and -state or -since says how long ago that was. -current
stays the old certificate until its record is gone.`,
		Examples: []cli.Example{
			{Line: "daneverify tlsa plan -current fullchain.pem -next new.pem mx.example.org"},
			{Line: "daneverify tlsa plan -current fullchain.pem -next new.pem -state /var/lib/mx.state mx.example.org"},
			{Line: "daneverify tlsa plan -current fullchain.pem -next new.pem -nsupdate mx.example.org"},
			{Line: "daneverify tlsa plan -current fullchain.pem -next new.pem -propagation 5m mx.example.org"},
			{Line: "daneverify tlsa plan -current ecdsa.pem -next new.pem -other rsa.pem mx.example.org"},
			{Line: "daneverify tlsa plan -current fullchain.pem -next new.pem -scheme key+issuer mx.example.org"},
		},
		Exits: []cli.Exit{
			{Status: tlsaSafe, Means: "here is the plan, or there is nothing to do"},
			{Status: tlsaUnsafe, Means: "there is none, since senders do not accept the current certificate, the next one never would be accepted, or the name servers differ; or nobody uses the records (unsigned zone)"},
			{Status: tlsaUnknown, Means: "something was not understood, or not reachable"},
		},
		Begin: func(f *cli.Flags) cli.Run {
			c := &planCommand{dnsCommand: dnsCommand{tlsaTool: t}}
			c.flags(f)
			return t.on(c.run)
		},
	}
}

func (c *planCommand) flags(f *cli.Flags) {
	c.changeFlags(f)
	f.DurationVar(&c.propagation, "propagation", -1, "a change takes a `DURATION` to reach all name servers (default: REFRESH and RETRY of the SOA; with NOTIFY it is less)")
	f.StringVar(&c.since, "since", "", "the records have been at all servers since `TIME`: a duration before now, as 48h or 2d, or an instant (UTC), as 2026-01-02 or 2026-01-02T15:04:05Z")
	f.StringVar(&c.state, "state", "", "take from `FILE` of check and wait when all servers were first seen with the new records")
	c.dnsFlags(f)
	f.BoolVar(&c.nsupdate, "nsupdate", false, "print a script for nsupdate: the step that is due, and the later ones as comments")
}

// changeFlags adds those that say from what to what.
func (c *planCommand) changeFlags(f *cli.Flags) {
	f.Group("The change")
	f.StringVar(&c.currentFile, "current", "", "the certificate that the server presents, with its issuers after it, in `FILE`")
	f.StringVar(&c.nextFile, "next", "", "the certificate that it is to present, with its issuers after it, in `FILE`")
	f.Func("other", "a certificate that the server presents besides and keeps, in `FILE`: an RSA one beside an ECDSA one", func(file string) error {
		c.otherFiles = append(c.otherFiles, file)
		return nil
	})
	f.StringVar(&c.scheme, "scheme", "keep", "what the records are to be: `NAME` is keep, current+next (of keys alone, as 3 1 1; the next key's beside them while -next is another certificate), key+issuer (3 1 1 and 2 1 1), or issuer")
}

func (c *planCommand) run(ctx context.Context, others []string) (int, error) {
	if err := c.understand(others); err != nil {
		return tlsaUnknown, err
	}
	return c.plan(ctx)
}

// understand reads flags and files.
func (c *planCommand) understand(others []string) error {
	if c.currentFile == "" || c.nextFile == "" {
		return errors.New("say which certificates it is about: -current FILE and -next FILE")
	}
	schemes := map[string]tlsa.Scheme{"keep": tlsa.NoScheme, "current+next": tlsa.CurrentAndNext, "key+issuer": tlsa.KeyAndIssuer, "issuer": tlsa.IssuerOnly}
	var known bool
	if c.rollover.Scheme, known = schemes[c.scheme]; !known {
		return fmt.Errorf("-scheme %q: want keep, current+next, key+issuer or issuer", c.scheme)
	}
	if c.propagation < 0 && c.propagation != -1 {
		return fmt.Errorf("-propagation %s: want a duration that is not negative", c.propagation)
	}
	if c.nsupdate && c.json {
		return errors.New("-nsupdate and -json are two forms of output: choose one")
	}
	if c.state != "" && c.since != "" {
		return errors.New("-state and -since both say since when the records are there: choose one")
	}
	var err error
	if c.rollover.Current, err = c.readChain(c.currentFile); err != nil {
		return err
	}
	if c.rollover.Next, err = c.readChain(c.nextFile); err != nil {
		return err
	}
	for _, file := range c.otherFiles {
		var chain []*x509.Certificate
		if chain, err = c.readChain(file); err != nil {
			return err
		}
		c.rollover.Others = append(c.rollover.Others, chain)
	}
	if c.rollover.Since, err = parseSince(c.since, c.now()); err != nil {
		return err
	}
	return c.host(others)
}

// plan asks the servers and makes the plan.
func (c *planCommand) plan(ctx context.Context) (int, error) {
	if err := c.exists(ctx); err != nil {
		return tlsaUnknown, err
	}
	c.isFor(c.rollover.Next, c.nextFile)
	survey, err := c.zones.surveyor(c.now).Survey(ctx, c.service.host, c.service.port)
	if err != nil {
		return c.noPlan(fmt.Errorf("it is not known what is published: %w", err))
	}
	records, err := survey.Agreed()
	if err != nil {
		return c.noPlan(err)
	}
	c.times(survey)
	c.target = c.service.owner()
	if answer, err := c.zones.resolver.Lookup(ctx, c.target, dns.TypeTLSA); err == nil {
		c.target = answer.Name
	}
	if err := c.remembered(survey); err != nil {
		return tlsaUnknown, err
	}
	tasks, err := c.tasks(survey, records)
	if err != nil {
		return c.noPlan(err)
	}
	status := tlsaSafe
	if survey.Insecure() {
		status = tlsaUnsafe
	}
	written, err := c.write(records, tasks, survey.Insecure())
	return max(written, status), err
}

// noPlan says on standard error why there is none.
func (c *planCommand) noPlan(err error) (int, error) {
	if e, ok := errors.AsType[*rollover.Error](err); ok && e.Reason == rollover.ReasonDifferent {
		err = fmt.Errorf("%w; wait until all have the same, or see by `%s` what each has", err, c.checkLine())
	}
	c.tell("tlsa plan: %v", err)
	return statusOfError(err), nil
}

// statusOfError is the exit status where there is no survey, no agreement or no plan. What
// makes no sense, or could not be found out, is not the same as what senders would refuse.
func statusOfError(err error) int {
	if e, ok := errors.AsType[*rollover.Error](err); ok && e.Reason == rollover.ReasonUnknown {
		return tlsaUnknown
	}
	if e, ok := errors.AsType[*tlsa.Error](err); ok && e.Reason == tlsa.ReasonPlan {
		return tlsaUnknown
	}
	return tlsaUnsafe
}

// times fills in what the servers say.
func (c *planCommand) times(s *rollover.Survey) {
	r := &c.rollover
	r.TTL, r.NegativeTTL, r.SignatureValidity = s.TTL(), s.NegativeTTL(), s.SignatureValidity()
	if r.Propagation = c.propagation; r.Propagation < 0 {
		r.Propagation = s.Propagation()
	}
}
