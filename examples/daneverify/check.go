package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// trace is what mail servers see of a check.
const trace = `

Nothing is mailed, but mail servers log the connections, which end after STARTTLS. Each is asked for
certificates of both kinds, RSA and ECDSA: one that has a single kind logs that a handshake failed
(Postfix: no shared cipher). That does no harm.`

// commandCheck judges a domain for those who run it.
func commandCheck() *cli.Command {
	return &cli.Command{
		Name: "check", Summary: "say what is wrong with a domain, who must act, and how",
		Usage: []string{"[flags] DOMAIN…", "[flags] -input FILE|-"},
		About: `Judges a domain at all its mail hosts and all their addresses, where a sender is content with
one that works. Each finding says what is wrong, who must act, and how, with the records to publish. The
state of a domain is one of:

  OK       every mail server is authenticated at every address
  WARNING  DANE works today, but something ends soon, lets mail go without it, or breaks with the next change of a key
  BROKEN   something is broken now, and somebody must act, even where mail still finds another way
  NONE     DANE does not protect the domain, and nothing is broken
  UNKNOWN  it could not be found out whether something is broken`,
		Notes: "A lack of this machine, such as no IPv6, is never a fault of the domain: it is UNKNOWN. daneverify help CODE says more of a finding, as docs/findings.md does. In the JSON the state and the findings come before what was found out." + trace,
		Examples: []cli.Example{
			{Line: "daneverify check example.org"},
			{Line: "daneverify check -strict -within 168h -input domains.txt", About: "from a timer: also fail for what ends within a week"},
			{Line: "daneverify check -compare example.org", About: "also where name servers disagree, so that mail fails as if by chance"},
			{Line: "daneverify check -recursive -4 example.org", About: "ask the zones' own servers, on a machine without IPv6"},
		},
		Exits: []cli.Exit{
			{Status: exitSuccess, Means: "every domain is OK or, without -strict, WARNING"},
			{Status: exitFailure, Means: "one is BROKEN, or with -strict WARNING"},
			{Status: exitNoDANE, Means: "one is NONE, and none is worse"},
			{Status: exitUsage, Means: "one is UNKNOWN; or a mistake in the command line or the list, an interrupt, or no place for the results. Of several the first in the order 2, 1, 3, 0 counts"},
		},
		Begin: func(f *cli.Flags) cli.Run {
			o := defaults()
			o.checking = true
			f.Group("What is judged")
			f.DurationVar(&o.within, "within", diagnosis.DefaultWithin, "warn of what ends within a `DURATION`: signatures, certificates that must be valid, the trust state; 0 looks for nothing")
			o.compareFlag(f)
			o.ignoreFlag(f)
			f.BoolVar(&o.strict, "strict", false, "exit 1 for WARNING, too")
			o.dnsFlags(f)
			o.smtpFlags(f)
			o.listFlags(f)
			f.Group("Output")
			f.BoolVar(&o.json, "json", false, "print one line of JSON a domain, as it is ready")
			f.BoolVar(&o.verbose, "v", false, "print every query, answer, status and reason, too")
			f.BoolVar(&o.demo, "demo", false, "use the Internet that is built in; without DOMAIN all of it")
			o.pageFlags(f)
			return o.check
		},
	}
}

// check is run, for those who run the domain.
func (o *options) check(ctx context.Context, s cli.Streams, args []string) (int, error) {
	if o.within < 0 {
		return exitUsage, fmt.Errorf("-within %s: want a duration that is not negative", o.within)
	}
	if len(args) == 0 && o.input == "" && !o.demo {
		return exitUsage, errors.New("no domain is given; -help has examples")
	}
	return o.run(ctx, s, args)
}

// stateExit returns the exit status for a state.
func stateExit(state diagnosis.State, strict bool) int {
	switch state {
	case diagnosis.StateOK:
		return exitSuccess
	case diagnosis.StateWarning:
		if strict {
			return exitFailure
		}
		return exitSuccess
	case diagnosis.StateBroken:
		return exitFailure
	case diagnosis.StateNone:
		return exitNoDANE
	}
	return exitUsage
}
