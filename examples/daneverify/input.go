package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec"
)

// entries are the domains of the command line, or the lines of -input: a [survey.Source].
type entries struct {
	read  <-chan read
	begun int // given to the survey
}

// A read is an entry, or why there are no more.
type read struct {
	entry survey.Entry
	err   error
}

// Next waits for a line until ctx ends: a read that hangs, as that of a terminal may, lasts as
// long as the process.
func (e *entries) Next(ctx context.Context) (survey.Entry, error) {
	select {
	case <-ctx.Done():
		return survey.Entry{}, ctx.Err()
	case next, more := <-e.read:
		if !more {
			return survey.Entry{}, io.EOF
		}
		if next.err == nil {
			e.begun++
		}
		return next.entry, next.err
	}
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
// file is read as its lines are taken, never whole; the reading ends with ctx.
func (o *options) entries(ctx context.Context) (*entries, int64, error) {
	if o.input == "" {
		given := make(chan read, len(o.domains))
		for _, domain := range o.domains {
			given <- read{entry: survey.Entry{Input: domain, Domain: domain}}
		}
		close(given)
		return &entries{read: given}, 0, nil
	}
	list, err := o.openList()
	if err != nil {
		return nil, 0, err
	}
	lines, err := survey.NewList(list, o.column)
	if err != nil {
		return nil, 0, errors.Join(err, list.Close())
	}
	lined := make(chan read)
	go func() {
		defer close(lined)
		defer list.Close()
		for {
			next := nextLine(ctx, lines)
			if next.err == io.EOF {
				return
			}
			select {
			case lined <- next:
			case <-ctx.Done():
				return
			}
			if next.err != nil {
				return
			}
		}
	}()
	return &entries{read: lined}, list.size, nil
}

// domainIn returns the domain in what was given in place of one, by the rules of -input and
// without a port: that of an e-mail address or a URL. It is empty if there is none, or nothing else.
func domainIn(given string) string {
	lines, err := survey.NewList(strings.NewReader(given), "")
	if err != nil {
		return ""
	}
	entry, err := lines.Next(context.Background())
	if err != nil || entry.Err != nil {
		return ""
	}
	name, _, _ := strings.Cut(entry.Domain, ":")
	if domain, err := dane.NewDomain(name, dnssec.Insecure); err == nil && strings.Contains(domain.Name, ".") {
		return domain.Name
	}
	return ""
}

// nextLine reads a line, with errors in the words of the flags.
func nextLine(ctx context.Context, lines *survey.List) read {
	e, err := lines.Next(ctx)
	if errors.Is(e.Err, survey.ErrColumns) {
		e.Err = fmt.Errorf("%w; -column does", e.Err)
	}
	if e.Err != nil {
		e.Err = fmt.Errorf("-input: %w", e.Err)
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("-input: %w", err)
	}
	return read{e, err}
}

// wrongColumn returns what is wrong with -column before any list is read.
func wrongColumn(column string) error {
	if _, err := survey.NewList(nil, column); err != nil {
		return fmt.Errorf("-%w", err)
	}
	return nil
}
