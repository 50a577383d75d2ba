package survey

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// MaxLine bounds a line of a List in octets. A domain name has 255 (RFC 1035 §2.3.4), an
// internationalized one several times as many.
const MaxLine = 4096

// ErrColumns is why a line has no domain that looks like CSV, where no column is named.
var ErrColumns = errors.New("it has columns, and it is not said which one has the domain")

// A ColumnError says that a list does not have the column that was named, so that no line has a
// domain.
type ColumnError struct {
	// Column is the name that was given, and Names are those of the list.
	Column string
	Names  []string
}

func (e *ColumnError) Error() string {
	return fmt.Sprintf("no column is named %q, but %q", e.Column, e.Names)
}

// A List is a [Source] that reads a list as people have it: a line each with a domain, as Tranco
// has it (1,example.org), an e-mail address, a URL, or CSV of which one column is named. It
// leaves out blank lines, and comments that # begins. A line that is too long, or has no
// domain, is an entry of its own with an error. It keeps one line in memory.
type List struct {
	lines  *bufio.Reader
	format *lineReader
	number int
	end    int64
	err    error // what Next returns from now on
}

// NewList reads the list r. The column is empty unless the list is CSV; by a name it is that of
// the first line, and by a number, from 1, it is that of a list whose first line has no names.
func NewList(r io.Reader, column string) (*List, error) {
	format, err := newLineReader(column)
	if err != nil {
		return nil, err
	}
	return &List{lines: bufio.NewReaderSize(r, MaxLine), format: format}, nil
}

// Next returns the next line that is neither blank nor a comment, or [io.EOF]. Another error is
// that of the reader, or a [*ColumnError]; it has the number of the line, of which nothing is an
// entry: what has been read of a name may be another name. A read that hangs is not ended by ctx.
func (l *List) Next(ctx context.Context) (Entry, error) {
	for l.err == nil {
		if err := ctx.Err(); err != nil {
			return Entry{}, err
		}
		e, err := l.line()
		l.err = err
		if e.Domain != "" || e.Err != nil {
			return e, nil
		}
	}
	return Entry{}, l.err
}

// line reads one line. The error is about the lines after it, if the entry has a domain or an
// error of its own.
func (l *List) line() (Entry, error) {
	l.number++
	line, err := l.lines.ReadSlice('\n')
	e := Entry{Line: l.number, Input: string(bytes.TrimRight(line, "\r\n"))}
	l.end += int64(len(line))
	long := errors.Is(err, bufio.ErrBufferFull)
	if err != nil && err != io.EOF && !long {
		return Entry{}, fmt.Errorf("line %d: %w", l.number, err)
	}
	if long {
		e.Err = fmt.Errorf("line %d is longer than %d octets: %.40q…", l.number, MaxLine, line)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = l.lines.ReadSlice('\n')
			l.end += int64(len(line))
		}
	} else if domain, wrong := l.format.domain(line); wrong == nil {
		e.Domain = domain
	} else if _, fatal := errors.AsType[*ColumnError](wrong); fatal {
		return Entry{}, fmt.Errorf("line %d: %w", l.number, wrong)
	} else {
		e.Err = fmt.Errorf("line %d: %.60q: %w", l.number, e.Input, wrong)
	}
	e.End = l.end
	if err != nil && err != io.EOF {
		err = fmt.Errorf("line %d: %w", l.number, err)
	}
	return e, err
}
