package dane_test

import (
	"net/smtp"
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// The loop of the README sends in clear where the server has no STARTTLS, or does not know EHLO
// (RFC 5321 §3.2), and not where something else went wrong first.
func TestLoopSendsInClearWhereThereIsNoTLS(t *testing.T) {
	t.Parallel()
	for reply, sent := range map[string]string{
		"":                               "TLS",
		"250 mail.a.example":             "clear",
		"500 5.5.2 Unknown command":      "clear",
		"502 5.5.1 Not implemented":      "clear",
		"450 4.7.1 Greylisted":           "",
		"421 4.3.2 Shutting down":        "",
		"550 5.7.1 Who are you?":         "",
		"501 5.5.4 That is no host name": "",
	} {
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{{Name: "mail", Server: func(s *smtptest.Server) {
			if reply != "" {
				s.Replies = map[smtptest.Stage]string{smtptest.AtHello: reply}
			}
		}}}})
		got := ""
		err := deliver(t.Context(), internet.Verifier(), "a.example", func(client *smtp.Client) error {
			return sendMessage(client, "postmaster@a.example")
		})
		for _, message := range internet.Servers["mail.a.example"].Messages() {
			got = map[bool]string{false: "clear", true: "TLS"}[message.TLS]
		}
		if got != sent || (err == nil) != (sent != "") {
			t.Errorf("EHLO: %q: sent %q, %v; want %q", reply, got, err, sent)
		}
	}
}
