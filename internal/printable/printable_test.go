package printable_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/internal/printable"
)

func TestLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"printable ASCII is as it was", `a "b" \ 'c' ~`, `a "b" \ 'c' ~`},
		{"a line end would begin a line of the stranger's own", "a\nDANE SUCCESS", "a; DANE SUCCESS"},
		{"several errors", errors.Join(errors.New("a"), errors.New("b")).Error(), "a; b"},
		{"CR would overwrite a line", "a\r\nb", `a\r; b`},
		{"ESC begins a command to the terminal", "\x1b[2J", `\x1b[2J`},
		{"C0", "\x00\a\b\t\v\f\x1f", `\x00\a\b\t\v\f\x1f`},
		{"DEL", "\x7f", `\x7f`},
		{"C1, with the CSI of terminals", "\u0080\u009b\u0085", `\u0080\u009b\u0085`},
		{"C1 as single octets, which are no UTF-8", "\x9b2J", `\x9b2J`},
		{"separators of lines and paragraphs", "\u2028\u2029", `\u2028\u2029`},
		{"directions of text (CVE-2021-42574)", "\u202a\u202e\u2066\u2069\u200e\u200f\u061c", `\u202a\u202e\u2066\u2069\u200e\u200f\u061c`},
		{"what cannot be seen", "\u200b\u200d\ufeff\u00ad\u00a0\U000e0041", `\u200b\u200d\ufeff\u00ad\u00a0\U000e0041`},
		{"letters that look like others", "\u0430pple", `\u0430pple`},
		{"the longest", strings.Repeat("a", printable.Max), strings.Repeat("a", printable.Max)},
		{"longer", strings.Repeat("a", printable.Max+1), strings.Repeat("a", printable.Max-3) + "..."},
		{"longer when it is escaped", strings.Repeat("\x1b", printable.Max), strings.Repeat(`\x1b`, 248) + `\x1...`},
		{"longer by one long escape", strings.Repeat("a", printable.Max-9) + "\U000e0041", strings.Repeat("a", printable.Max-9) + "..."},
	} {
		if got := printable.Line(tt.text); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Whatever a stranger sends, it is one line, and stays as it is.
func FuzzLine(f *testing.F) {
	f.Add("a\r\n\x1b[2Jb\u202e\xff")
	f.Add(strings.Repeat("a", printable.Max-9) + "\U000e0041")
	f.Fuzz(func(t *testing.T, text string) {
		got := printable.Line(text)
		if len(got) > printable.Max || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("%q", got)
		}
		if again := printable.Line(got); again != got {
			t.Errorf("%q, and again %q", got, again)
		}
	})
}
