// Command danesurvey finds out what a sender of mail gets by DANE (RFC 7672) at many domains,
// for who wants to know how the Internet is, and not how one domain is.
//
//	danesurvey run -dir DIR [flags] LIST
//	danesurvey resume DIR
//	danesurvey rows DIR
//	danesurvey report DIR [-html FILE] [-csv DIR]
//
// "danesurvey -help" lists the commands, each of which has its own -help, with examples and
// exit statuses. README.md says how a survey is made, and what becomes of it if it is interrupted.
//
// This package has the commands; [program] is the table of them.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// Exit statuses.
const (
	exitDone      = 0
	exitCutShort  = 1 // resume goes on
	exitUsage     = 2
	exitNoVerdict = 3
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
	return program().Run(ctx, s, args)
}

// program is the table of commands.
func program() *cli.Command {
	return &cli.Command{
		Name: "danesurvey", Summary: "find out about DANE at many domains",
		Usage: []string{"COMMAND [flags] …"},
		About: `Finds out what a sender of mail gets by DANE (RFC 7672) at all domains of a list, politely, and so
that nothing is lost when it is interrupted, by whatever it is.`,
		Exits: []cli.Exit{{Status: exitUsage, Means: "a mistake in the command line"}},
		Commands: []*cli.Command{
			commandRun(),
			commandResume(),
			commandRows(),
			commandReport(),
			commandServe(),
			commandWorker(),
			commandPause("pause", true),
			commandPause("continue", false),
			commandVersion(),
			commandMan(),
			commandCompletion(),
		},
	}
}

// oneFolder returns the only argument.
func oneFolder(args []string) (string, error) {
	if len(args) != 1 {
		return "", fmt.Errorf("want one folder of a survey, and not %d arguments", len(args))
	}
	return args[0], nil
}
