package cli

import (
	"flag"
	"fmt"
	"strings"
	"unicode/utf8"
)

// helpColumn is where the text about a flag begins.
const helpColumn = 22

// Help returns what -help prints: path is the names from the program down to the command.
func (c *Command) Help(path []string, s Screen) string {
	var b strings.Builder
	name := strings.Join(path, " ")
	for i, usage := range c.usage() {
		lead := "usage: "
		if i > 0 {
			lead = "       "
		}
		b.WriteString(s.Wrap(lead, strings.Repeat(" ", len(lead)+4), name+" "+usage))
	}
	paragraphs(&b, s, c.About)
	if len(c.Commands) > 0 {
		heading(&b, s, "Commands")
		for _, below := range c.Commands {
			b.WriteString(row(s, below.Name, below.Summary))
		}
		b.WriteString(row(s, "help", strings.TrimSpace("print the help of a command "+c.Topics)))
		b.WriteString("\n" + s.Wrap("", "", "Each has its own -help. Flags may follow other arguments."))
	}
	for _, g := range c.flags().groups {
		heading(&b, s, g.title)
		for _, one := range g.flags {
			b.WriteString(row(s, flagName(one), flagText(one)))
		}
	}
	paragraphs(&b, s, c.Notes)
	if len(c.Examples) > 0 {
		heading(&b, s, "Examples")
		for _, e := range c.Examples {
			b.WriteString("  " + e.Line + "\n")
			if e.About != "" {
				b.WriteString(s.Wrap("      ", "      ", e.About))
			}
		}
	}
	if len(c.Exits) > 0 {
		heading(&b, s, "Exit status")
		for _, e := range c.Exits {
			b.WriteString(s.Wrap(fmt.Sprintf("  %d  ", e.Status), "     ", e.Means))
		}
	}
	return b.String()
}

func (c *Command) usage() []string {
	if len(c.Usage) == 0 && len(c.Commands) > 0 {
		return []string{"COMMAND [flags] …"}
	}
	if len(c.Usage) == 0 {
		return []string{"[flags]"}
	}
	return c.Usage
}

func heading(b *strings.Builder, s Screen, title string) {
	fmt.Fprintf(b, "\n%s\n", s.Paint(Bold, title+":"))
}

func paragraphs(b *strings.Builder, s Screen, text string) {
	for p := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		switch {
		case p == "":
		case strings.TrimLeft(p, " \t") != p:
			b.WriteByte('\n')
			for line := range strings.SplitSeq(p, "\n") {
				b.WriteString(s.table(line))
			}
		default:
			b.WriteString("\n" + s.Wrap("", "", p))
		}
	}
}

// table returns a line of two columns, with two or more spaces between them. The second one
// may take several lines.
func (s Screen) table(line string) string {
	_, right, found := strings.Cut(strings.TrimLeft(line, " "), "  ")
	if !found || utf8.RuneCountInString(line) <= s.Columns() {
		return line + "\n"
	}
	right = strings.TrimLeft(right, " ")
	first := strings.TrimSuffix(line, right)
	return s.Wrap(first, strings.Repeat(" ", len(first)), right)
}

// row returns a name with the text about it, in columns.
func row(s Screen, name, text string) string {
	indent := strings.Repeat(" ", helpColumn)
	first := "  " + name
	if narrow := s.Columns() < 3*helpColumn; narrow || utf8.RuneCountInString(first) > helpColumn-2 {
		if narrow {
			indent = indent[:6]
		}
		return first + "\n" + s.Wrap(indent, indent, text)
	}
	return s.Wrap(first+indent[utf8.RuneCountInString(first):], indent, text)
}

// flagName returns a flag with the name of its value.
func flagName(one *flag.Flag) string {
	if value, _ := flag.UnquoteUsage(one); value != "" {
		return "-" + one.Name + " " + value
	}
	return "-" + one.Name
}

// flagText returns what a flag does, and its default unless that is nothing, or said already.
func flagText(one *flag.Flag) string {
	_, text := flag.UnquoteUsage(one)
	text = strings.Join(strings.Fields(text), " ")
	switch value := one.DefValue; value {
	case "", "0", "0s", "false":
	default:
		if !strings.Contains(text, "(default") {
			text += " (default " + shortDuration(value) + ")"
		}
	}
	return text
}

// shortDuration drops the zeros of a duration's text; other texts stay.
func shortDuration(text string) string {
	if short, zero := strings.CutSuffix(text, "m0s"); zero {
		text = short + "m"
	}
	if short, zero := strings.CutSuffix(text, "h0m"); zero {
		text = short + "h"
	}
	return text
}
