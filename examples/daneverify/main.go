// Command daneverify checks what a sender of mail gets by DANE (RFC 7672): it
// looks up a domain's mail servers with DNSSEC, validated from the root's keys
// down, connects to them up to and through STARTTLS, and matches their
// certificates against their TLSA records. It sends no mail.
//
//	daneverify [flags] DOMAIN…
//	daneverify [flags] -input FILE|-
//
// Without any argument it runs a demonstration on this machine.
//
// # Surveys
//
// -input reads domains from a file, or with "-" from standard input: one a line,
// without blank lines and those that begin with "#". It reads on as results are
// printed, so that lists of any length take the same memory: of -concurrency domains
// at a time, which share a cache. Text comes in the order of the list, so that a slow
// domain holds those after it up; JSON comes as it is ready. A line that names no domain
// is reported on standard error. At the end there is a line that counts what became of
// the list.
//
// Domains take file descriptors. Where the system allows the process less than -concurrency
// needs, it is lowered, which is said on standard error.
//
// -dns-only makes all lookups, and connects to no mail server: see dane.Checker.Plan. The JSON
// has besides "dns_ms", the time for all lookups, and "queries", how many the resolver
// sent for them. With -recursive one of these may take several messages.
//
// An interrupt ends all that runs. What is not printed by then is counted.
//
// # Findings
//
// Below the verdict of a sender there is what is wrong with the domain at all its hosts and
// addresses, who must act, and how, and what ends soon: see package dane/diagnosis. A sender
// may succeed by one host while another is broken. The exit status is that of the sender.
// The JSON has them as "state" and "findings"; -v prints what was seen, too. What each
// means is in docs/findings.md.
//
// # The name in EHLO
//
// Servers may turn away who gives a name that is not right, so that -helo names what the
// machine is called on the Internet. Without it that is the machine's own name, if it
// has a dot, or else its address in brackets, which is said on standard error.
//
// # Publishing
//
//	daneverify tlsa COMMAND [flags] …
//
// is for those who publish TLSA records: "daneverify tlsa -help" lists the commands, and
// docs/publishing.md tells how a key is changed with them. Their exit status is 0 if
// it is done, or safe; 1 if it is not safe; and 2 if something was not understood or not
// reachable, when nothing is printed or changed.
//
// # Trust anchors
//
// Validation starts from the root keys that are built in, or from those in the file of
// -anchors. -trust-state keeps them in a file, where they follow the root's rollovers
// (RFC 5011) as long as the command is run once in a while; -show-anchors prints them.
// After a long time without, fetch IANA's file, check its signature as package anchor
// says, and start from that:
//
//	daneverify -trust-state FILE -anchors-update root-anchors.xml -show-anchors
//
// # Exit status
//
// The exit status is 0 if all domains are DANE successes; 1 if one is a failure;
// 3 if one has no DANE, and none is a failure; and 2 for mistakes in the command
// line or the list of domains, if no DNS server that is capable of DNSSEC answered, if
// this machine lacks something, so that nothing is known of a domain, if it was
// interrupted, or if the results cannot be printed. With -dns-only, a domain is a
// success if the first host that may be delivered to must be authenticated by DANE.
// With -check-resolver it is 0 if a DNS server is capable, and 1 if none is.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main without the process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "tlsa" {
		return runTLSA(ctx, args[1:], stdin, stdout, stderr)
	}
	if len(args) == 0 {
		args = []string{"-demo"}
	}
	o, err := parse(args, stderr)
	o.stdin = stdin
	if errors.Is(err, flag.ErrHelp) {
		return exitSuccess
	}
	if err != nil {
		complain(stderr, err)
		return exitUsage
	}
	if o.demo {
		return runDemo(ctx, o, stdout, stderr)
	}
	if o.showAnchors || o.anchorsUpdate != "" {
		return runAnchors(ctx, o, stdout, stderr)
	}
	if o.checkResolver {
		return checkResolvers(ctx, o, stdout, stderr)
	}
	verifier, err := o.verifier(stderr)
	if err != nil {
		complain(stderr, err)
		return exitUsage
	}
	return verifyAll(ctx, verifier, o, stdout, stderr)
}
