package main

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestReadNetstring(t *testing.T) {
	for _, tt := range []struct {
		why, in, want string
		err           error
	}{
		{"a request", "16:dane example.org,", "dane example.org", nil},
		{"the empty one", "0:,", "", nil},
		{"commas and colons in it", "5:a,b:c,", "a,b:c", nil},
		{"the longest", "1024:" + strings.Repeat("x", 1024) + ",", strings.Repeat("x", 1024), nil},
		{"one more", "1025:" + strings.Repeat("x", 1025) + ",", "", errTooLong},
		{"64 kB", "65536:" + strings.Repeat("x", 65536) + ",", "", errTooLong},
		{"more than is skipped", "100001:" + strings.Repeat("x", 100001) + ",", "", errNetstring},
		{"a length that does not end", strings.Repeat("9", 1000), "", errNetstring},
		{"no length", ":,", "", errNetstring},
		{"a zero in front", "01:x,", "", errNetstring},
		{"a sign", "+1:x,", "", errNetstring},
		{"a blank", " 1:x,", "", errNetstring},
		{"no comma", "1:xx", "", errNetstring},
		{"no comma after a long one", "2000:" + strings.Repeat("x", 2001), "", errNetstring},
		{"a line of HTTP", "GET / HTTP/1.1\r\n", "", errNetstring},
		{"the end", "", "", io.EOF},
		{"the end within the length", "1", "", io.ErrUnexpectedEOF},
		{"the end behind it", "1:", "", io.ErrUnexpectedEOF},
		{"the end within the text", "5:abc", "", io.ErrUnexpectedEOF},
		{"the end before the comma", "3:abc", "", io.ErrUnexpectedEOF},
		{"the end of a long one", "2000:abc", "", io.ErrUnexpectedEOF},
	} {
		got, err := readNetstring(bufio.NewReader(strings.NewReader(tt.in)))
		if !errors.Is(err, tt.err) || err == nil && got != tt.want {
			t.Errorf("%s: %q, %v; want %q, %v", tt.why, got, err, tt.want, tt.err)
		}
	}
}

// FuzzNetstring: what is read was written so, and what was written is read.
func FuzzNetstring(f *testing.F) {
	for _, s := range []string{"16:dane example.org,", "0:,", "01:x,", "1025:x", "999999:", "5:abc", "3:abc;", "3:abc,3:def,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		r := bufio.NewReader(strings.NewReader(in))
		rest := in
		for {
			text, err := readNetstring(r)
			if errors.Is(err, errTooLong) {
				return
			}
			if err != nil {
				break
			}
			var found bool
			if rest, found = strings.CutPrefix(rest, netstring(text)); !found || len(text) > maxRequest {
				t.Fatalf("%q is read from %q", text, in)
			}
		}
		if len(in) <= maxRequest {
			if text, err := readNetstring(bufio.NewReader(strings.NewReader(netstring(in)))); text != in || err != nil {
				t.Errorf("%q is read as %q, %v", netstring(in), text, err)
			}
		}
		if key, err := splitRequest(in); err == nil {
			if target, applies := parseKey(key); applies {
				if again, applies := parseKey(target.String()); !applies || again != target {
					t.Errorf("%q is %v, and that is %v", key, target, again)
				}
			}
		}
	})
}

func TestReplies(t *testing.T) {
	for _, tt := range []struct {
		reply reply
		want  string
	}{
		{reply{ok, "dane"}, "7:OK dane,"},
		{reply{notFound, ""}, "9:NOTFOUND ,"},
		{reply{temp, "bogus"}, "10:TEMP bogus,"},
	} {
		if got := netstring(tt.reply.String()); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
	if got := len(reply{temp, strings.Repeat("x", 100_000)}.String()); got > 500 {
		t.Errorf("a reason of 100,000 octets gives a reply of %d", got)
	}
}

// TestReplyIsALine: whatever the reason is, a reply is a line that is not too long, and a text.
func TestReplyIsALine(t *testing.T) {
	for _, text := range []string{"", "one\ntwo", strings.Repeat("x", 1000), strings.Repeat("ü", 1000), "x" + strings.Repeat("ü", 1000)} {
		got := reply{temp, text}.String()
		if len(got) > len("TEMP ")+maxText+len("…") || strings.Contains(got, "\n") || !utf8.ValidString(got) {
			t.Errorf("%q of %d octets", got, len(got))
		}
	}
}
