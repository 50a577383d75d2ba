//go:build interop

package interop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// mtaZone has the domains whose mail goes to Postfix, whose certificate is for
// mail.received.signed, and to Exim (mta_exim_test.go), which has the same.
const mtaZone = `$ORIGIN signed.
received MX 10 mail.received
mail.received A ` + worldMail + `
_25._tcp.mail.received TLSA RECORD
stranger MX 10 mail.stranger
mail.stranger A ` + worldMail + `
_25._tcp.mail.stranger TLSA ` + stranger + `
_smtp._tls.stranger TXT "v=TLSRPTv1; rua=mailto:tls@stranger.signed"
anybody MX 10 mail.anybody
mail.anybody A ` + worldMail + `
exim MX 10 mail.exim
mail.exim A ` + worldExim + `
_25._tcp.mail.exim TLSA KEY
_smtp._tls.exim TXT "v=TLSRPTv1; rua=mailto:tls@exim.signed"
`

// testMTA has the program mta of the examples deliver to Postfix.
func (w *world) testMTA(t *testing.T) {
	program, state := w.buildMTA(t)
	for _, tt := range []struct {
		why, domain string
		exit        int // 75: it stays queued
		says        string
	}{
		{"its TLSA record matches", "received.signed", 0, "TLS success"},
		{"it has no TLSA record", "anybody.signed", 0, "TLS success"},
		{"the key is another one", "stranger.signed", 75, "no certificate matches"},
		{"the only host is down", "down.signed", 75, "refused"},
	} {
		t.Run(tt.domain, func(t *testing.T) {
			const script = `printf 'Subject: test\r\n\r\nHello.\r\n' | "$1" -from me@sender.test -trust-state "$2" "$3" 2>&1`
			to := "taker@" + tt.domain
			out, err := w.command("sh", "-c", script, "sh", program, state, to)
			exit := 0
			if e, ok := errors.AsType[*exec.ExitError](err); ok {
				exit = e.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if exit != tt.exit || !strings.Contains(out, tt.says) {
				t.Errorf("%s: exit status %d, want %d and %q:\n%s", tt.why, exit, tt.exit, tt.says, out)
			}
			if text, err := os.ReadFile(state); err != nil || !strings.Contains(string(text), "[  VALID  ]") {
				t.Errorf("the trust anchors are not tracked: %v\n%s", err, text)
			}
			if got := w.taken(t, to, tt.exit == 0); got != (tt.exit == 0) {
				t.Errorf("%s: Postfix has taken the message: %t", tt.why, got)
			}
		})
	}
}

// taken reports whether Postfix has got the message; one that is expected may take
// a while.
func (w *world) taken(t *testing.T, to string, expected bool) bool {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		log, err := w.postfixLog()
		if err != nil {
			t.Fatal(err)
		}
		taken := strings.Contains(log, fmt.Sprintf("to=<%s>, relay=none", to))
		if taken || !expected || time.Now().After(deadline) {
			return taken
		}
	}
}

// buildMTA builds the program, and the file of trust anchors that it begins with.
func (w *world) buildMTA(t *testing.T) (program, state string) {
	t.Helper()
	anchors, err := os.ReadFile(w.site.rootDS)
	if err != nil {
		t.Fatal(err)
	}
	if state, err = w.site.writeFile("mta.key", string(anchors)); err != nil {
		t.Fatal(err)
	}
	program = w.site.path("mta")
	if _, err := command("../examples/mta", "go", "build", "-o", program, "."); err != nil {
		t.Fatal(err)
	}
	return program, state
}
