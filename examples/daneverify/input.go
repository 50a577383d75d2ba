package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxLine bounds a line of -input in octets. A domain name has 255 (RFC 1035
// §2.3.4), an internationalized one several times as many.
const maxLine = 4096

// An entry is a domain to verify, or else a line of -input that has none.
type entry struct {
	domain string
	err    error

	line  int    // of -input, from 1; 0 for a domain of the command line, and for a read that has failed
	input string // the line as it stands there, without its end; no more than maxLine octets
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
	read := make(chan entry)
	go func() {
		defer close(read)
		defer list.Close()
		readLines(list, newLineReader(o.column), func(e entry) bool {
			select {
			case read <- e:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	return read, list.size, nil
}

// readLines yields one domain a line, without blank lines and comments. A line that is too
// long, or in which there is no domain, is an entry of its own with an error, and so is a read
// that fails.
func readLines(r io.Reader, format *lineReader, yield func(entry) bool) {
	lines := bufio.NewReaderSize(r, maxLine)
	var end int64
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		e := entry{line: number, input: string(bytes.TrimRight(line, "\r\n"))}
		end += int64(len(line))
		if errors.Is(err, bufio.ErrBufferFull) {
			e.err = fmt.Errorf("-input: line %d is longer than %d octets: %.40q…", number, maxLine, line)
			for errors.Is(err, bufio.ErrBufferFull) {
				line, err = lines.ReadSlice('\n')
				end += int64(len(line))
			}
		} else if domain, wrong := format.domain(line); isFatal(wrong) {
			yield(entry{err: fmt.Errorf("-input: line %d: %w", number, wrong)})
			return
		} else if wrong != nil {
			e.err = fmt.Errorf("-input: line %d: %.60q: %w", number, e.input, wrong)
		} else {
			e.domain = domain
		}
		e.end = end
		if (e.domain != "" || e.err != nil) && !yield(e) {
			return
		}
		if err != nil {
			if err != io.EOF {
				yield(entry{err: fmt.Errorf("-input: line %d: %w", number, err)})
			}
			return
		}
	}
}
