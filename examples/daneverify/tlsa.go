package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/internal/printable"
)

const tlsaUsage = `usage: daneverify tlsa COMMAND [flags] …

For those who publish TLSA records, so that no change of a key stops mail:

  make   make the records of a certificate, a key or a signing request
  check  would senders accept a new certificate now, whichever name server or cache they ask
  wait   wait until they do
  plan   the steps from one certificate to the next, with dates

Each has its own -help, with examples. Flags may follow other arguments.

Exit status:
  0  done; or safe, where that is the question
  1  not safe
  2  something was not understood or not reachable; nothing was printed or changed
`

// Exit statuses of the tlsa commands.
const (
	tlsaSafe    = 0
	tlsaUnsafe  = 1
	tlsaUnknown = 2 // not understood, or not reachable
)

// A tlsaTool runs the tlsa commands. What it has beside streams is for tests.
type tlsaTool struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	network        serverNetwork
	zones          zoneNetwork
	now            func() time.Time
}

// runTLSA runs the command after the word tlsa.
func runTLSA(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	t := &tlsaTool{stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now}
	return t.run(ctx, args)
}

func (t *tlsaTool) run(ctx context.Context, args []string) int {
	name := ""
	if len(args) > 0 {
		name, args = args[0], args[1:]
	}
	var status int
	var err error
	switch name {
	case "make":
		status, err = t.runMake(ctx, args)
	case "check":
		status, err = t.runCheck(ctx, args)
	case "wait":
		status, err = t.runWait(ctx, args)
	case "plan":
		status, err = t.runPlan(ctx, args)
	case "-h", "-help", "--help", "help":
		status, err = t.print(tlsaUsage)
	case "":
		err = errors.New("tlsa: no command is given; daneverify tlsa -help lists them")
	default:
		err = fmt.Errorf("tlsa: there is no command %q; daneverify tlsa -help lists them", name)
	}
	if errors.Is(err, flag.ErrHelp) {
		return tlsaSafe
	}
	if err != nil {
		t.tell("%s", err)
		return tlsaUnknown
	}
	return status
}

// tell writes a line to standard error. What files and servers have put into it begins no
// other one; the sign of a section is ours.
func (t *tlsaTool) tell(format string, args ...any) {
	parts := strings.Split(fmt.Sprintf(format, args...), "§")
	for i, part := range parts {
		parts[i] = printable.Line(part)
	}
	fmt.Fprintf(t.stderr, "daneverify: %s\n", strings.Join(parts, "§"))
}

// print writes to standard output, all at once.
func (t *tlsaTool) print(text string) (int, error) {
	if _, err := io.WriteString(t.stdout, text); err != nil {
		return tlsaUnknown, err
	}
	return tlsaSafe, nil
}

// parse reads flags, which may follow the other arguments, and returns the latter. Where
// help is asked for, it prints that and returns flag.ErrHelp.
func (t *tlsaTool) parse(flags *flag.FlagSet, usage string, args []string) ([]string, error) {
	flags.SetOutput(io.Discard) // errors are printed once, by run
	flags.Usage = func() {}
	var others []string
	for {
		err := flags.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			var help strings.Builder
			head, tail, _ := strings.Cut(usage, "FLAGS\n")
			help.WriteString(head + "Flags:\n")
			flags.SetOutput(&help)
			flags.PrintDefaults()
			help.WriteString(tail)
			if _, broken := t.print(help.String()); broken != nil {
				return nil, broken
			}
			return nil, flag.ErrHelp
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w; -help lists the flags", flags.Name(), err)
		}
		rest := flags.Args()
		if len(rest) == 0 {
			return others, nil
		}
		if taken := len(args) - len(rest); taken > 0 && args[taken-1] == "--" {
			return append(others, rest...), nil
		}
		others, args = append(others, rest[0]), rest[1:]
	}
}
