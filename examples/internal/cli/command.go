package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// DefaultMisuse is the exit status of mistakes in the command line.
const DefaultMisuse = 2

// A Command is one of a program, or the program itself, and all that is known of it.
type Command struct {
	// Name is the word for it.
	Name string
	// Summary is what it does, in a few words for a list, as an order.
	Summary string
	// Usage is what follows the name: a line for each form.
	Usage []string
	// About is the description: paragraphs with a blank line between them. A paragraph that
	// begins with white space is a table of two columns, with two spaces or more between them.
	About string
	// Notes are paragraphs that come after the flags.
	Notes    string
	Examples []Example
	Exits    []Exit
	// Misuse is the exit status of a mistake in the command line. 0 means DefaultMisuse.
	Misuse int
	// Words are what the first argument can be, where that is known; for completions.
	Words []string
	// Mistake tells a mistake in the command line, or an error of Run, where it is not read on
	// standard error, and returns the exit status. It may leave that as it is. Nil does.
	Mistake func(s Streams, args []string, err error) (status int, told bool)
	// Topic returns what there is to know of a word, for "help WORD": nothing of one that is
	// not known. Nil knows no words but the commands. Topics says in a few words what they are.
	Topic  func(word string, s Screen) string
	Topics string
	// Commands are those below it. The first argument that is one of their names chooses it.
	Commands []*Command
	// Begin declares the flags, and returns what is run once they are set. Nil if the command
	// does nothing but to have others below it. It is called for help, too, so that it does
	// nothing else.
	Begin func(*Flags) Run
}

// A Run is the work of a command. The arguments are those that are not flags. An error is
// printed once, and ends the program with Misuse in place of the status.
type Run func(ctx context.Context, s Streams, args []string) (status int, err error)

// An Example is a line to type, and what it does.
type Example struct{ Line, About string }

// An Exit is an exit status, and what it means.
type Exit struct {
	Status int
	Means  string
}

// Run runs the command, or the one below it that the first argument names, and returns the
// exit status. Whoever asks for help gets it on standard output, and 0.
func (c *Command) Run(ctx context.Context, s Streams, args []string) int {
	return c.run(ctx, s, nil, args)
}

func (c *Command) run(ctx context.Context, s Streams, above []string, args []string) int {
	path := append(slices.Clip(above), c.Name)
	if len(args) > 0 {
		if below := c.Command(args[0]); below != nil {
			return below.run(ctx, s, path, args[1:])
		}
		if args[0] == "help" && len(c.Commands) > 0 {
			return c.help(s, path, args[1:])
		}
	}
	f := c.flags()
	others, err := c.parse(f, path, args)
	if errors.Is(err, flag.ErrHelp) {
		return c.help(s, path, nil)
	}
	if err == nil && f.run == nil {
		err = c.unknown(path, others)
	}
	status := 0
	if err == nil {
		status, err = f.run(ctx, s, others)
	}
	if err != nil {
		return c.tell(s, path, args, err)
	}
	return status
}

// Understand returns what is wrong with the flags of a command line, if anything is, and runs
// nothing.
func (c *Command) Understand(args []string) error {
	if len(args) > 0 {
		if below := c.Command(args[0]); below != nil {
			return below.Understand(args[1:])
		}
		if args[0] == "help" && len(c.Commands) > 0 {
			return nil
		}
	}
	f := c.flags()
	others, err := c.parse(f, []string{c.Name}, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err == nil && f.run == nil:
		return c.unknown([]string{c.Name}, others)
	}
	return err
}

// parse reads the flags. If that fails, the mistake may be that there is no command of the first
// argument's name, whose flags those behind it are; or a command was written as a flag.
func (c *Command) parse(f *Flags, path, args []string) (others []string, err error) {
	others, err = f.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return others, err
	}
	if f.run == nil && !strings.HasPrefix(args[0], "-") {
		return nil, c.unknown(path, args)
	}
	name, _, _ := cutFlag(args[0])
	if strings.HasPrefix(args[0], "-") && f.Lookup(name) == nil && c.Command(name) != nil {
		return nil, fmt.Errorf("there is no flag -%s, but a command: %s", name, strings.Join(append(slices.Clip(path), name), " "))
	}
	return others, err
}

// tell says what is wrong, and returns the exit status.
func (c *Command) tell(s Streams, path, args []string, err error) int {
	if c.Mistake != nil {
		if status, told := c.Mistake(s, args, err); told {
			return status
		}
	}
	s.Complain(path, err)
	return c.misuse()
}

// Command returns the one below with the name, or nil.
func (c *Command) Command(name string) *Command {
	for _, below := range c.Commands {
		if below.Name == name {
			return below
		}
	}
	return nil
}

func (c *Command) misuse() int {
	if c.Misuse == 0 {
		return DefaultMisuse
	}
	return c.Misuse
}

// flags returns the flags as Begin declares them.
func (c *Command) flags() *Flags {
	f := NewFlags(c.Name)
	if c.Begin != nil {
		f.run = c.Begin(f)
	}
	f.Group("") // ends the last one
	return f
}

// unknown says what is wrong where one of the commands below should have been named.
func (c *Command) unknown(path []string, args []string) error {
	list := strings.Join(path, " ") + " -help lists them"
	if len(args) == 0 {
		return errors.New("no command is given; " + list)
	}
	return fmt.Errorf("there is no command %q%s %s", args[0], orNearest(args[0], c.names()), list)
}

func (c *Command) names() (names []string) {
	for _, below := range c.Commands {
		names = append(names, below.Name)
	}
	return names
}

// help prints that of the command that the arguments lead to.
func (c *Command) help(s Streams, path []string, args []string) int {
	for i, name := range args {
		if strings.HasPrefix(name, "-") {
			continue
		}
		below := c.Command(name)
		if below == nil && c.Topic != nil && i == len(args)-1 {
			if text := c.Topic(name, s.Screen); text != "" {
				io.WriteString(s.Out, text)
				return 0
			}
		}
		if below == nil {
			s.Complain(path[:1], c.unknown(path, args[i:]))
			return c.misuse()
		}
		c, path = below, append(slices.Clip(path), name)
	}
	if _, err := io.WriteString(s.Out, c.Help(path, s.Screen)); err != nil {
		s.Complain(path, err)
		return c.misuse()
	}
	return 0
}
