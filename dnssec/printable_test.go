package dnssec_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// Names, texts of servers and files have a say in errors, and write no lines of their
// own.
func TestErrorsPrintOnOneLine(t *testing.T) {
	t.Parallel()
	const evil = "x\r\nOK\x1b[2J\u009b\u202e\u2028\xff"
	cause := errors.New(evil)
	for name, text := range map[string]string{
		"a name":             (&dnssec.Error{Name: evil, Status: dnssec.Bogus}).Error(),
		"a reason":           (&dnssec.Error{Name: "a.", Reason: dnssec.Reason{Name: evil, Text: evil}}).Error(),
		"a reason by itself": dnssec.Reason{Name: evil, Text: evil}.String(),
		"a server":           (&dnssec.Error{Name: "a.", Server: evil}).Error(),
		"a cause":            (&dnssec.Error{Name: "a.", Err: errors.Join(cause, cause)}).Error(),
		"a query":            (&upstream.Error{Server: evil, Name: evil, Err: cause}).Error(),
		"a judgement":        (&upstream.CapabilityError{Servers: []upstream.Capability{{Server: evil, Causes: []upstream.Cause{upstream.NoEDNS}}, {Err: cause}}}).Error(),
		"a judgement's text": upstream.Capability{Err: cause}.String(),
		"a file":             (&anchor.Error{File: evil, Line: 1, Err: cause}).Error(),
		"something long":     (&dnssec.Error{Name: "a.", Err: errors.New(strings.Repeat(evil, 1000))}).Error(),
	} {
		if len(text) > 998 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%s: %q", name, text)
		}
	}
}
