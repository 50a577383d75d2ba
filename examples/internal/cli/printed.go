package cli

import (
	"context"
	"fmt"
	"io"
)

// printedExits are those of the commands that print what is made from the table of a program.
func printedExits() []Exit {
	return []Exit{
		{Status: 0, Means: "printed"},
		{Status: DefaultMisuse, Means: "a mistake in the command line, or it could not be printed"},
	}
}

// ManCommand returns a command that prints the manual page of a program, as of a date.
func ManCommand(program func() *Command, date string, examples ...Example) *Command {
	return &Command{
		Name: "man", Summary: "print the manual page",
		About:    "Prints the manual page in the language mdoc. It says of all commands what their -help says.",
		Examples: examples,
		Exits:    printedExits(),
		Begin: func(*Flags) Run {
			return func(_ context.Context, s Streams, args []string) (int, error) {
				if err := NoArguments(args); err != nil {
					return DefaultMisuse, err
				}
				_, err := io.WriteString(s.Out, program().Man(date))
				return 0, err
			}
		},
	}
}

// CompletionCommand returns a command that prints the completions of a program.
func CompletionCommand(program func() *Command, examples ...Example) *Command {
	return &Command{
		Name: "completion", Summary: "print completions for a shell",
		Usage: []string{"bash|zsh|fish"}, Words: Shells(),
		About:    "Prints a script by which a shell completes commands, flags and names of files.",
		Examples: examples,
		Exits:    printedExits(),
		Begin: func(*Flags) Run {
			return func(_ context.Context, s Streams, args []string) (int, error) {
				if len(args) != 1 {
					return DefaultMisuse, fmt.Errorf("want the name of one shell: %v", Shells())
				}
				script, err := program().Completion(args[0])
				if err == nil {
					_, err = io.WriteString(s.Out, script)
				}
				return 0, err
			}
		},
	}
}

// NoArguments returns an error unless there are none.
func NoArguments(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q is not understood: there are no arguments", args[0])
	}
	return nil
}
