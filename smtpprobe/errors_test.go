package smtpprobe_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/smtpprobe"
)

// However much a server says, its errors are lines that a report can hold.
func TestErrorsAreBounded(t *testing.T) {
	t.Parallel()
	reply := smtpprobe.Reply{Code: 554, Lines: []string{strings.Repeat("\x1b", 2000), strings.Repeat("a", 2000)}}
	for _, e := range []smtpprobe.Error{
		{Stage: smtpprobe.StageHello, Reply: &reply}, {Stage: smtpprobe.StageHandshake, Err: errors.New(strings.Repeat("\r\n\u202e", 1000))},
	} {
		if text := e.Error(); len(text) > 998 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", text)
		}
	}
}
