package findingdocs_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/findingdocs"
)

var update = flag.Bool("update", false, "copy docs/findings.md")

// The copy is as the original.
func TestCopy(t *testing.T) {
	t.Parallel()
	original, err := os.ReadFile("../../../../docs/findings.md")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("findings.txt", original, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if copied, err := os.ReadFile("findings.txt"); err != nil || string(copied) != string(original) {
		t.Errorf("findings.txt is not docs/findings.md; -update copies it: %v", err)
	}
}

// Each code has a section, without marks that are for Markdown.
func TestSection(t *testing.T) {
	t.Parallel()
	for _, code := range diagnosis.Codes() {
		text := findingdocs.Section(code)
		if !strings.HasPrefix(text, string(code)+"\n\n") || !strings.Contains(text, "Severity: ") || strings.Contains(text, "](#") || strings.Contains(text, "`") {
			t.Errorf("%s:\n%s", code, text)
		}
	}
	if text := findingdocs.Section("nonsense"); text != "" {
		t.Errorf("an unknown code: %q", text)
	}
}
