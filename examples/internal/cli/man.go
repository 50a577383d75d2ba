package cli

import (
	"flag"
	"fmt"
	"strings"
	"unicode/utf8"
)

// manWidth is how long a line of a manual page's source may be.
const manWidth = 78

// Man returns the manual page of a program, in mdoc, as of a date such as "November 30, 2026".
func (c *Command) Man(date string) string {
	m := new(manual)
	m.line(".Dd %s", date)
	m.line(".Dt %s 1", strings.ToUpper(c.Name))
	m.line(".Os")
	m.line(".Sh NAME")
	m.line(".Nm %s", c.Name)
	m.line(".Nd %s", escaped(c.Summary))
	m.line(".Sh SYNOPSIS")
	for _, usage := range c.usage() {
		m.line(".Nm")
		m.text(usage)
	}
	m.line(".Sh DESCRIPTION")
	m.paragraphs(c.About, false)
	m.flags(c)
	m.paragraphs(c.Notes, true)
	m.line(".Sh COMMANDS")
	m.line(".Bl -tag -width Ds")
	for _, below := range c.Commands {
		m.line(".It Cm %s", below.Name)
		m.text(below.Summary + ".")
	}
	m.line(".El")
	m.commands(c.Commands, "")
	m.line(".Sh ENVIRONMENT")
	m.line(".Bl -tag -width Ds")
	m.line(".It Ev NO_COLOR")
	m.text("If it is not empty, there is no colour. There is none either where output is not to a terminal.")
	m.line(".It Ev TERM")
	m.text("If it is empty or dumb, there is no colour.")
	m.line(".El")
	m.line(".Sh EXIT STATUS")
	m.exits(c)
	m.line(".Sh EXAMPLES")
	m.examples(c)
	return m.String()
}

// A manual is the source of a page.
type manual struct{ strings.Builder }

func (m *manual) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

// commands writes about each of some commands, and those below them. above is what comes
// before their names.
func (m *manual) commands(all []*Command, above string) {
	for _, c := range all {
		name := above + c.Name
		m.line(".Ss %s", name)
		if len(c.Commands) == 0 {
			for i, usage := range c.usage() {
				if i > 0 {
					m.line(".br")
				}
				m.line(".Nm")
				m.line(".Cm %s", name)
				m.text(usage)
			}
			m.line(".Pp")
		}
		if c.About == "" {
			m.text(strings.ToUpper(c.Summary[:1]) + c.Summary[1:] + ".")
		}
		m.paragraphs(c.About, false)
		m.flags(c)
		m.paragraphs(c.Notes, true)
		if len(c.Exits) > 0 {
			m.line(".Pp")
			m.text("Exit status:")
			m.exits(c)
		}
		if len(c.Examples) > 0 {
			m.line(".Pp")
			m.text("Examples:")
			m.examples(c)
		}
		m.commands(c.Commands, name+" ")
	}
}

func (m *manual) flags(c *Command) {
	for _, g := range c.flags().groups {
		m.line(".Pp")
		m.text(g.title + ":")
		m.line(".Bl -tag -width Ds")
		for _, one := range g.flags {
			if value, _ := flag.UnquoteUsage(one); value != "" {
				m.line(".It Fl %s Ar %s", one.Name, escaped(value))
			} else {
				m.line(".It Fl %s", one.Name)
			}
			m.text(strings.TrimSuffix(flagText(one), ".") + ".")
		}
		m.line(".El")
	}
}

func (m *manual) exits(c *Command) {
	m.line(".Bl -tag -width Ds")
	for _, e := range c.Exits {
		m.line(".It %d", e.Status)
		m.text(strings.TrimSuffix(e.Means, ".") + ".")
	}
	m.line(".El")
}

func (m *manual) examples(c *Command) {
	for _, e := range c.Examples {
		m.literal(e.Line)
		if e.About != "" {
			m.text(strings.ToUpper(e.About[:1]) + e.About[1:] + ".")
		}
	}
}

// paragraphs writes text; parted says that something comes before the first one.
func (m *manual) paragraphs(text string, parted bool) {
	for p := range strings.SplitSeq(strings.Trim(text, "\n"), "\n\n") {
		switch {
		case p == "":
			continue
		case strings.TrimLeft(p, " \t") != p:
			m.literal(p)
		default:
			if parted {
				m.line(".Pp")
			}
			m.text(p)
		}
		parted = strings.TrimLeft(p, " \t") == p
	}
}

// literal writes lines as they are.
func (m *manual) literal(text string) {
	m.line(".Bd -literal -offset indent")
	for line := range strings.SplitSeq(text, "\n") {
		m.line("%s", escaped(strings.TrimPrefix(line, "  ")))
	}
	m.line(".Ed")
}

// text writes words, each sentence on lines of its own as the page's language wants it.
func (m *manual) text(text string) {
	width := 0
	for word := range strings.FieldsSeq(text) {
		ended := strings.HasSuffix(word, ".") || strings.HasSuffix(word, "?") || strings.HasSuffix(word, "!") ||
			strings.HasSuffix(word, `."`) || strings.HasSuffix(word, ".)")
		length := utf8.RuneCountInString(escaped(word))
		switch {
		case width == 0:
		case width+1+length > manWidth:
			m.WriteByte('\n')
			width = 0
		default:
			m.WriteByte(' ')
			width++
		}
		if width > 0 {
			m.WriteString(strings.TrimPrefix(escaped(word), `\&`))
		} else {
			m.WriteString(escaped(word))
		}
		width += length
		if ended {
			m.WriteByte('\n')
			width = 0
		}
	}
	if width > 0 {
		m.WriteByte('\n')
	}
}

// escaped returns text that the page's language takes for nothing but text.
func escaped(text string) string {
	var b strings.Builder
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		b.WriteString(`\&`)
	}
	for _, r := range text {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r > 126:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
