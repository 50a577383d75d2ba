//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// onTerminal runs the command on a terminal with so many columns.
func onTerminal(t *testing.T, columns int, environment []string, args string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), needs(t, "script"), "-qec", fmt.Sprintf("stty cols %d; %s %s", columns, self, args), "/dev/null")
	c.Env = append(append(os.Environ(), asCommand+"=1", "TERM=xterm", "NO_COLOR="), environment...)
	out, _ := c.Output()
	return strings.ReplaceAll(string(out), "\r", "")
}

// There is colour on a terminal only, and not where it is unwanted; no line is wider than the
// terminal, but records to copy and examples.
func TestTerminal(t *testing.T) {
	t.Parallel()
	const check = "check -demo backup.example"
	for _, tt := range []struct {
		environment string
		colour      bool
	}{{"TERM=xterm", true}, {"NO_COLOR=1", false}, {"TERM=dumb", false}, {"TERM=", false}} {
		if out := onTerminal(t, 80, []string{tt.environment}, check); !strings.Contains(out, "BROKEN") || colours.MatchString(out) != tt.colour {
			t.Errorf("%s: colour %t, want %t\n%q", tt.environment, colours.MatchString(out), tt.colour, out)
		}
	}
	if _, out, _ := command(t, strings.Fields(check)...); colours.MatchString(out) {
		t.Errorf("colour without a terminal: %q", out)
	}
	for _, columns := range []int{40, 72, 132} {
		for line := range strings.Lines(colours.ReplaceAllString(onTerminal(t, columns, nil, "-demo backup.example"), "")) {
			if before, _, found := strings.Cut(line, "publish:"); !found && (strings.HasPrefix(line, "BROKEN tlsa") || strings.HasPrefix(before, "  ")) && utf8.RuneCountInString(line) > columns+1 && !strings.Contains(line, " IN TLSA ") {
				t.Errorf("findings below a verdict: more than %d columns: %q", columns, line)
			}
		}
		for _, args := range []string{check, "resolver 127.0.0.1:1", "-help", "check -help", "tlsa -help", "tlsa plan -help"} {
			out := colours.ReplaceAllString(onTerminal(t, columns, nil, args), "")
			out, _, _ = strings.Cut(out, "\nExamples:\n")
			widest := 0
			for line := range strings.Lines(out) {
				n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n"))
				widest = max(widest, n)
				// One word may be longer than a line: a digest, or a name.
				if n > columns && !strings.Contains(line, " IN TLSA ") && strings.Contains(strings.TrimSpace(line), " ") {
					t.Errorf("%s: %d columns of %d: %q", args, n, columns, line)
				}
			}
			if widest < columns/2 {
				t.Errorf("%s: %d columns are used of %d", args, widest, columns)
			}
		}
	}
}
