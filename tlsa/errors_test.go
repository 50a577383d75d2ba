package tlsa_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
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

func TestErrorSaysWhichRecordAndCause(t *testing.T) {
	t.Parallel()
	w := newWorld()
	anchor := w.root.Record(tlsa.SPKI, tlsa.SHA256)
	chain := w.intermediate.Issue(tlsatest.Leaf{Names: []string{mx}, Faults: tlsatest.Expired}).Chain()
	v := tlsa.Verifier{Records: records(w.stranger.Record(tlsa.SPKI, tlsa.SHA256), anchor), Names: []string{mx}, Time: atNoon}
	_, err := v.Verify(chain)
	e, ok := errors.AsType[*tlsa.Error](err)
	if !ok || e.Reason != tlsa.ReasonExpired || e.Record == nil || !e.Record.Equal(anchor) || e.Depth != -1 {
		t.Errorf("%+v", err)
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); !ok || invalid.Cert != chain[0] {
		t.Errorf("the error of crypto/x509 is not in %v", err)
	}
}
