package cli

import (
	"flag"
	"fmt"
	"strings"
)

// Shells returns the shells that there are completions for.
func Shells() []string { return []string{"bash", "zsh", "fish"} }

// Completion returns a script that completes command lines of a program in a shell.
func (c *Command) Completion(shell string) (string, error) {
	switch shell {
	case "bash":
		return c.bash(), nil
	case "zsh":
		return c.zsh(), nil
	case "fish":
		return c.fish(), nil
	}
	return "", fmt.Errorf("there are no completions for %q: want %s", shell, strings.Join(Shells(), ", "))
}

// A leaf is a command with the words that lead to it, for completions.
type leaf struct {
	*Command
	path  string // without the program; empty for that itself
	flags []*flag.Flag
}

// leaves returns the program and all its commands.
func (c *Command) leaves() []leaf { return c.leavesAt("") }

func (c *Command) leavesAt(path string) []leaf {
	own := leaf{Command: c, path: path}
	for _, g := range c.flags().groups {
		own.flags = append(own.flags, g.flags...)
	}
	all := []leaf{own}
	for _, below := range c.Commands {
		all = append(all, below.leavesAt(strings.TrimSpace(path+" "+below.Name))...)
	}
	return all
}

// A kind says what completes the value of a flag.
type kind uint8

const (
	noValue kind = iota
	anything
	file
	words
)

func kindOf(one *flag.Flag) (kind, []string) {
	value, _ := flag.UnquoteUsage(one)
	switch {
	case isBool(one):
		return noValue, nil
	case value == "FILE" || value == "DIR":
		return file, nil
	case strings.Contains(value, "|"):
		return words, strings.Split(value, "|")
	}
	return anything, nil
}

// called returns the names, each with a hyphen, of flags whose values are of a kind.
func called(flags []*flag.Flag, wanted ...kind) string {
	var names []string
	for _, one := range flags {
		k, _ := kindOf(one)
		for _, w := range wanted {
			if k == w {
				names = append(names, "-"+one.Name)
			}
		}
	}
	return strings.Join(names, " ")
}

// arguments returns what the first argument can be, as far as that is known.
func (l *leaf) arguments() []string {
	return append(l.names(), l.Words...)
}

// function is the name of the program in names of functions.
func (c *Command) function() string { return "_" + strings.ReplaceAll(c.Name, "-", "_") }

// shellQuoted returns a text in single quotes.
func shellQuoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func fishQuoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

// brief returns the beginning of a flag's text, for lists.
func brief(one *flag.Flag) string {
	text := flagText(one)
	if i := strings.IndexAny(text, ":;("); i > 8 {
		text = strings.TrimSpace(text[:i])
	}
	return text
}
