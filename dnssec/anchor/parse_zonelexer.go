package anchor

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// What is not allowed in a zone file.
var (
	errNoText      = errors.New("octets that are no text")
	errParenthesis = errors.New("a parenthesis closes what was not opened")
	errOpen        = errors.New("a parenthesis is not closed")
	errQuoted      = errors.New("a quoted string, which neither DS nor DNSKEY records have")
)

// A zoneEntry is what RFC 1035 §5.1 calls an entry: a line, or several in parentheses,
// without comments.
type zoneEntry struct {
	line     int  // where it begins, from 1
	indented bool // it begins with a blank: its name is that of the entry before
	fields   []string
}

// A zoneLexer splits a zone file into entries.
type zoneLexer struct {
	rest string
	line int // of rest
}

// next returns the next entry that is not empty, or io.EOF. With an error, the line of
// the entry is where it is.
func (l *zoneLexer) next() (zoneEntry, error) {
	for l.rest != "" {
		entry := zoneEntry{line: l.line, indented: strings.ContainsRune(" \t", rune(l.rest[0]))}
		if l.rest[0] == '#' {
			// This is not in RFC 1035, but systemd's files have such comments, and
			// people write them. No zone's name begins like this.
			l.skipComment()
		}
		if err := l.read(&entry); err != nil {
			return zoneEntry{line: entry.line}, err
		}
		if len(entry.fields) > 0 {
			return entry, nil
		}
	}
	return zoneEntry{line: l.line}, io.EOF
}

// read reads the rest of an entry, and the end of its line.
func (l *zoneLexer) read(entry *zoneEntry) error {
	depth := 0
	for l.rest != "" {
		c := l.rest[0]
		switch {
		case c == '\n':
			l.rest = l.rest[1:]
			l.line++
			if depth == 0 {
				return nil
			}
			if len(entry.fields) == 0 {
				entry.line = l.line
			}
			continue
		case c == ';':
			l.skipComment()
			continue
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				return errParenthesis
			}
		case c == '"':
			return errQuoted
		case c == ' ', c == '\t', c == '\r':
		case c < ' ':
			return errNoText
		default:
			entry.fields = append(entry.fields, l.field())
			continue
		}
		l.rest = l.rest[1:]
	}
	if depth > 0 {
		return errOpen
	}
	return nil
}

// field returns the characters up to one that ends a field. A backslash escapes the next one
// (RFC 1035 §5.1), and both are kept.
func (l *zoneLexer) field() string {
	end := 0
	for end < len(l.rest) && l.rest[end] > ' ' && !strings.ContainsRune(`;()"`, rune(l.rest[end])) {
		if l.rest[end] == '\\' && end+1 < len(l.rest) && l.rest[end+1] >= ' ' {
			end++
		}
		end++
	}
	field := l.rest[:end]
	l.rest = l.rest[end:]
	return field
}

// skipComment goes to the end of the line.
func (l *zoneLexer) skipComment() {
	comment, _, _ := strings.Cut(l.rest, "\n")
	l.rest = l.rest[len(comment):]
}

// errField says that a field makes no sense. It quotes the beginning of the field.
func errField(field, want string) error { return fmt.Errorf("%.40q is no %s", field, want) }
