package dane_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what happens into the scenarios in testdata, as what they want")

// A scenario is a file in testdata: a line with the rule that it is about, and sections
// that begin with a line of their name and a colon. The last is "want:". DIGEST stands for
// the digest of a key that no host has.
type scenario struct {
	path, rule string
	sections   map[string]string
}

var sectionStart = regexp.MustCompile(`(?m)^([a-z]+):\n`)

// runScenarios runs those of a folder, which have no other sections than these and "want".
// What happens is for got to say.
func runScenarios(t *testing.T, folder string, sections []string, got func(*testing.T, scenario) string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatal("there are no scenarios in ", folder, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Parallel()
			s := readScenario(t, path)
			for name := range s.sections {
				if name != "want" && !slices.Contains(sections, name) {
					t.Fatalf("%s: unknown section %q", path, name)
				}
			}
			text := got(t, s)
			if diff := cmp.Diff(s.sections["want"], text); diff != "" && *update {
				s.write(t, text)
			} else if diff != "" {
				t.Errorf("%s (-want +got):\n%s", s.rule, diff)
			}
		})
	}
}

func readScenario(t *testing.T, path string) scenario {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(text), "\n")
	s := scenario{path: path, rule: head, sections: make(map[string]string)}
	starts := sectionStart.FindAllSubmatchIndex(text, -1)
	for i, at := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		s.sections[string(text[at[2]:at[3]])] = strings.ReplaceAll(strings.TrimSpace(string(text[at[1]:end])), "DIGEST", digest)
	}
	if _, ok := s.sections["want"]; !ok || len(s.sections) != len(starts) || s.rule == "" {
		t.Fatalf("%s: want a rule, and each section once: %v", path, slices.Sorted(maps.Keys(s.sections)))
	}
	return s
}

// write replaces what the scenario wants.
func (s scenario) write(t *testing.T, want string) {
	t.Helper()
	text, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(text), "\nwant:\n")
	if err := os.WriteFile(s.path, []byte(before+"\nwant:\n"+want+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
}

// lines are those of a section, none if it is not there.
func (s scenario) lines(section string) []string {
	if s.sections[section] == "" {
		return nil
	}
	return strings.Split(s.sections[section], "\n")
}
