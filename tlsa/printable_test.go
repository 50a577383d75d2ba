package tlsa_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
)

// A certificate has a say in the cause of an error, and writes no line of its own.
func TestErrorsPrintOnOneLine(t *testing.T) {
	t.Parallel()
	const name = "x\r\nOK\x1b[2J\u009b\u202e\u2028\xff"
	for _, cause := range []error{
		errors.New(name), x509.HostnameError{Host: name, Certificate: &x509.Certificate{DNSNames: []string{name}}}, errors.New(strings.Repeat(name, 1000)),
	} {
		text := (&tlsa.Error{Reason: tlsa.ReasonName, Depth: -1, Err: cause}).Error()
		if len(text) > 998 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", text)
		}
	}
}
