package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// DefaultWidth is how wide text is where there is no terminal.
const DefaultWidth = 80

// minWidth is the narrowest terminal that text is wrapped for.
const minWidth = 20

// Streams are what a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// Screen is what Out is shown on.
	Screen Screen
}

// A Screen is what output is shown on. The zero value is no terminal: 80 columns, no colour.
type Screen struct {
	Terminal bool
	Width    int // in columns; 0 means DefaultWidth
	Colour   bool
}

// ScreenOf looks at what a writer is. There is colour on a terminal only, and not if the
// environment has NO_COLOR or calls the terminal dumb.
func ScreenOf(w io.Writer, getenv func(string) string) Screen {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return Screen{}
	}
	kind := getenv("TERM")
	s := Screen{Terminal: true, Colour: getenv("NO_COLOR") == "" && kind != "" && kind != "dumb"}
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
		s.Width = max(width, minWidth)
	}
	return s
}

// Columns is how wide text may be.
func (s Screen) Columns() int {
	if s.Width == 0 {
		return DefaultWidth
	}
	return s.Width
}

// A Colour is a way to print text on a terminal.
type Colour string

const (
	Bold   Colour = "1"
	Red    Colour = "1;31"
	Green  Colour = "1;32"
	Yellow Colour = "1;33"
	Blue   Colour = "1;34"
)

// Paint returns text in a colour, if there are colours.
func (s Screen) Paint(c Colour, text string) string {
	if !s.Colour || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// Wrap returns text in lines that fit the screen, each with a line feed: the first begins
// with first, the others with rest. Words that are longer than a line are not broken.
func (s Screen) Wrap(first, rest, text string) string {
	var b strings.Builder
	b.WriteString(first)
	width, empty := utf8.RuneCountInString(first), true
	for word := range strings.FieldsSeq(text) {
		length := utf8.RuneCountInString(word)
		if !empty && width+1+length > s.Columns() {
			b.WriteString("\n" + rest)
			width, empty = utf8.RuneCountInString(rest), true
		}
		if !empty {
			b.WriteByte(' ')
			width++
		}
		b.WriteString(word)
		width, empty = width+length, false
	}
	b.WriteByte('\n')
	return b.String()
}

// ours are characters beyond ASCII that are in the program's own words: the sign of a section,
// and what stands for more of the same. They are kept on standard error.
const ours = "§…"

// Complain writes an error on standard error: one line, of printable characters. What is not
// ours may come from anywhere.
func (s Streams) Complain(path []string, err error) {
	var line strings.Builder
	for text := err.Error(); text != ""; {
		end := strings.IndexAny(text, ours)
		if end < 0 {
			end = len(text)
		}
		line.WriteString(printable.Line(text[:end]))
		_, size := utf8.DecodeRuneInString(text[end:])
		line.WriteString(text[end : end+size])
		text = text[end+size:]
	}
	where := ""
	if len(path) > 1 {
		where = strings.Join(path[1:], " ") + ": "
	}
	fmt.Fprintf(s.Err, "%s: %s%s\n", path[0], where, line.String())
}
