package smtptest

import (
	"bufio"
	"strings"
	"testing"
)

func TestReadData(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxCommand)
	for _, test := range []struct {
		name, in, want string
		ends           bool
	}{
		{name: "nothing", in: ".\r\n", ends: true},
		{name: "a line", in: "a\r\n.\r\n", want: "a\r\n", ends: true},
		{name: "what follows is left", in: "a\r\n.\r\nQUIT\r\n", want: "a\r\n", ends: true},
		{name: "dots that were added", in: "..\r\n..a\r\na..\r\n.\r\n", want: ".\r\n.a\r\na..\r\n", ends: true},
		{name: "a line longer than the buffer", in: long + "\r\n.\r\n", want: long + "\r\n", ends: true},
		{name: "CR and LF in two parts", in: long[1:] + "\r\n.\r\n", want: long[1:] + "\r\n", ends: true},
		{name: "a dot where a part begins", in: long + ".\r\n.\r\n", want: long + ".\r\n", ends: true},
		{name: "a bare LF does not end it", in: "a\n.\r\n"},
		{name: "nor two of them", in: "a\r\n.\n"},
		{name: "the connection ends", in: "a\r\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, fits, err := readData(bufio.NewReaderSize(strings.NewReader(test.in), maxCommand))
			if (err == nil) != test.ends || fits != test.ends {
				t.Errorf("fits %t, error %v", fits, err)
			}
			if test.ends && string(got) != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestAMessageTooBigIsReadAndNotKept(t *testing.T) {
	t.Parallel()
	in := bufio.NewReaderSize(strings.NewReader(strings.Repeat("x", maxMessage-1)+"\r\n.\r\nQUIT"), maxCommand)
	if _, fits, err := readData(in); fits || err != nil {
		t.Errorf("fits %t, error %v", fits, err)
	}
	if rest, _ := in.Peek(4); string(rest) != "QUIT" {
		t.Errorf("goes on with %q", rest)
	}
}

func TestParsePath(t *testing.T) {
	t.Parallel()
	for argument, want := range map[string]string{
		"FROM:<a@b>":               "a@b",
		"from: <a@b> SIZE=5":       "a@b",
		"FROM:<>":                  "",
		`FROM:<"a>b"@c> SMTPUTF8`:  `"a>b"@c`,
		"FROM:a@b":                 "none",
		"FROM:<a@b":                "none",
		"TO:<a@b>":                 "none",
		"FROM":                     "none",
		"":                         "none",
		"FROM:<a@b> ORCPT=x;<y@z>": "a@b> ORCPT=x;<y@z", // '>' is xtext-encoded in RFC 3461 §4
	} {
		got, ok := parsePath(argument, "FROM:")
		if !ok {
			got = "none"
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", argument, got, want)
		}
	}
}
