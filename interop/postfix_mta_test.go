//go:build interop

package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// mtaZone has the domains whose mail goes to Postfix. Its certificate is for
// mail.received.signed.
const mtaZone = `$ORIGIN signed.
received MX 10 mail.received
mail.received A ` + worldMail + `
_25._tcp.mail.received TLSA RECORD
stranger MX 10 mail.stranger
mail.stranger A ` + worldMail + `
_25._tcp.mail.stranger TLSA ` + stranger + `
anybody MX 10 mail.anybody
mail.anybody A ` + worldMail + `
`

// testMTA has the program mta of the examples deliver to Postfix.
func (w *world) testMTA(t *testing.T) {
	program := w.buildMTA(t)
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
			const script = `printf 'Subject: test\r\n\r\nHello.\r\n' | "$1" -from me@sender.test "$2" 2>&1`
			to := "taker@" + tt.domain
			out, err := w.command("sh", "-c", script, "sh", program, to)
			exit := 0
			if e, ok := errors.AsType[*exec.ExitError](err); ok {
				exit = e.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if exit != tt.exit || !strings.Contains(out, tt.says) {
				t.Errorf("%s: exit status %d, want %d and %q:\n%s", tt.why, exit, tt.exit, tt.says, out)
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

// buildMTA builds the program as it is, but for the root keys: those of the world, as
// it has no other way to them.
func (w *world) buildMTA(t *testing.T) string {
	t.Helper()
	source, err := filepath.Abs("../dnssec/anchor/root.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := os.ReadFile(w.site.rootDS)
	if err != nil {
		t.Fatal(err)
	}
	changed := regexp.MustCompile("`[^`]*`").ReplaceAllLiteralString(string(text), "`"+string(anchors)+"`")
	file, err := w.site.writeFile("root.go", changed)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{source: file}})
	if err != nil {
		t.Fatal(err)
	}
	if file, err = w.site.writeFile("overlay.json", string(overlay)); err != nil {
		t.Fatal(err)
	}
	program := w.site.path("mta")
	if _, err := command("../examples/mta", "go", "build", "-overlay", file, "-o", program, "."); err != nil {
		t.Fatal(err)
	}
	return program
}
