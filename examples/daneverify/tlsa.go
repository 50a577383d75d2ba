package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/internal/printable"
)

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

// tlsaSteps is how the commands work together. The lines are in the examples.
const tlsaSteps = `To publish for the first time: make the record of the certificate that the server presents at
all its addresses, and put it into the zone, which has to be signed. Nothing has to be waited for.

To change the key of a host, from the certificate in fullchain.pem and its private key in privkey.pem
to those in new.pem and new.key:

1. See by plan what is to be done, and when.

2. Let check see what caches may have now, and keep that with -state. It says NOT SAFE, with
status 1, since the new record is not there yet.

3. Add the new record to the zone beside the old one: step 1 of the plan.

4. Let wait go on, with the same -state. If it ends with status 0, install the new certificate and
its private key, both at once, at all addresses of the host, and keep the old certificate as old.pem;
if not, install neither.

5. When every address presents it, remove the old record from the zone: plan with -current old.pem has it. What each
presents is shown by make with -from, as records: that of the old key must not be among them. The old
key stays secret until the time that the plan has for its destruction.

Where the primary takes dynamic updates, update changes the zone in steps 3 and 5.

A renewal that keeps the key needs none of this where the record is 3 1 1.`

// command is the row of the table, with the commands below it.
func (t *tlsaTool) command() *cli.Command {
	return &cli.Command{
		Name: "tlsa", Summary: "make TLSA records, and change keys without stopping mail",
		About: "For those who publish TLSA records, so that no change of a key stops mail.",
		Notes: tlsaSteps,
		Examples: []cli.Example{
			{Line: "daneverify tlsa make -for mx.example.org -cert fullchain.pem", About: "the first record"},
			{Line: "daneverify tlsa plan -current fullchain.pem -next new.pem mx.example.org", About: "step 1"},
			{Line: "daneverify tlsa check -cert new.pem -state new.state mx.example.org", About: "step 2"},
			{Line: "daneverify tlsa wait -cert new.pem -state new.state mx.example.org && mv fullchain.pem old.pem && cp new.pem fullchain.pem && install -m 600 new.key privkey.pem && systemctl reload postfix", About: "step 4"},
			{Line: "daneverify tlsa make -from mx.example.org", About: "step 5"},
		},
		Exits: []cli.Exit{
			{Status: tlsaSafe, Means: "done; or safe, where that is the question"},
			{Status: tlsaUnsafe, Means: "not safe"},
			{Status: tlsaUnknown, Means: "something was not understood or not reachable; nothing was printed or changed"},
		},
		Commands: []*cli.Command{
			t.makeCommand(),
			t.checkCommand(),
			t.waitCommand(),
			t.planCommand(),
			t.updateCommand(),
		},
	}
}

// run runs the command after the word tlsa.
func (t *tlsaTool) run(ctx context.Context, args []string) int {
	program := &cli.Command{Name: "daneverify", Commands: []*cli.Command{t.command()}}
	return program.Run(ctx, cli.Streams{In: t.stdin, Out: t.stdout, Err: t.stderr}, append([]string{"tlsa"}, args...))
}

// on has a command work on the streams that it is given.
func (t *tlsaTool) on(run func(context.Context, []string) (int, error)) cli.Run {
	return func(ctx context.Context, s cli.Streams, args []string) (int, error) {
		t.stdin, t.stdout, t.stderr = s.In, s.Out, s.Err
		return run(ctx, args)
	}
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
