package survey

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// A lineReader finds the domain in a line.
type lineReader struct {
	column string // of CSV, by name or number; empty for lines that have no columns
	comma  rune   // between columns, as the first line has it
	index  int    // of the column, once it is known
	header bool   // the line with names has been read
}

func newLineReader(column string) (*lineReader, error) {
	l := &lineReader{column: column, index: -1}
	if n, err := strconv.Atoi(column); err == nil {
		if n < 1 {
			return nil, fmt.Errorf("column %d: columns are counted from 1", n)
		}
		l.index, l.header = n-1, true
	}
	return l, nil
}

// domain returns the domain of a line; empty if it is blank, a comment, or has the names of
// columns.
func (l *lineReader) domain(line []byte) (string, error) {
	whole := string(bytes.TrimPrefix(line, []byte("\ufeff")))
	text := strings.TrimSpace(whole)
	if text == "" || text[0] == '#' {
		return "", nil
	}
	if l.column != "" {
		return l.cell(whole)
	}
	text = withoutComment(text)
	if rank, domain, ok := strings.Cut(text, ","); ok {
		if !isNumber(rank) || strings.Contains(domain, ",") {
			return "", ErrColumns
		}
		text = strings.TrimSpace(domain) // of Tranco: 1,google.com
	}
	return domainOf(text)
}

// cell returns the domain in the column of a line.
func (l *lineReader) cell(line string) (string, error) {
	if l.comma == 0 {
		l.comma = separator(line)
	}
	line = strings.Trim(line, " \r\n")
	if l.comma != '\t' { // which at an end has an empty column beside it
		line = strings.TrimSpace(line)
	}
	reader := csv.NewReader(strings.NewReader(line))
	reader.Comma, reader.TrimLeadingSpace, reader.FieldsPerRecord = l.comma, l.comma != '\t', -1
	cells, err := reader.Read()
	if err != nil {
		if e, ok := errors.AsType[*csv.ParseError](err); ok {
			err = e.Err // the number of its line is not ours
		}
		return "", err
	}
	if !l.header {
		return "", l.names(cells)
	}
	if l.index < 0 || l.index >= len(cells) {
		return "", fmt.Errorf("it has %d columns, and no column %s", len(cells), l.column)
	}
	return domainOf(withoutComment(strings.TrimSpace(cells[l.index])))
}

// names finds the column by its name.
func (l *lineReader) names(cells []string) error {
	l.header = true
	for i, name := range cells {
		if strings.EqualFold(strings.TrimSpace(name), l.column) {
			l.index = i
			return nil
		}
	}
	return &ColumnError{l.column, cells}
}

// separator is what stands between the columns of a line.
func separator(line string) rune {
	best, most := ',', 0
	for _, comma := range []rune{',', ';', '\t'} {
		if n := strings.Count(line, string(comma)); n > most {
			best, most = comma, n
		}
	}
	return best
}

// withoutComment cuts a comment off that follows a space.
func withoutComment(text string) string {
	for i := 1; i < len(text); i++ {
		if text[i] == '#' && (text[i-1] == ' ' || text[i-1] == '\t') {
			return strings.TrimSpace(text[:i])
		}
	}
	return text
}

// domainOf returns the domain that a text is about: that of a URL, of an e-mail address, or
// the text itself, whatever it is.
func domainOf(text string) (string, error) {
	switch {
	case text == "":
		return "", errors.New("there is no domain in it")
	case strings.Contains(text, "://"):
		address, err := url.Parse(text)
		if err != nil {
			if e, ok := errors.AsType[*url.Error](err); ok {
				err = e.Err // the text is ours to quote
			}
			return "", fmt.Errorf("it is no URL: %w", err)
		}
		if address.Hostname() == "" {
			return "", errors.New("the URL has no host")
		}
		return address.Hostname(), nil
	}
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return text, nil
	}
	domain, _, _ := strings.Cut(strings.TrimSuffix(text[at+1:], ">"), "?") // as in mailto:a@example.org?subject=
	if domain == "" {
		return "", errors.New("nothing stands after the @")
	}
	return domain, nil
}

func isNumber(text string) bool {
	text = strings.TrimSpace(text)
	return text != "" && strings.Trim(text, "0123456789") == ""
}
