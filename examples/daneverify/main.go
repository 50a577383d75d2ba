// Command daneverify checks what a sender of mail gets by DANE (RFC 7672): it
// looks up a domain's mail servers with DNSSEC, validated from the root's keys
// down, connects to them up to and through STARTTLS, and matches their
// certificates against their TLSA records. It sends no mail.
//
//	daneverify [flags] DOMAIN…
//	daneverify [flags] -input FILE|-
//	daneverify COMMAND [flags] …
//
// Without any argument it runs a demonstration on this machine. "daneverify -help" lists
// the flags and the commands, each of which has its own -help, with examples and exit
// statuses.
//
// # Lists
//
// -input reads domains from a file, or with "-" from standard input: one a line,
// without blank lines and comments, which begin with "#". A line may be a name, a rank and a
// name as in "1,example.org", an e-mail address, or a URL; of CSV -column says which column it
// is. It reads on as results are printed, so that lists of any length take the same memory: of
// -concurrency domains at a time, which share a cache. Text comes in the order of the list, so
// that a slow domain holds those after it up; JSON comes as it is ready. A line that names no
// domain is a row all the same, and a line of standard error.
//
// A row of JSON has "line" and "input", as the line stands there, and besides "state" the code
// of the gravest "finding". At the end the states and the findings are counted. Until then a
// line says how far it is: on a terminal all the time, otherwise once a minute, or when SIGUSR1
// asks. SIGINT, SIGTERM and SIGHUP end the list; what they cut short is not printed.
//
// A server that has many of the domains is connected to once an hour, by the rules of package
// dane/survey; "seen" in a row says when it was. Connections to one address, network or provider
// are limited, and a server that is busy is left alone for a while; what a domain waits for that
// is no part of -timeout.
//
// Domains take file descriptors. Where the system allows the process less than -concurrency
// needs, it is lowered, which is said on standard error.
//
// -dns-only makes all lookups, and connects to no mail server: see dane.Checker.Plan. The JSON
// has besides "dns_ms", the time for all lookups, and "queries", how many the resolver
// sent for them. With -recursive one of these may take several messages.
//
// # Findings
//
// Below the verdict of a sender there is what is wrong with the domain at all its hosts and
// addresses, who must act, and how, and what ends soon: see package dane/diagnosis. A sender
// may succeed by one host while another is broken. The exit status is that of the sender.
// The JSON has them as "state" and "findings"; -v prints what was seen, too. What each
// means is in docs/findings.md.
//
// # How it is built
//
// This package has the commands; [program] is the table of them. Reading flags, help and
// what is made of the table are in examples/internal/cli.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

func main() {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop) // a second one ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main without the process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s := cli.Streams{In: stdin, Out: stdout, Err: stderr, Screen: cli.ScreenOf(stdout, os.Getenv)}
	if len(args) == 0 {
		args = []string{"demo"}
	}
	return program().Run(ctx, s, args)
}

// program is the table of commands. Each is a row; what comes before all of them is the
// verdict of a sender, which has no name of its own.
func program() *cli.Command {
	p := commandVerify()
	p.Topic, p.Topics = helpOnFinding, "(help COMMAND), or what is to be known of a finding (help CODE)"
	p.Commands = []*cli.Command{
		commandCheck(),
		commandExplain(),
		commandMonitor(),
		(&tlsaTool{now: time.Now}).command(),
		commandResolver(),
		commandAnchors(),
		commandDemo(),
		commandVersion(),
		commandMan(),
		commandCompletion(),
	}
	return p
}
