package main

import (
	"context"
	"fmt"
	"io"

	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

//go:generate sh -c "go run . man >share/daneverify.1"
//go:generate sh -c "go run . completion bash >share/daneverify.bash"
//go:generate sh -c "go run . completion zsh >share/_daneverify"
//go:generate sh -c "go run . completion fish >share/daneverify.fish"

// manualDate is that of the manual page: when what it says last changed.
const manualDate = "November 30, 2026"

// commandMan prints what is kept in share.
func commandMan() *cli.Command {
	return &cli.Command{
		Name: "man", Summary: "print the manual page",
		About:    "Prints the manual page in the language mdoc. It says of all commands what their -help says.",
		Examples: []cli.Example{{Line: "daneverify man >/usr/local/share/man/man1/daneverify.1"}},
		Exits:    []cli.Exit{{Status: exitSuccess, Means: "printed"}, {Status: exitUsage, Means: "a mistake in the command line, or it could not be printed"}},
		Begin: func(*cli.Flags) cli.Run {
			return func(_ context.Context, s cli.Streams, args []string) (int, error) {
				if err := noArguments(args); err != nil {
					return exitUsage, err
				}
				_, err := io.WriteString(s.Out, program().Man(manualDate))
				return exitSuccess, err
			}
		},
	}
}

// commandCompletion prints what is kept in share.
func commandCompletion() *cli.Command {
	return &cli.Command{
		Name: "completion", Summary: "print completions for a shell",
		Usage: []string{"bash|zsh|fish"}, Words: cli.Shells(),
		About: "Prints a script by which a shell completes commands, flags and names of files.",
		Examples: []cli.Example{
			{Line: "daneverify completion bash >/usr/share/bash-completion/completions/daneverify"},
			{Line: "daneverify completion zsh >/usr/local/share/zsh/site-functions/_daneverify"},
			{Line: "daneverify completion fish >~/.config/fish/completions/daneverify.fish"},
		},
		Exits: []cli.Exit{{Status: exitSuccess, Means: "printed"}, {Status: exitUsage, Means: "a mistake in the command line, or it could not be printed"}},
		Begin: func(*cli.Flags) cli.Run {
			return func(_ context.Context, s cli.Streams, args []string) (int, error) {
				if len(args) != 1 {
					return exitUsage, fmt.Errorf("want the name of one shell: %v", cli.Shells())
				}
				script, err := program().Completion(args[0])
				if err == nil {
					_, err = io.WriteString(s.Out, script)
				}
				return exitSuccess, err
			}
		},
	}
}
