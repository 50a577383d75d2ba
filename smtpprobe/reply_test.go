package smtpprobe

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadReply(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxReplyLine-len("250 \r\n"))
	for _, test := range []struct {
		name, in string
		want     Reply // with an error: what was read before it
		err      error
	}{
		{name: "one line", in: "250 OK\r\n", want: Reply{250, []string{"OK"}}},
		{name: "several lines", in: "250-a\r\n250-b c\r\n250 d\r\n", want: Reply{250, []string{"a", "b c", "d"}}},
		{name: "what follows is left", in: "250 a\r\n250 b\r\n", want: Reply{250, []string{"a"}}},
		{name: "a bare LF", in: "250-a\n250 b\n", want: Reply{250, []string{"a", "b"}}},
		{name: "a CR within a line is text", in: "250 a\rb\r\r\n", want: Reply{250, []string{"a\rb\r"}}},
		{name: "no text", in: "250 \r\n", want: Reply{250, []string{""}}},
		{name: "a code alone", in: "250\r\n", want: Reply{250, []string{""}}},
		{name: "any octets", in: "250 \x00\xff\x1b\r\n", want: Reply{250, []string{"\x00\xff\x1b"}}},
		{name: "the longest line", in: "250 " + long + "\r\n", want: Reply{250, []string{long}}},
		{name: "the most lines", in: strings.Repeat("250-\r\n", maxReplyLines-1) + "250 \r\n", want: Reply{250, make([]string, maxReplyLines)}},

		{name: "nothing", err: io.ErrUnexpectedEOF},
		{name: "no line end", in: "250 OK", err: io.ErrUnexpectedEOF},
		{name: "no last line", in: "250-a\r\n", want: Reply{250, []string{"a"}}, err: io.ErrUnexpectedEOF},
		{name: "another code", in: "250-a\r\n251 b\r\n", want: Reply{250, []string{"a"}}, err: ErrReply},
		{name: "an empty line", in: "\r\n", err: ErrReply},
		{name: "no code", in: "hello\r\n", err: ErrReply},
		{name: "a code of two digits", in: "25 a\r\n", err: ErrReply},
		{name: "a code of four digits", in: "2500 a\r\n", err: ErrReply},
		{name: "a code that SMTP does not have", in: "150 a\r\n", err: ErrReply},
		{name: "a code of FTP", in: "600 a\r\n", err: ErrReply},
		{name: "a wrong separator", in: "250_a\r\n", err: ErrReply},
		{name: "a line too long", in: "250 " + long + "x\r\n", err: ErrReply},
		{name: "a line without end", in: "250 " + strings.Repeat("x", 1<<20), err: ErrReply},
		{
			name: "too many lines", in: strings.Repeat("250-\r\n", maxReplyLines) + "250 \r\n",
			want: Reply{250, make([]string, maxReplyLines)}, err: ErrReply,
		},
		{
			name: "too many octets", in: strings.Repeat("250-"+long+"\r\n", maxReplyBytes/maxReplyLine) + "250 \r\n",
			want: Reply{250, []string{long, long, long, long, long, long, long, long}}, err: ErrReply,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := readReply(newReader(strings.NewReader(test.in)))
			if !errors.Is(err, test.err) || test.err == nil && err != nil {
				t.Errorf("error %v, want %v", err, test.err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReplyPrintsOnOneLine(t *testing.T) {
	t.Parallel()
	for want, reply := range map[string]Reply{
		"":                      {},
		"250":                   {250, []string{""}},
		"250 a; b":              {250, []string{"a", "b"}},
		`554 \x1b[2J\xc3\xa4\\`: {554, []string{"\x1b[2Jä\\"}},
	} {
		if got := reply.String(); got != want {
			t.Errorf("%#v: got %q, want %q", reply, got, want)
		}
	}
}
