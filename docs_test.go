package danesmtp_test

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// documents returns the names of all Markdown files of the repository, test data left out.
func documents(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch name := filepath.Base(path); {
		case err != nil:
			return err
		case entry.IsDir() && (name == "testdata" || name != "." && strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case !entry.IsDir() && filepath.Ext(path) == ".md":
			names = append(names, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// isFence reports whether a line begins or ends a block of code.
func isFence(line string) bool { return strings.HasPrefix(line, "```") }

// withoutCode returns the lines of a document outside of blocks of code, and blank lines for those
// within.
func withoutCode(text string) (lines []string) {
	inside := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if isFence(line) {
			inside, line = !inside, ""
		}
		if inside || strings.HasPrefix(line, "    ") {
			line = ""
		}
		lines = append(lines, line)
	}
	return lines
}

// anchors returns the names of a document's headings as GitHub makes them.
func anchors(text string) map[string]bool {
	names := make(map[string]bool)
	for _, line := range withoutCode(text) {
		heading := strings.TrimLeft(line, "#")
		if heading == line || !strings.HasPrefix(heading, " ") {
			continue
		}
		name := strings.Map(func(r rune) rune {
			switch {
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			case r == ' ':
				return '-'
			}
			return -1
		}, strings.TrimSpace(heading))
		unique := name
		for n := 1; names[unique]; n++ {
			unique = fmt.Sprintf("%s-%d", name, n)
		}
		names[unique] = true
	}
	return names
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// deadLinks returns the relative links of a document that lead nowhere.
func deadLinks(name, text string) (dead []string) {
	prose := strings.Join(withoutCode(text), "\n")
	for _, match := range link.FindAllStringSubmatch(prose, -1) {
		target, err := url.Parse(match[1])
		if err != nil || target.Scheme == "" && target.Host == "" && !leads(name, text, target) {
			dead = append(dead, match[1])
		}
	}
	return dead
}

func leads(from, text string, target *url.URL) bool {
	if target.Path != "" {
		path := filepath.Join(filepath.Dir(from), filepath.FromSlash(target.Path))
		info, err := os.Stat(path)
		if err != nil || strings.HasPrefix(path, "..") {
			return false
		}
		if target.Fragment == "" {
			return true
		}
		if info.IsDir() {
			path = filepath.Join(path, "README.md")
		}
		other, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		text = string(other)
	}
	return anchors(text)[target.Fragment]
}

func TestDeadLinksAreFound(t *testing.T) {
	t.Parallel()
	const text = "# A page\n\n## What `x` is, and why\n## Twice\n## Twice\n```go\n// # No heading\n[no](link)\n```\n"
	for target, dead := range map[string]bool{
		"README.md": false, "docs": false, "docs/tls.md#the-handshake": false, "#a-page": false, "#what-x-is-and-why": false,
		"#twice": false, "#twice-1": false, "https://example.org/no": false, "docs#documentation": false,
		"missing.md": true, "docs/tls.md#missing": true, "#no-heading": true, "#twice-2": true, "../../etc": true, "#": true,
	} {
		if got := deadLinks("CONTRIBUTING.md", text+"see [it]("+target+")"); (len(got) == 1) != dead {
			t.Errorf("%s: found %q, want it to be found: %t", target, got, dead)
		}
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	for _, name := range documents(t) {
		for _, target := range deadLinks(name, read(t, name)) {
			t.Errorf("%s: the link %s leads nowhere", name, target)
		}
	}
}

// TestPagesAreShort keeps what is read first short.
func TestPagesAreShort(t *testing.T) {
	t.Parallel()
	limits := map[string]int{"README.md": 200, "docs/README.md": 100, "docs/start-*.md": 100, "docs/with-*.md": 100, "docs/testing.md": 100}
	for pattern, limit := range limits {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Errorf("%d pages %s, %v", len(names), pattern, err)
		}
		for _, name := range names {
			text := read(t, name)
			// Comments, which no reader sees, do not count.
			if lines := strings.Count(text, "\n") - strings.Count("\n"+text, "\n<!-- "); lines > limit {
				t.Errorf("%s has %d lines, more than %d", name, lines, limit)
			}
		}
	}
}

// TestReadmeHasTheFigures compares the table of the README with that of the page it comes from.
func TestReadmeHasTheFigures(t *testing.T) {
	t.Parallel()
	const row = "|"
	page := read(t, "docs/performance.md")
	_, section, _ := strings.Cut(read(t, "README.md"), "\n## Performance\n")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := 0
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, row) || strings.HasPrefix(line, "|---") {
			continue
		}
		rows++
		cells := strings.Split(strings.Trim(line, "|\n"), row)
		for _, other := range strings.Split(page, "\n") {
			if strings.HasPrefix(other, row+cells[0]+row) {
				page := strings.Join(strings.Split(other, row), " ")
				for _, cell := range cells {
					if !strings.Contains(page, strings.TrimSpace(cell)) {
						t.Errorf("%q is not in the row of docs/performance.md", cell)
					}
				}
				cells = nil
				break
			}
		}
		if cells != nil {
			t.Errorf("docs/performance.md has no row%s", cells[0])
		}
	}
	if rows < 2 {
		t.Errorf("%d rows of figures in the README", rows)
	}
}
