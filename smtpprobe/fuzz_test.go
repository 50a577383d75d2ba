package smtpprobe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// FuzzReadReply: a reply that is read is within the limits, prints safely, and is
// the same once more after it was written. All else is an error that says why.
func FuzzReadReply(f *testing.F) {
	for _, seed := range []string{
		"250 OK\r\n", "250-a\r\n250 b\r\n", "250\n", "250-a\r\n251 b\r\n", "250 a\rb\r\r\n", "220 \x00\xff\r\n16 03", "", "2", "\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		reply, err := readReply(newReader(bytes.NewReader(in)), false)
		if len(reply.Lines) > maxReplyLines {
			t.Fatalf("%d lines", len(reply.Lines))
		}
		for _, c := range []byte(reply.String()) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q prints octet %#x", in, c)
			}
		}
		if err != nil {
			if !errors.Is(err, ErrReply) && err != io.ErrUnexpectedEOF {
				t.Fatalf("error %v", err)
			}
			return
		}
		if !bytes.Contains(in, fmt.Appendf(nil, "%03d", reply.Code)) {
			t.Fatalf("code %d of %q", reply.Code, in)
		}
		exact, err := readReply(newReader(bytes.NewReader(in)), true)
		if err == nil && (exact.Code != reply.Code || !slices.Equal(exact.Lines, reply.Lines)) {
			t.Fatalf("%q is %#v, and exactly %#v", in, reply, exact)
		}
		var wire bytes.Buffer
		for i, line := range reply.Lines {
			sep := "-"
			if i == len(reply.Lines)-1 {
				sep = " "
			}
			fmt.Fprintf(&wire, "%03d%s%s\r\n", reply.Code, sep, line)
		}
		longer := wire.Len() > len(in) // a bare LF has become CRLF, so limits may strike
		again, err := readReply(newReader(&wire), false)
		if err != nil && !longer {
			t.Fatalf("cannot be read again: %v", err)
		}
		if err == nil && (again.Code != reply.Code || !slices.Equal(again.Lines, reply.Lines)) {
			t.Fatalf("%#v became %#v", reply, again)
		}
	})
}

// FuzzConn: what a client reads is what the server says, line by line and whatever the size of
// the reads, but that it hears of no STARTTLS.
func FuzzConn(f *testing.F) {
	for _, seed := range []string{
		"250-a\r\n250 STARTTLS\r\n", "250-STARTTLS\n", "250 starttls x\r\r\n", "250", "250 OK\r\n250 ", "\n\n", "250-\x00STARTTLS\r\n", "250 STARTTLS\f",
	} {
		f.Add([]byte(seed), 1)
		f.Add([]byte(seed), 64)
	}
	f.Fuzz(func(t *testing.T, said []byte, size int) {
		conn := &Conn{in: newReader(bytes.NewReader(said)), unread: []byte("220 a\r\n")}
		heard, err := io.ReadAll(iotest.OneByteReader(conn))
		again := &Conn{in: newReader(iotest.HalfReader(bytes.NewReader(said))), unread: []byte("220 a\r\n")}
		var other bytes.Buffer
		if _, err := io.CopyBuffer(&other, struct{ io.Reader }{again}, make([]byte, max(1, size%5000))); err != nil {
			t.Fatal(err)
		}
		if err != nil || !bytes.Equal(heard, other.Bytes()) {
			t.Fatalf("%q is read as %q and %q, %v", said, heard, other.Bytes(), err)
		}
		lines := bytes.SplitAfter(heard, []byte("\n"))[1:]
		for i, line := range bytes.SplitAfter(said, []byte("\n")) {
			if bytes.Equal(line, lines[i]) {
				if code, text, _, ok := parseLine(line); ok && code == 250 && len(line) < maxReplyLine && strings.EqualFold(strings.TrimSpace(text), startTLS) {
					t.Fatalf("%q is an offer", line)
				}
				continue
			}
			if offers, _ := offersStartTLS([]string{string(lines[i][4:])}); offers || !bytes.Contains(bytes.ToUpper(line), []byte(startTLS)) {
				t.Fatalf("%q became %q", line, lines[i])
			}
		}
	})
}
