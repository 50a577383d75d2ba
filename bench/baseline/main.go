//go:build unix

// Command baseline does what daneverify is measured against.
//
//	baseline ask [-concurrency N] SERVER <DOMAINS
//	baseline probe [-n N] ADDRESS NAME
//	baseline probes [-concurrency N] <SERVERS
//	baseline time COMMAND…
//	baseline plan [-concurrency N] HINTS ANCHORS <DOMAINS
//
// The first asks a validating resolver on the network what daneverify -dns-only asks:
// MX, then A, AAAA and TLSA of the best host, all three at once. It believes the AD bit,
// and prints lines of JSON with "domain", "plan" and "dns_ms". SERVER is an address and
// port. It does as little as it can, to leave the cores to the resolver.
//
// The second connects to a mail server N times, one after another, up to and through
// STARTTLS, and prints how many milliseconds each session took. The third does so once with
// each of many, a line "ADDRESS NAME" each.
//
// The fourth runs a command, and prints on standard error its seconds of real time and
// of CPU time, and its peak resident set in MiB. Its exit status is not judged.
//
// The fifth makes the lookups of daneverify -dns-only -recursive in its own process, and prints
// what they take of memory, how long the same signatures take by crypto alone, once each, and how
// long the same queries take as packets whose replies nobody reads.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "baseline: %v\n", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("want ask [-concurrency N] SERVER, probe [-n N] ADDRESS NAME, probes [-concurrency N], time COMMAND…, or plan [-concurrency N] HINTS ANCHORS")

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	concurrency := flags.Int("concurrency", 1, "domains at a time")
	n := flags.Int("n", 100, "sessions")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch {
	case args[0] == "ask" && flags.NArg() == 1 && *concurrency > 0:
		out := bufio.NewWriter(stdout)
		if err := ask(flags.Arg(0), *concurrency, stdin, out); err != nil {
			return err
		}
		return out.Flush()
	case args[0] == "probe" && flags.NArg() == 2:
		return probe(ctx, flags.Arg(0), flags.Arg(1), *n, stdout)
	case args[0] == "probes" && flags.NArg() == 0 && *concurrency > 0:
		return probes(ctx, *concurrency, stdin, stdout)
	case args[0] == "plan" && flags.NArg() == 2 && *concurrency > 0:
		return plan(ctx, flags.Arg(0), flags.Arg(1), *concurrency, stdin, stdout)
	case args[0] == "time" && flags.NArg() > 0:
		return measure(ctx, flags.Args(), stdin, stdout, stderr)
	}
	return errUsage
}

// measure runs a command. Linux gives the peak resident set in KiB.
func measure(ctx context.Context, command []string, stdin io.Reader, stdout, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	start := time.Now()
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return err
	}
	elapsed, state := time.Since(start), cmd.ProcessState
	usage := state.SysUsage().(*syscall.Rusage)
	fmt.Fprintf(stderr, "measured %.3f %.3f %.1f\n", elapsed.Seconds(), (state.UserTime() + state.SystemTime()).Seconds(), float64(usage.Maxrss)/1024)
	return nil
}
