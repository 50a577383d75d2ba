package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// What becomes of a message, for each thing that can happen.
func TestDelivery(t *testing.T) {
	t.Parallel()
	clear := danetest.Domain{Name: "clear.example", Hosts: []danetest.Host{{Name: "mail", Server: func(s *smtptest.Server) { s.NoStartTLS = true }}}}
	broken := danetest.Domain{Name: "broken.example", Hosts: []danetest.Host{{Name: "mail", Server: func(s *smtptest.Server) {
		s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtHandshake: smtptest.Close}
	}}}}
	refuses := danetest.Domain{Name: "refuses.example", Hosts: []danetest.Host{{Name: "mail", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) {
		s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtRcpt: smtptest.Permanent}
	}}}}
	const required = `{"default": {"tls": "required"}}`
	for name, tt := range map[string]struct {
		domain, policy string
		status         int
		host           string // that got it
		tls            bool
	}{
		"by DANE":                             {"good.example", "", exitDelivered, "mail.good.example", true},
		"to the next host":                    {"backup.example", "", exitDelivered, "backup.backup.example", true},
		"without DANE":                        {"nodane.example", "", exitDelivered, "mail.nodane.example", true},
		"unusable records":                    {"unusable.example", "", exitDelivered, "mail.unusable.example", true},
		"in clear":                            {"clear.example", "", exitDelivered, "mail.clear.example", false},
		"in clear after a failed handshake":   {"broken.example", "", exitDelivered, "mail.broken.example", false},
		"not in clear, by policy":             {"clear.example", required, exitLater, "", false},
		"not after a failed handshake either": {"broken.example", required, exitLater, "", false},
		"not to another key":                  {"mismatch.example", "", exitLater, "", false},
		"to another key, audited":             {"mismatch.example", `{"default": {"audit": true}}`, exitDelivered, "mail.mismatch.example", true},
		"not in clear with records":           {"nostarttls.example", "", exitLater, "", false},
		"not with bogus data":                 {"bogus.example", "", exitLater, "", false},
		"not with a bogus TLSA record":        {"bogustlsa.example", "", exitLater, "", false},
		"a null MX record":                    {"nullmx.example", "", exitBounce, "", false},
		"no such domain":                      {"none.such", "", exitBounce, "", false},
		"the server says no":                  {"refuses.example", "", exitBounce, "", false},
		"a policy that is wrong":              {"good.example", `{"default": {"tls": "none"}}`, exitUsage, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			internet := danetest.New(t, append(danetest.Domains(), clear, broken, refuses)...)
			args := []string{"-from", "me@sender.example"}
			if tt.policy != "" {
				file := filepath.Join(t.TempDir(), "policy.json")
				if err := os.WriteFile(file, []byte(tt.policy), 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, "-policy", file)
			}
			status, _ := runMTA(t.Context(), internet.Verifier(), text, append(args, "you@"+tt.domain)...)
			if status != tt.status {
				t.Errorf("exit status %d, want %d", status, tt.status)
			}
			for host, server := range internet.Servers {
				messages := server.Messages()
				switch {
				case host != tt.host && len(messages) > 0:
					t.Errorf("%s got the message", host)
				case host == tt.host && (len(messages) != 1 || messages[0].TLS != tt.tls || string(messages[0].Data) != text):
					t.Errorf("%s got %+v", host, messages)
				}
			}
		})
	}
}

// RFC 5321 §4.1.2: a local part in quotes may have an @, so that the domain begins after the last.
func TestQuotedLocalPart(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	if status, _ := runMTA(t.Context(), internet.Verifier(), text, "-from", "me@sender.example", `"you@home"@good.example`); status != exitDelivered {
		t.Errorf("exit status %d", status)
	}
}
