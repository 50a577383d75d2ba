package smtpprobe_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
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

// TestCauseNamesTheStage: a transcript prints the cause alone.
func TestCauseNamesTheStage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		setUp func(*smtptest.Server)
		want  string
	}{
		{"no greeting", fault(smtptest.AtGreeting, smtptest.Hang), "no greeting: context deadline exceeded"},
		{"half a greeting", reply(smtptest.AtGreeting, "220-mail.example\r\n"), "no end of the greeting: context deadline exceeded"},
		{
			"a proxy without a server", fault(smtptest.AtGreeting, smtptest.Close),
			"accepted, and closed without a greeting, as by a proxy that has no server behind it, or a server that waits for TLS: unexpected EOF",
		},
		{"a greeting that is none", reply(smtptest.AtGreeting, "Welcome"), `greeting: malformed reply: "Welcome\r\n"`},
		{"no reply to EHLO", fault(smtptest.AtHello, smtptest.Hang), "no reply to EHLO: context deadline exceeded"},
		{"closed after EHLO", fault(smtptest.AtHello, smtptest.Close), "no reply to EHLO: unexpected EOF"},
		{"no reply to STARTTLS", fault(smtptest.AtStartTLS, smtptest.Hang), "no reply to STARTTLS: context deadline exceeded"},
		{"no handshake", fault(smtptest.AtHandshake, smtptest.Hang), "TLS handshake not completed: context deadline exceeded"},
		{"closed in the handshake", fault(smtptest.AtHandshake, smtptest.Close), "TLS handshake not completed: unexpected EOF"},
		{"no reply over TLS", fault(smtptest.AtHelloTLS, smtptest.Hang), "no reply to EHLO over TLS: context deadline exceeded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := smtptest.NewUnstartedServer()
				defer server.Close()
				test.setUp(server)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				result, err := proberOf(server).Probe(ctx, address, server.ClientTLS())
				if err == nil {
					err = result.Late
				}
				if got := text(errors.Unwrap(err)); got != test.want {
					t.Errorf("cause %q, want %q", got, test.want)
				}
				if _, cause, _ := strings.Cut(text(err), address+": "); cause != strings.ReplaceAll(text(errors.Unwrap(err)), `\`, `\\`) {
					t.Errorf("%v: the stage is named twice", err)
				}
			})
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

type mismatchError struct{}

func (*mismatchError) Error() string { return "no match:\n\x07" }

func TestErrorsPrintOnOneLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  *smtpprobe.Error
		want string
	}{
		{&smtpprobe.Error{}, "smtpprobe: dial"},
		{
			&smtpprobe.Error{Stage: smtpprobe.StageHandshake, Addr: netip.MustParseAddrPort(address), Err: &mismatchError{}},
			`smtpprobe: 192.0.2.25:25: handshake: no match:; \x07`,
		},
		{
			&smtpprobe.Error{Stage: smtpprobe.StageGreeting, Reply: &smtpprobe.Reply{Code: 421, Lines: []string{"one", "two"}}},
			"smtpprobe: greeting: 421 one; two",
		},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestCauseOfARefusalIsTheReply(t *testing.T) {
	t.Parallel()
	server := smtptest.NewUnstartedServer()
	defer server.Close()
	server.Replies = replies(smtptest.AtGreeting, "554-no\r\n554 mail here\a")
	_, err := proberOf(server).Probe(t.Context(), address, nil)
	if got, want := errors.Unwrap(err).Error(), `554 no; mail here\x07`; got != want {
		t.Errorf("cause %q, want %q", got, want)
	}
	if got, want := err.Error(), `smtpprobe: 192.0.2.25:25: greeting: 554 no; mail here\x07`; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
}
