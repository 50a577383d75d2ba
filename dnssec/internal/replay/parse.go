package replay

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxLine is the longest line that is read; Unbound takes 10 240 octets.
const maxLine = 1 << 16

// An Error is a script that cannot be played.
type Error struct {
	File string
	Line int
	Err  error
}

// Error names the file and the line.
func (e *Error) Error() string { return fmt.Sprintf("replay: %s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

var errUnfinished = errors.New("the file ends too early")

// A parser reads a script line by line.
type parser struct {
	lines   *bufio.Scanner
	line    int
	dialect Dialect
	records recordReader
}

// ReadFile reads the script of a file.
func ReadFile(path string) (*Script, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Parse(f, filepath.Base(path))
}

// Parse reads a script. file is used in errors, which are of type *Error.
func Parse(r io.Reader, file string) (*Script, error) {
	p := newParser(r)
	script, err := p.script()
	if err != nil {
		return nil, &Error{file, p.line, err}
	}
	return script, nil
}

// ParseEntries reads a file of nothing but entries.
func ParseEntries(r io.Reader, file string) ([]*Entry, error) {
	p := newParser(r)
	var entries []*Entry
	for {
		line, err := p.next()
		if err == errUnfinished {
			return entries, nil
		}
		if err == nil && line == "ENTRY_BEGIN" {
			var e *Entry
			e, err = p.entry()
			entries = append(entries, e)
		}
		if err != nil {
			return nil, &Error{file, p.line, err}
		}
	}
}

func newParser(r io.Reader) *parser {
	p := &parser{lines: bufio.NewScanner(r), records: recordReader{origin: ".", ttl: defaultTTL}}
	p.lines.Buffer(nil, maxLine)
	return p
}

// raw returns the next line as it is.
func (p *parser) raw() (string, error) {
	if !p.lines.Scan() {
		if err := p.lines.Err(); err != nil {
			return "", err
		}
		return "", errUnfinished
	}
	p.line++
	line := p.lines.Text()
	if p.line == 1 {
		line = strings.TrimPrefix(line, "\ufeff") // that an editor has put there
	}
	return line, nil
}

// next returns the next line with something on it, without comments.
func (p *parser) next() (string, error) {
	for {
		line, err := p.raw()
		if err != nil {
			return "", err
		}
		line = strings.TrimSpace(cut(line, ";"))
		if line != "" && line[0] != '#' {
			return line, nil
		}
	}
}

// cut returns the line up to one of the characters outside of double quotes.
func cut(line, chars string) string { return cutQuoted(line, chars, `"`) }

// cutQuoted returns the line up to one of the characters outside of the quotes.
func cutQuoted(line, chars, quotes string) string {
	quote, escaped := rune(0), false
	for i, c := range line {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == quote:
			quote = 0
		case quote != 0:
		case strings.ContainsRune(quotes, c):
			quote = c
		case strings.ContainsRune(chars, c):
			return line[:i]
		}
	}
	return line
}

func (p *parser) script() (*Script, error) {
	script, begun := &Script{Ignored: make(map[int]string)}, false
	if err := p.config(&script.Config); err != nil {
		return nil, err
	}
	p.dialect = script.Config.Dialect
	for {
		line, err := p.next()
		if err != nil {
			return nil, err
		}
		word := strings.Fields(line)[0]
		rest := strings.TrimSpace(line[len(word):])
		switch word {
		case "SCENARIO_BEGIN":
			script.Title, begun = rest, true
		case "RANGE_BEGIN":
			r, err := p.scriptRange(rest)
			if err != nil {
				return nil, err
			}
			script.Ranges = append(script.Ranges, *r)
		case "STEP":
			step, err := p.step(rest)
			if err != nil {
				return nil, err
			}
			if n := len(script.Steps); n > 0 && script.Steps[n-1].Number >= step.Number {
				return nil, fmt.Errorf("step %d comes after step %d", step.Number, script.Steps[n-1].Number)
			}
			script.Steps = append(script.Steps, *step)
		case "SCENARIO_END":
			if !begun {
				return nil, errors.New("SCENARIO_END without SCENARIO_BEGIN")
			}
			return script, nil
		case "ENTRY_BEGIN":
			return nil, errors.New("entry outside of a range or step")
		default: // as Unbound does
			script.Ignored[p.line] = line
		}
	}
}

func (p *parser) scriptRange(args string) (*Range, error) {
	r := new(Range)
	if _, err := fmt.Sscan(args, &r.First, &r.Last); err != nil {
		return nil, fmt.Errorf("range %q: %w", args, err)
	}
	for {
		line, err := p.next()
		if err != nil {
			return nil, err
		}
		fields := strings.Fields(line)
		switch {
		case fields[0] == "RANGE_END":
			return r, nil
		case fields[0] == "ADDRESS" && len(fields) == 2:
			server, err := parseServer(fields[1])
			if err != nil {
				return nil, err
			}
			if p.dialect == Unbound {
				r.Servers = nil // the last one counts
			}
			r.Servers = append(r.Servers, server)
		case fields[0] == "ENTRY_BEGIN":
			e, err := p.entry()
			if err != nil {
				return nil, err
			}
			r.Entries = append(r.Entries, e)
		default:
			return nil, fmt.Errorf("%q in a range", line)
		}
	}
}

func (p *parser) step(args string) (*Step, error) {
	fields := strings.Fields(args)
	if len(fields) < 2 {
		return nil, errors.New("step without number and type")
	}
	number, err := strconv.Atoi(fields[0])
	if err != nil {
		return nil, err
	}
	s := &Step{Line: p.line, Number: number, Type: fields[1], Args: fields[2:]}
	switch s.Type {
	case "QUERY", "CHECK_ANSWER", "CHECK_OUT_QUERY", "REPLY":
		if err := p.begin("ENTRY_BEGIN"); err != nil {
			return nil, err
		}
		s.Entry, err = p.entry()
		if err == nil && s.Type == "QUERY" && len(s.Entry.Msg.Question) != 1 {
			err = errors.New("a query that is not one question")
		}
		return s, err
	case "CHECK_AUTOTRUST", "CHECK_TEMPFILE":
		if err := p.begin("FILE_BEGIN"); err != nil {
			return nil, err
		}
		if len(s.Args) != 1 {
			return nil, fmt.Errorf("%s without the name of a file", s.Type)
		}
		s.File, err = p.until("FILE_END")
		return s, err
	case "TIME_PASSES", "TRAFFIC", "NOTHING", "ASSIGN", "TIMEOUT", "ERROR", "INFRA_RTT", "FLUSH_MESSAGE", "EXPIRE_MESSAGE":
		return s, nil
	}
	return nil, fmt.Errorf("unknown type of step %q", s.Type)
}

// begin reads the word with which the content of a step begins.
func (p *parser) begin(word string) error {
	line, err := p.next()
	if err == nil && strings.Fields(line)[0] != word {
		err = fmt.Errorf("%q where %s should be", line, word)
	}
	return err
}

// until returns the lines before the one that is the word.
func (p *parser) until(word string) ([]string, error) {
	var lines []string
	for {
		line, err := p.raw()
		if err != nil {
			return nil, err
		}
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] == word {
			return lines, nil
		}
		lines = append(lines, line)
	}
}
