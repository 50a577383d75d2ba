package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/danesmtp/danesmtp/dane/survey"
)

// An entry is a domain to verify, or else a line of -input that has none.
type entry struct {
	domain string
	err    error

	line  int    // of -input, from 1; 0 for a domain of the command line, and for a read that has failed
	input string // the line as it stands there, without its end; no more than [survey.MaxLine] octets
	end   int64  // octets of the list until its end
}

// A listFile is what -input names.
type listFile struct {
	io.ReadCloser
	size int64 // 0 if it is not known
}

// openList opens what -input names.
func (o *options) openList() (list listFile, err error) {
	list.ReadCloser = io.NopCloser(o.stdin)
	file, ok := o.stdin.(*os.File)
	if o.input != "-" {
		if file, err = os.Open(o.input); err != nil {
			return list, fmt.Errorf("-input: %w", err)
		}
		list.ReadCloser, ok = file, true
	}
	if ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			list.size = info.Size()
		}
	}
	return list, nil
}

// entries returns the domains of the command line or of -input, and the size of the list. The
// file is read as its lines are taken, never whole; the reading ends with ctx. Only a read that
// hangs, as that of a terminal may, lasts as long as the process.
func (o *options) entries(ctx context.Context) (<-chan entry, int64, error) {
	if o.input == "" {
		given := make(chan entry, len(o.domains))
		for _, domain := range o.domains {
			given <- entry{domain: domain}
		}
		close(given)
		return given, 0, nil
	}
	list, err := o.openList()
	if err != nil {
		return nil, 0, err
	}
	lines, err := survey.NewList(list, o.column)
	if err != nil {
		return nil, 0, errors.Join(err, list.Close())
	}
	read := make(chan entry)
	go func() {
		defer close(read)
		defer list.Close()
		for {
			e, err := nextLine(ctx, lines)
			if err == io.EOF {
				return
			}
			select {
			case read <- e:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return read, list.size, nil
}

// nextLine returns an entry; one that has an error, too, is the last.
func nextLine(ctx context.Context, lines *survey.List) (entry, error) {
	e, err := lines.Next(ctx)
	if err != nil {
		return entry{err: fmt.Errorf("-input: %w", err)}, err
	}
	if errors.Is(e.Err, survey.ErrColumns) {
		e.Err = fmt.Errorf("%w; -column does", e.Err)
	}
	if e.Err != nil {
		e.Err = fmt.Errorf("-input: %w", e.Err)
	}
	return entry{domain: e.Domain, err: e.Err, line: e.Line, input: e.Input, end: e.End}, nil
}

// wrongColumn returns what is wrong with -column before any list is read.
func wrongColumn(column string) error {
	if _, err := survey.NewList(nil, column); err != nil {
		return fmt.Errorf("-%w", err)
	}
	return nil
}
