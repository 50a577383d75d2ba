package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// commandLine finds what the page has readers type.
var commandLine = regexp.MustCompile(`(?m)^    (?:.*(?:&&|\|) )?(?:go run \.|danesurvey) ([^|>#\n&]*)`)

// TestReadmeIsUnderstood: each command line of the pages has flags and a command that there are.
func TestReadmeIsUnderstood(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	machines, err := os.ReadFile("docs/many-machines.md")
	if err != nil {
		t.Fatal(err)
	}
	found := commandLine.FindAllStringSubmatch(string(page)+string(machines), -1)
	if len(found) < 6 {
		t.Errorf("%d command lines: %q", len(found), found)
	}
	for _, line := range found {
		if err := program().Understand(strings.Fields(line[1])); err != nil {
			t.Errorf("%s: %v", strings.TrimSpace(line[0]), err)
		}
	}
	for _, name := range regexp.MustCompile("`(-[a-z-]+)").FindAllStringSubmatch(string(page), -1) {
		_, help, _ := command(t, "", "run", "-help")
		_, more, _ := command(t, "", "resume", "-help")
		if name[1] != "-json" && name[1] != "-" && !strings.Contains(help+more, "  "+name[1]+" ") && !strings.Contains(help+more, "  "+name[1]+"\n") {
			t.Errorf("there is no flag %s", name[1])
		}
	}
}
