package smtpprobe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
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
