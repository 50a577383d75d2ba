package main

import (
	"bufio"
	"context"
	"errors"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// commandRows prints the results.
func commandRows() *cli.Command {
	return &cli.Command{
		Name: "rows", Summary: "print the results of a survey as lines of JSON, or those of a domain to be read",
		Usage: []string{"DIR", "DIR DOMAIN…"},
		About: `Prints the rows of the survey in DIR, each as one line of JSON: what "daneverify -json -input"
prints, and before that "at", when it was asked, "vantage", the name of the vantage point if it has one,
and "no_verdict" if nothing is known about the domain and it can be asked again. Each line of the list is
there once, in the order in which they were done. It does not read a survey that is running.

With domains it says of each why it is in its state, in words: what is wrong, what was seen, who must act, and
how. To look again, or further: daneverify check DOMAIN, and daneverify explain DOMAIN.`,
		Examples: []cli.Example{
			{Line: `danesurvey rows demo | jq -r 'select(.state == "broken") | .domain'`, About: "the domains that are broken"},
			{Line: "danesurvey rows demo mismatch.example", About: "why this one is broken"},
		},
		Exits: []cli.Exit{{Status: exitDone, Means: "printed"}, {Status: exitUsage, Means: "a mistake in the command line, no row of a domain, no survey, one that is running, or files that were changed"}},
		Begin: func(*cli.Flags) cli.Run {
			return func(_ context.Context, s cli.Streams, args []string) (int, error) {
				switch len(args) {
				case 0:
					return exitUsage, errors.New("want the folder of a survey")
				case 1:
					return exitDone, printRows(s, args[0])
				}
				return exitDone, printDomains(s, args[0], args[1:])
			}
		},
	}
}

func printRows(s cli.Streams, dir string) (err error) {
	st, err := store.Read(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	out := bufio.NewWriterSize(s.Out, 1<<16)
	for text, err := range st.Texts() {
		if err != nil {
			return errors.Join(err, out.Flush())
		}
		out.Write(text)
		if err := out.WriteByte('\n'); err != nil {
			return err
		}
	}
	return out.Flush()
}
