package work

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/danesmtp/danesmtp/dane/survey"
)

// ErrEmpty says that a list has no lines, or only blank ones and comments.
var ErrEmpty = errors.New("the list is empty")

// maxLead bounds what is read of a list before its first domain, in octets.
const maxLead = 1 << 20

// Lead reads a list as far as its first domain, and returns all of it. The error says why there is none,
// before anything has been made for it.
func Lead(ctx context.Context, r io.Reader, column string) (io.Reader, error) {
	var read bytes.Buffer
	list, err := survey.NewList(io.TeeReader(r, &read), column)
	if err != nil {
		return nil, err
	}
	var first error
	for lines := 0; ; lines++ {
		e, err := list.Next(ctx)
		switch {
		case err == nil && whyNoDomain(e) == nil:
			return io.MultiReader(&read, r), nil
		case err == nil && lines == 0:
			first = whyNoDomain(e)
		}
		switch {
		case err == io.EOF && lines == 0:
			return nil, ErrEmpty
		case err == io.EOF:
			return nil, fmt.Errorf("no line has a domain: %w", first)
		case err != nil:
			return nil, err
		case read.Len() > maxLead:
			return nil, fmt.Errorf("none of the first %d lines has a domain: %w", lines+1, first)
		}
	}
}

// whyNoDomain returns why an entry has no domain, and what would help.
func whyNoDomain(e survey.Entry) error {
	why, comma := e.Err, ','
	if why == nil {
		at := strings.IndexAny(e.Domain, ";\t|\" ")
		if at < 0 {
			return nil
		}
		why = fmt.Errorf("line %d: %.60q: there is no domain in it", e.Line, e.Input)
		if c := rune(e.Domain[at]); c == ';' || c == '\t' {
			why, comma = fmt.Errorf("line %d: %.60q: %w", e.Line, e.Input, survey.ErrColumns), c
		}
	}
	if !errors.Is(why, survey.ErrColumns) {
		return why
	}
	reader := csv.NewReader(strings.NewReader(e.Input))
	reader.Comma, reader.LazyQuotes = comma, true
	cells, _ := reader.Read() // of what cannot be read nothing is said
	return fmt.Errorf("%w; -column NAME says it (%.200s)", why, strings.Join(cells, ", "))
}
