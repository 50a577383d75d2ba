package main

import (
	"bytes"
	"errors"
	"io"
)

// A message is what is sent to the recipients of one domain.
type message struct {
	from string // empty: the null sender
	size int64
	open func() (io.ReadCloser, error) // the text, with CRLF
}

// maxText is the longest message that is taken.
const maxText = 64 << 20

var errTooLong = errors.New("the message is too long")

// readText reads a message, and gives its lines the ends that they have in SMTP. LF or CR
// alone must not be sent (RFC 5321 §2.3.8): servers differ in whether a line ends there, and
// so in where the message ends.
func readText(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxText+1))
	switch {
	case err != nil:
		return nil, err
	case len(raw) > maxText:
		return nil, errTooLong
	}
	text := make([]byte, 0, len(raw)+len(raw)/32)
	for len(raw) > 0 {
		end := bytes.IndexAny(raw, "\r\n")
		if end < 0 {
			return append(append(text, raw...), "\r\n"...), nil // the last line ends, too
		}
		text = append(append(text, raw[:end]...), "\r\n"...)
		if bytes.HasPrefix(raw[end:], []byte("\r\n")) {
			end++
		}
		raw = raw[end+1:]
	}
	return text, nil
}

func inMemory(text []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
}
