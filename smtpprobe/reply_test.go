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
		exact    bool  // as after STARTTLS
		want     Reply // with an error: what was read before it
		err      error
	}{
		{name: "one line", in: "250 OK\r\n", want: Reply{250, []string{"OK"}}},
		{name: "several lines", in: "250-a\r\n250-b c\r\n250 d\r\n", want: Reply{250, []string{"a", "b c", "d"}}},
		{name: "what follows is left", in: "250 a\r\n250 b\r\n", want: Reply{250, []string{"a"}}},
		{name: "a bare LF", in: "250-a\n250 b\n", want: Reply{250, []string{"a", "b"}}},
		{name: "a CR within a line is text", in: "250 a\rb\r\n", want: Reply{250, []string{"a\rb"}}},
		{name: "CR CR LF", in: "250-a\r\r\n250 b\r\r\r\n", want: Reply{250, []string{"a", "b"}}},
		{name: "a code alone, with CR CR LF", in: "250\r\r\n", want: Reply{250, []string{""}}},
		{name: "another code on the last line", in: "250-a\r\n550 b\r\n", want: Reply{550, []string{"a", "b"}}},
		{name: "another code on a line between", in: "250-a\r\n220-b\r\n250 c\r\n", want: Reply{250, []string{"a", "b", "c"}}},
		{name: "exact: several lines", exact: true, in: "220-a\r\n220 b\r\n", want: Reply{220, []string{"a", "b"}}},
		{name: "no text", in: "250 \r\n", want: Reply{250, []string{""}}},
		{name: "a code alone", in: "250\r\n", want: Reply{250, []string{""}}},
		{name: "any octets", in: "250 \x00\xff\x1b\r\n", want: Reply{250, []string{"\x00\xff\x1b"}}},
		{name: "the longest line", in: "250 " + long + "\r\n", want: Reply{250, []string{long}}},
		{name: "the most octets", in: strings.Repeat("250-"+long+"\r\n", 7) + "250 " + long + "\r\n", want: Reply{250, []string{long, long, long, long, long, long, long, long}}},
		{name: "exact: the most lines", exact: true, in: strings.Repeat("220-\r\n", maxExactLines-1) + "220 \r\n", want: Reply{220, make([]string, maxExactLines)}},
		{name: "the most lines", in: strings.Repeat("250-\r\n", maxReplyLines-1) + "250 \r\n", want: Reply{250, make([]string, maxReplyLines)}},

		{name: "nothing", err: io.ErrUnexpectedEOF},
		{name: "no line end", in: "250 OK", err: io.ErrUnexpectedEOF},
		{name: "no last line", in: "250-a\r\n", want: Reply{250, []string{"a"}}, err: io.ErrUnexpectedEOF},
		{name: "exact: CR CR LF", exact: true, in: "220 a\r\r\n", err: ErrReply},
		{name: "exact: a code alone, with CR CR LF", exact: true, in: "220\r\r\n", err: ErrReply},
		{name: "exact: another code", exact: true, in: "250-a\r\n251 b\r\n", want: Reply{250, []string{"a"}}, err: ErrReply},
		{
			name: "exact: too many lines", exact: true, in: strings.Repeat("220-\r\n", maxExactLines) + "220 \r\n",
			want: Reply{220, make([]string, maxExactLines)}, err: ErrReply,
		},
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
			got, err := readReply(newReader(strings.NewReader(test.in)), test.exact)
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

func TestEnhancedCode(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, want string
		reply      Reply
	}{
		{"of a temporary refusal", "4.7.1", Reply{451, []string{"4.7.1 Greylisted"}}},
		{"of a permanent one", "5.7.1", Reply{554, []string{"5.7.1 Go away"}}},
		{"alone", "4.3.2", Reply{421, []string{"4.3.2"}}},
		{"with the longest numbers", "4.999.999", Reply{450, []string{"4.999.999 x"}}},
		{"in all lines", "5.7.1", Reply{554, []string{"5.7.1 Go", "5.7.1 away"}}},
		{"in the first line only", "5.7.1", Reply{554, []string{"5.7.1 Go", "away"}}},
		{"the last line's, where they differ", "5.7.26", Reply{550, []string{"5.7.1 Go", "5.7.26 away"}}},
		{"none", "", Reply{554, []string{"Go away"}}},
		{"no reply", "", Reply{}},
		{"not where the class is another, RFC 2034 §4", "", Reply{451, []string{"5.7.1 Go away"}}},
		{"not of a reply that asks for more", "", Reply{354, []string{"3.0.0 Go on"}}},
		{"not with two parts", "", Reply{554, []string{"5.7 Go away"}}},
		{"not with four parts", "", Reply{554, []string{"5.7.1.2 Go away"}}},
		{"not with an empty part", "", Reply{554, []string{"5..1 Go away"}}},
		{"not with four digits", "", Reply{554, []string{"5.7.1000 Go away"}}},
		{"not with a sign", "", Reply{554, []string{"5.+7.1 Go away"}}},
		{"not with more behind it", "", Reply{554, []string{"5.7.1: Go away"}}},
		{"not within a line", "", Reply{554, []string{"Go away, 5.7.1"}}},
	} {
		if got := test.reply.EnhancedCode(); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestReplyText(t *testing.T) {
	t.Parallel()
	r := Reply{554, []string{"5.7.1 Go\x1b", "5.7.1 away"}}
	if got, want := r.Text(), `5.7.1 Go\x1b; 5.7.1 away`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !r.Permanent() || (Reply{Code: 451}).Permanent() || (Reply{}).Permanent() {
		t.Error("5yz, and nothing else, is permanent (RFC 5321 §4.2.1)")
	}
}
