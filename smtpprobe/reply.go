package smtpprobe

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// A Reply is what a server said, usually to a command (RFC 5321 §4.2). The zero
// Reply means that there was no reply. Print it with [Reply.String]: Lines are as they came.
type Reply struct {
	// Code of three digits, that of the last line; 0 if there was no reply, or none
	// that could be read.
	Code int
	// Lines of text, without code and line end. They may hold any octets but LF.
	Lines []string
}

// String returns the reply on one line of printable ASCII: code, and the texts
// separated by semicolons. All else is escaped as in "\x1b", and a backslash is
// doubled.
func (r Reply) String() string {
	if r.Code == 0 {
		return r.Text()
	}
	return strings.TrimRight(fmt.Sprintf("%03d %s", r.Code, r.Text()), " ")
}

// Text returns the reply as [Reply.String] does, but without the code.
func (r Reply) Text() string { return escaped(strings.Join(r.Lines, "; ")) }

// EnhancedCode returns the enhanced status code that the server gives, such as
// "4.7.1" (RFC 2034, RFC 3463); empty if there is none. One whose class is not the
// first digit of Code does not count (RFC 2034 §4).
func (r Reply) EnhancedCode() string {
	// Lines should agree; where they do not, the last one decides, as for Code.
	for _, line := range slices.Backward(r.Lines) {
		if code, _, _ := strings.Cut(line, " "); r.isEnhanced(code) {
			return code
		}
	}
	return ""
}

// isEnhanced reports whether a word is an enhanced status code: class, subject and
// detail, the latter of one to three digits (RFC 3463 §2).
func (r Reply) isEnhanced(word string) bool {
	parts := strings.Split(word, ".")
	if len(parts) != 3 || parts[0] != strconv.Itoa(r.Code/100) || r.Code/100 == 3 {
		return false
	}
	for _, part := range parts[1:] {
		if len(part) < 1 || len(part) > 3 || strings.Trim(part, "0123456789") != "" {
			return false
		}
	}
	return true
}

// Permanent reports whether trying the same again is of no use (RFC 5321 §4.2.1).
func (r Reply) Permanent() bool { return r.Code/100 == 5 }

// positive reports whether the server did what it was told. The first digit counts
// (RFC 5321 §4.2.1), so that a 250 where 220 is usual does no harm.
func (r Reply) positive() bool { return r.Code/100 == 2 }

// escaped writes what is no printable ASCII as octets: what is printed here goes to
// terminals and logs.
func escaped(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// readReply reads one reply, and takes what other senders of mail take: more than one
// CR before an LF, and another code on the last line, which then counts. That costs
// nothing: who can say so in clear could say it properly as well. An exact reply has
// nothing of that.
//
// The reader must be of newReader, which bounds the lines. With an error, the Reply
// holds what was read before it. The error wraps ErrReply, or is that of the
// connection; a connection that ends is io.ErrUnexpectedEOF.
func readReply(r *bufio.Reader, exact bool) (Reply, error) {
	var reply Reply
	lines := maxReplyLines
	if exact {
		lines = maxExactLines
	}
	size := 0
	for {
		line, err := r.ReadSlice('\n')
		switch {
		case err == bufio.ErrBufferFull:
			return reply, fmt.Errorf("%w: a line of more than %d octets", ErrReply, maxReplyLine)
		case err == io.EOF:
			return reply, io.ErrUnexpectedEOF
		case err != nil:
			return reply, err
		}
		if size += len(line); size > maxReplyBytes {
			return reply, fmt.Errorf("%w: more than %d octets", ErrReply, maxReplyBytes)
		}
		if len(reply.Lines) == lines {
			return reply, fmt.Errorf("%w: more than %d lines", ErrReply, lines)
		}
		code, text, last, ok := parseLine(line)
		switch {
		case !ok:
			return reply, fmt.Errorf("%w: %.80q", ErrReply, line)
		case exact && strings.HasSuffix(text, "\r"): // RFC 5321 §2.3.8
			return reply, fmt.Errorf("%w: a line that ends in CR CR LF", ErrReply)
		case exact && reply.Code != 0 && code != reply.Code: // RFC 5321 §4.2.1
			return reply, fmt.Errorf("%w: code %03d in a reply of code %03d", ErrReply, code, reply.Code)
		}
		reply.Code = code
		reply.Lines = append(reply.Lines, strings.TrimRight(text, "\r"))
		if last {
			return reply, nil
		}
	}
}

// newReader returns a reader for readReply.
func newReader(r io.Reader) *bufio.Reader { return bufio.NewReaderSize(r, maxReplyLine) }

// parseLine takes a line of a reply apart: three digits, a hyphen in all lines but
// the last, and text (RFC 5321 §4.2).
//
// Deviation: RFC 5321 §2.3.8 has CRLF only as the end of a line; here a bare LF is
// one too, and readReply takes CR CR LF. Senders of mail tolerate both, so a probe
// must, and it is no way in: it can only split a reply in two, and the second one is
// then fatal as unasked.
func parseLine(line []byte) (code int, text string, last, ok bool) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) < 3 || line[0] < '2' || line[0] > '5' {
		return 0, "", false, false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, "", false, false
		}
		code = code*10 + int(c-'0')
	}
	if len(bytes.TrimRight(line, "\r")) == 3 {
		return code, string(line[3:]), true, true // RFC 5321 §4.2: clients accept a code alone
	}
	if line[3] != ' ' && line[3] != '-' {
		return 0, "", false, false
	}
	return code, string(line[4:]), line[3] == ' ', true
}
