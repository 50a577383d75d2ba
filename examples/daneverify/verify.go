package main

import (
	"context"
	"io"

	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// commandVerify is the program without the name of a command: the verdict of a sender.
func commandVerify() *cli.Command {
	return &cli.Command{
		Name: "daneverify", Summary: "check what a sender of mail gets by DANE",
		Usage: []string{"[flags] DOMAIN…", "[flags] -input FILE|-", "COMMAND [flags] …"},
		About: `Checks what a sender of mail to each DOMAIN gets by DANE (RFC 7672): looks its mail servers
up with DNSSEC, validated from the root's keys down, connects to them up to and through STARTTLS, and
matches their certificates against their TLSA records. It sends no mail. Without any argument it runs
a demonstration on this machine.

A domain has a dot: a top-level domain is asked for as "ai.".`,
		Notes: `-input reads on as results are printed, so that lists of any length take the same memory.
A line is a name, a rank and a name as in "1,example.org", an e-mail address, or a URL; of CSV -column
says which column it is. Blank lines and comments, which begin with "#", are left out. Text comes in the
order of the list; JSON as it is ready. A line without a domain is a row, and an error. A line on standard
error says how far it is, on a terminal all the time, else once a minute or on SIGUSR1; at the end states
and findings are counted. A server that many domains share is connected to once an hour (-share), and one
that is busy is left alone for a while (-pause), for as long as half an hour in all. Its domains wait, and
others go on meanwhile; as text at most 1,024 of them, which wait to be printed. Servers of this machine, at
loopback addresses, are spared nothing.`,
		Examples: []cli.Example{
			{Line: "daneverify example.org", About: "the verdict of a sender, and below it what is wrong and who must act"},
			{Line: "daneverify -recursive -v example.org", About: "ask the zones' own servers, and print every answer"},
			{Line: "daneverify -dns-only -json -input domains.txt", About: "a survey that connects to no mail server"},
			{Line: "daneverify -json -column domain -input customers.csv", About: "the column of a table"},
		},
		Exits: []cli.Exit{
			{Status: exitSuccess, Means: "every domain is a success: delivered to by DANE; with -dns-only, the first host that may be delivered to must be authenticated by DANE"},
			{Status: exitFailure, Means: "one is a failure"},
			{Status: exitNoDANE, Means: "one has no DANE, and none is a failure"},
			{Status: exitUsage, Means: "a mistake in the command line or the list, no DNS server that is capable of DNSSEC, a lack of this machine so that nothing is known of a domain, an interrupt, or no place for the results. Of several the first in the order 2, 1, 3, 0 counts"},
		},
		Begin: func(f *cli.Flags) cli.Run {
			o := new(options)
			o.flags(f)
			return o.run
		},
	}
}

// run does what the flags ask for.
func (o *options) run(ctx context.Context, s cli.Streams, args []string) (int, error) {
	o.stdin, o.domains, o.screen = s.In, args, s.Screen
	if err := o.wrong(); err != nil {
		return exitUsage, err
	}
	if err := o.pages.wrong(o); err != nil {
		return exitUsage, err
	}
	out := s.Out
	if o.pages.alone() {
		s.Out = io.Discard
	}
	status, err := o.judge(ctx, s)
	if err == nil {
		err = o.pages.write(out, o.fixedAnchors())
	}
	return status, err
}

// judge does it, but for the report to look at.
func (o *options) judge(ctx context.Context, s cli.Streams) (int, error) {
	switch {
	case o.demo:
		return runDemo(ctx, *o, s.Out, s.Err), nil
	case o.showAnchors || o.anchorsUpdate != "":
		return runAnchors(ctx, *o, s.Out, s.Err), nil
	case o.checkResolver:
		return checkResolvers(ctx, *o, s.Out, s.Err), nil
	}
	verifier, err := o.verifier(s.Err)
	if err != nil {
		return exitUsage, err
	}
	return verifyAll(ctx, verifier, *o, s.Out, s.Err), nil
}
