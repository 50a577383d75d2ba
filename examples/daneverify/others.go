package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// defaults are the options of commands that have not all flags.
func defaults() *options {
	return &options{port: 25, concurrency: defaultConcurrency, timeout: defaultTimeout, probeTimeout: defaultProbeTimeout}
}

// commandResolver is -check-resolver.
func commandResolver() *cli.Command {
	return &cli.Command{
		Name: "resolver", Summary: "say whether DNS servers are capable of DNSSEC",
		Usage: []string{"[flags] [ADDR…]"},
		About: `Asks each DNS server for a zone that is signed, and says what it lacks. Without ADDR those of
the system are asked. ADDR is 192.0.2.1, [2001:db8::1]:5353, tcp://…, tls://192.0.2.1#NAME or https://….`,
		Examples: []cli.Example{
			{Line: "daneverify resolver"},
			{Line: "daneverify resolver 192.0.2.1 'tls://192.0.2.2#dns.example'"},
		},
		Exits: []cli.Exit{
			{Status: exitSuccess, Means: "one of them is capable"},
			{Status: exitFailure, Means: "none is"},
			{Status: exitUsage, Means: "something was not understood"},
		},
		Begin: func(f *cli.Flags) cli.Run {
			o := defaults()
			f.Group("The zone")
			o.anchorFlags(f)
			f.Group("Output, and time")
			f.BoolVar(&o.json, "json", false, "print one line of JSON a server")
			f.DurationVar(&o.timeout, "timeout", defaultTimeout, "for all of them: a `DURATION`")
			return func(ctx context.Context, s cli.Streams, args []string) (int, error) {
				if o.timeout <= 0 {
					return exitUsage, fmt.Errorf("-timeout %s: want a positive duration", o.timeout)
				}
				o.resolver, o.screen = strings.Join(args, ","), s.Screen
				return checkResolvers(ctx, *o, s.Out, s.Err), nil
			}
		},
	}
}

// commandAnchors is -show-anchors and -anchors-update.
func commandAnchors() *cli.Command {
	return &cli.Command{
		Name: "anchors", Summary: "print the trust anchors, or replace those that are kept",
		Usage: []string{"[flags]"},
		About: `Prints the keys that validation starts from: those built in, those of -anchors, or those of
-trust-state with their states. That file follows the root's rollovers (RFC 5011) as long as it is used
once in a while. After a long time without, fetch IANA's file, check its signature, and start from that
by -anchors-update.`,
		Examples: []cli.Example{
			{Line: "daneverify anchors"},
			{Line: "daneverify anchors -trust-state FILE -anchors-update root-anchors.xml"},
		},
		Exits: []cli.Exit{
			{Status: exitSuccess, Means: "done"},
			{Status: exitUsage, Means: "something was not understood, or a file cannot be read or written"},
		},
		Begin: func(f *cli.Flags) cli.Run {
			o := defaults()
			f.Group("The trust anchors")
			o.anchorFlags(f)
			o.updateFlag(f)
			f.Group("Output")
			f.BoolVar(&o.json, "json", false, "print JSON")
			return func(ctx context.Context, s cli.Streams, args []string) (int, error) {
				o.domains, o.showAnchors = args, true
				switch {
				case len(args) > 0:
					return exitUsage, fmt.Errorf("%q is not understood: files come by flags", args[0])
				case o.anchorsUpdate != "" && o.trustState == "":
					return exitUsage, errors.New("-anchors-update is for -trust-state")
				}
				return runAnchors(ctx, *o, s.Out, s.Err), nil
			}
		},
	}
}

// commandDemo is -demo.
func commandDemo() *cli.Command {
	return &cli.Command{
		Name: "demo", Summary: "verify domains of an Internet that is built in",
		Usage: []string{"[flags] [DOMAIN…]"},
		About: `A DNS with a signed root of its own, and mail servers, run on sockets of the loopback address.
There is a domain for each thing that can happen; without DOMAIN all are verified.`,
		Examples: []cli.Example{{Line: "daneverify demo"}, {Line: "daneverify demo -v mismatch.example"}},
		Exits: []cli.Exit{
			{Status: exitSuccess, Means: "all domains were verified; if some are named, as without the demonstration"},
			{Status: exitFailure, Means: "one that was named is a failure, or there is no room on the loopback address"},
			{Status: exitNoDANE, Means: "one that was named has no DANE, and none is a failure"},
			{Status: exitUsage, Means: "something was not understood, or could not be printed"},
		},
		Begin: func(f *cli.Flags) cli.Run {
			o := defaults()
			o.demo = true
			f.Group("Connections to mail servers")
			o.helloFlags(f)
			f.DurationVar(&o.probeTimeout, "probe-timeout", defaultProbeTimeout, "for one SMTP connection: a `DURATION`")
			o.listFlags(f)
			f.Group("What is judged, and how it is printed")
			f.BoolVar(&o.mandatory, "mandatory", false, "judge by mandatory DANE instead of opportunistic")
			f.BoolVar(&o.json, "json", false, "print one line of JSON a domain, as it is ready")
			f.BoolVar(&o.verbose, "v", false, "print every query, answer, status and reason")
			o.pageFlags(f)
			return o.run
		},
	}
}
