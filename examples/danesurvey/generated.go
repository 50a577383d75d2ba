package main

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// manualDate is that of the manual page: when what it says last changed.
const manualDate = "November 30, 2026"

// commandMan prints the manual page.
func commandMan() *cli.Command {
	return cli.ManCommand(program, manualDate, cli.Example{Line: "danesurvey man >/usr/local/share/man/man1/danesurvey.1"})
}

// commandCompletion prints completions.
func commandCompletion() *cli.Command {
	return cli.CompletionCommand(program,
		cli.Example{Line: "danesurvey completion bash >/usr/share/bash-completion/completions/danesurvey"})
}

// commandVersion says what this program is.
func commandVersion() *cli.Command {
	return &cli.Command{
		Name: "version", Summary: "print the version, and the Go that it was built with",
		About: "Prints the version of this module, the revision that it was built from, and the version of Go.",
		Exits: []cli.Exit{{Status: exitDone, Means: "printed"}, {Status: exitUsage, Means: "a mistake in the command line"}},
		Begin: func(*cli.Flags) cli.Run {
			return func(_ context.Context, s cli.Streams, args []string) (int, error) {
				if err := cli.NoArguments(args); err != nil {
					return exitUsage, err
				}
				info, ok := debug.ReadBuildInfo()
				if !ok {
					return exitUsage, fmt.Errorf("the go command has recorded nothing")
				}
				revision := ""
				for _, setting := range info.Settings {
					if setting.Key == "vcs.revision" {
						revision = ", revision " + setting.Value
					}
				}
				_, err := fmt.Fprintf(s.Out, "danesurvey %s (%s)%s, %s\n", info.Main.Version, info.Main.Path, revision, info.GoVersion)
				return exitDone, err
			}
		},
	}
}
