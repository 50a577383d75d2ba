package danesmtp_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A pinned package is one that a script fetches, and its version.
var pinned = regexp.MustCompile(`(?m)^packages='([^']+)'$`)

// untold says what a page does not tell of a script that shows how other software behaves.
func untold(page, name, script string) (missing []string) {
	_, section, found := strings.Cut(page, "\n## "+name+"\n")
	if !found {
		return []string{"a section of its name"}
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, part := range []string{"| seen in |", "](../findings/" + name + ".sh)", "**What happens.** ", "**What it means for you.** ", "**What we do.** "} {
		if !strings.Contains(section, part) {
			missing = append(missing, part)
		}
	}
	packages := pinned.FindStringSubmatch(script)
	if packages == nil {
		return append(missing, "the packages that the script fetches: it has no line packages='…'")
	}
	told := 0
	for pair := range strings.FieldsSeq(packages[1]) {
		if _, version, _ := strings.Cut(pair, "="); version != "" && strings.Contains(section, version) {
			told++
		}
	}
	if told == 0 {
		missing = append(missing, "the version of any package of "+packages[1])
	}
	return missing
}

func TestUntoldIsFound(t *testing.T) {
	t.Parallel()
	const page = "# Page\n\n## one\n\n| seen in | prog 1.2-3 |\n\n**What happens.** It.\n\n**What it means for you.** It.\n\n**What we do.** [It](../findings/one.sh).\n\n## two\n\ntext\n"
	for _, tt := range []struct {
		name, script string
		missing      int
	}{
		{"one", "packages='prog=1.2-3 other=4'\n", 0},
		{"one", "packages='prog=1.2-4'\n", 1},
		{"one", "# no packages\n", 1},
		{"two", "packages='prog=1.2-3'\n", 6},
		{"three", "packages='prog=1.2-3'\n", 1},
	} {
		if got := untold(page, tt.name, tt.script); len(got) != tt.missing {
			t.Errorf("%s, %q: %q is missing, want %d", tt.name, tt.script, got, tt.missing)
		}
	}
}

// TestSurprises: what each script of findings shows is told in plain words, with its version; and
// nothing is told without a script that shows it.
func TestSurprises(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/surprises.md")
	scripts, err := filepath.Glob("findings/*.sh")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, script := range scripts {
		name := strings.TrimSuffix(filepath.Base(script), ".sh")
		for _, part := range untold(page, name, read(t, script)) {
			t.Errorf("docs/surprises.md, %s: there is no %s", name, part)
		}
	}
	if sections := strings.Count(page, "\n## "); sections != len(scripts) {
		t.Errorf("docs/surprises.md has %d sections, and findings %d scripts", sections, len(scripts))
	}
}
