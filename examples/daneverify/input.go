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
}

// entries returns the domains of the command line or of -input. The file is read as
// its lines are taken, never whole; the reading ends with ctx. Only a read that hangs,
// as that of a terminal may, lasts as long as the process.
func (o *options) entries(ctx context.Context) (<-chan entry, error) {
	if o.input == "" {
		given := make(chan entry, len(o.domains))
		for _, domain := range o.domains {
			given <- entry{domain: domain}
		}
		close(given)
		return given, nil
	}
	list := io.NopCloser(o.stdin)
	if o.input != "-" {
		file, err := os.Open(o.input)
		if err != nil {
			return nil, fmt.Errorf("-input: %w", err)
		}
		list = file
	}
	read := make(chan entry)
	go func() {
		defer close(read)
		defer list.Close()
		readLines(list, func(e entry) bool {
			select {
			case read <- e:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	return read, nil
}

// readLines yields one domain a line, without blank lines and comments. A line that
// is too long is an entry of its own with an error, and so is a read that fails.
func readLines(r io.Reader, yield func(entry) bool) {
	lines := bufio.NewReaderSize(r, maxLine)
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		tooLong := errors.Is(err, bufio.ErrBufferFull)
		var e entry
		if tooLong {
			e.err = fmt.Errorf("-input: line %d is longer than %d octets: %.40q…", number, maxLine, line)
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = lines.ReadSlice('\n')
			}
		} else if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			e.domain = string(line)
		}
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
