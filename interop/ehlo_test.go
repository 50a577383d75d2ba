//go:build interop

package interop

import (
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// Where Prober and Postfix read a reply to EHLO in different ways.
const (
	unreadable = "a line that is no reply, or may or may not mean STARTTLS, is an error: nobody must take it for a server without TLS"
	tooLong    = "Postfix drops what is beyond 2048 octets of text, and so STARTTLS"
	firstLine  = "posttls-finger takes the server's name for a keyword; smtp(8) does not (RFC 5321 §4.1.1.1)"
)

// TestRepliesToEHLO has posttls-finger and a Prober read replies that are not what
// RFC 5321 has, and compares who gets TLS.
func TestRepliesToEHLO(t *testing.T) {
	many := func(n int) string {
		return "250-mail.example\r\n" + strings.Repeat("250-X-LONG\r\n", n) + "250 STARTTLS\r\n"
	}
	for _, tt := range []struct{ name, reply, difference string }{
		{"as it should be", "250-mail.example\r\n250 STARTTLS\r\n", ""},
		{"no STARTTLS", "250-mail.example\r\n250 SIZE\r\n", ""},
		{"CR CR LF", "250-mail.example\r\r\n250 STARTTLS\r\r\n", ""},
		{"a bare LF", "250-mail.example\n250 STARTTLS\n", ""},
		{"a tab after the keyword", "250-mail.example\r\n250 STARTTLS\t\r\n", ""},
		{"blanks after the keyword", "250-mail.example\r\n250 STARTTLS  \r\n", ""},
		{"a blank before the keyword", "250-mail.example\r\n250- STARTTLS\r\n250 SIZE\r\n", ""},
		{"a tab before the keyword", "250-mail.example\r\n250-\tSTARTTLS\r\n250 SIZE\r\n", ""},
		{"= after the keyword", "250-mail.example\r\n250 STARTTLS=yes\r\n", ""},
		{"= before the keyword", "250-mail.example\r\n250 =STARTTLS\r\n", ""},
		{"- before the keyword", "250-mail.example\r\n250 -STARTTLS\r\n", ""},
		{"; after the keyword", "250-mail.example\r\n250 STARTTLS;\r\n", ""},
		{"another keyword", "250-mail.example\r\n250 X-STARTTLS\r\n", ""},
		{"200 lines", many(200), ""},
		{"another code on the last line", "250-mail.example\r\n250-STARTTLS\r\n220 SIZE\r\n", ""},
		{"550 on the last line", "250-mail.example\r\n250-STARTTLS\r\n550 no\r\n", ""},
		{"450 on the last line", "250-mail.example\r\n250-STARTTLS\r\n450 no\r\n", ""},
		{"354 on the last line", "250-mail.example\r\n250-STARTTLS\r\n354 no\r\n", ""},
		{"another code on the first line", "550-mail.example\r\n250-STARTTLS\r\n250 SIZE\r\n", ""},
		{"a line that is no reply", "250-mail.example\r\nhello\r\n250 STARTTLS\r\n", ""},

		{"a NUL after the keyword", "250-mail.example\r\n250 STARTTLS\x00\r\n", unreadable},
		{"900 lines", many(900), tooLong},
		{"only in the first line", "250-STARTTLS\r\n250 SIZE\r\n", firstLine},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := smtptest.NewUnstartedServer()
			server.Replies = map[smtptest.Stage]string{smtptest.AtHello: tt.reply}
			server.Start()
			defer server.Close()

			prober := smtpprobe.Prober{Hello: "client.example"}
			_, err := prober.Probe(t.Context(), server.Addr, server.ClientTLS())
			host, port, _ := strings.Cut(server.Addr, ":")
			output, _ := command("/", "posttls-finger", "-c", "-a", "ipv4", "-t", "10", "-T", "10", "-l", "encrypt", "["+host+"]:"+port)
			sessions := server.Sessions()
			for start := time.Now(); len(sessions) < 2 && time.Since(start) < time.Second; sessions = server.Sessions() {
				time.Sleep(10 * time.Millisecond)
			}
			if len(sessions) != 2 {
				t.Fatalf("%d sessions\n%s", len(sessions), output)
			}
			ours, theirs := sessions[0].TLS != nil, sessions[1].TLS != nil
			if differ := ours != theirs; differ != (tt.difference != "") {
				t.Errorf("TLS for us: %t, for Postfix: %t; known difference: %q\n%v\n%s", ours, theirs, tt.difference, err, output)
			}
		})
	}
}
