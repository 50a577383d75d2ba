package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

const (
	// maxRequest bounds the name of the table and a key, which is a name of at most 255 octets
	// with a port.
	maxRequest = 1024
	// maxSkipped bounds what is read and thrown away of a request that is too long, so that the
	// connection can go on. Postfix takes replies up to 100,000 octets (socketmap_table(5)).
	maxSkipped = 100_000
	// maxDigits bounds the length of a netstring in digits.
	maxDigits = len("100000")
)

var (
	errNetstring = errors.New("not a netstring")
	errTooLong   = errors.New("too long")
)

// readNetstring reads a string that has its length in front and a comma behind. It is
// errTooLong, wrapped, for one that is well-formed and was thrown away. Any other error but
// io.EOF, which is an end between two of them, ends the connection.
func readNetstring(r *bufio.Reader) (string, error) {
	length := 0
	for digits := 0; ; digits++ {
		c, err := r.ReadByte()
		switch {
		case err == io.EOF && digits > 0:
			return "", io.ErrUnexpectedEOF
		case err != nil:
			return "", err
		case c == ':' && digits > 0:
		case c < '0' || c > '9', digits >= maxDigits, digits == 1 && length == 0: // as in "01:"
			return "", fmt.Errorf("%w: %q in its length", errNetstring, c)
		default:
			length = 10*length + int(c-'0')
			continue
		}
		break
	}
	if length > maxSkipped {
		return "", fmt.Errorf("%w: %d octets", errNetstring, length)
	}
	if length > maxRequest {
		if _, err := r.Discard(length); err != nil {
			return "", unexpected(err)
		}
		if err := readComma(r); err != nil {
			return "", err
		}
		return "", fmt.Errorf("%w: %d octets, the limit is %d", errTooLong, length, maxRequest)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return "", unexpected(err)
	}
	return string(text), readComma(r)
}

func readComma(r *bufio.Reader) error {
	c, err := r.ReadByte()
	if err != nil {
		return unexpected(err)
	}
	if c != ',' {
		return fmt.Errorf("%w: %q in place of the comma", errNetstring, c)
	}
	return nil
}

// unexpected is the error for an end in the middle.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// netstring returns text in the form that readNetstring reads.
func netstring(text string) string { return strconv.Itoa(len(text)) + ":" + text + "," }

// A status is the first word of a reply (socketmap_table(5)).
type status string

const (
	ok       status = "OK"       // a policy follows
	notFound status = "NOTFOUND" // the next table is asked
	temp     status = "TEMP"     // the mail waits; the reason follows
	perm     status = "PERM"     // the same, for what will not be better by itself
)

// A reply is what a client of the table gets.
type reply struct {
	status status
	text   string
}

// maxText bounds the text of a reply. Postfix logs 200 characters of it.
const maxText = 400

// String returns the reply as it is sent. The space is there even if nothing follows. It is one
// line, since it goes to logs: line ends, as between several errors, are semicolons.
func (r reply) String() string {
	text := strings.ReplaceAll(r.text, "\n", "; ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return string(r.status) + " " + text
}

// splitRequest returns the key of a request, which the name of a table precedes. The name does
// not matter.
func splitRequest(request string) (key string, err error) {
	_, key, found := strings.Cut(request, " ")
	if !found {
		return "", errors.New("the request is not the name of a table, a space and a key")
	}
	return key, nil
}
