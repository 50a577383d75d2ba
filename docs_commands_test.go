package danesmtp_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A mark stands in the line before a block of commands or settings, and says what tries it, a test or
// a program of the repository, or why nothing does:
//
//	<!-- run by TestMonitoringCommands, release/boot -->
//	<!-- not run: it needs a domain of yours -->
var (
	runBy  = regexp.MustCompile(`^<!-- run by ([\w./-]+(?:, [\w./-]+)*) -->$`)
	notRun = regexp.MustCompile(`^<!-- not run: \S.* -->$`)
)

// A commandBlock is a block that is neither Go code nor quoted from a file: those have tests of
// their own.
type commandBlock struct {
	line int
	mark string
}

func commandBlocks(text string) (found []commandBlock) {
	lines := strings.Split(text, "\n")
	before := func(i int) string {
		if i > 1 && lines[i-1] == "" && strings.HasPrefix(lines[i-2], "<!-- ") {
			i-- // a block that is indented may have a blank line before it
		}
		if i == 0 {
			return ""
		}
		return lines[i-1]
	}
	for i := 0; i < len(lines); i++ {
		begin := i
		switch {
		case isFence(lines[i]):
			for i++; i < len(lines) && !isFence(lines[i]); i++ {
			}
			if strings.HasPrefix(lines[begin], "```go") {
				continue
			}
		case strings.HasPrefix(lines[i], "    ") && (i == 0 || lines[i-1] == "" || strings.HasPrefix(lines[i-1], "<!-- ")):
			for i+1 < len(lines) && (strings.HasPrefix(lines[i+1], "    ") || lines[i+1] == "" && i+2 < len(lines) && strings.HasPrefix(lines[i+2], "    ")) {
				i++
			}
		default:
			continue
		}
		if mark := before(begin); !strings.HasPrefix(mark, "<!-- from ") {
			found = append(found, commandBlock{begin + 1, mark})
		}
	}
	return found
}

// wrongMark returns an error unless a block is marked, and what is to run it is there.
func wrongMark(mark string, tests map[string]bool) error {
	if notRun.MatchString(mark) {
		return nil
	}
	match := runBy.FindStringSubmatch(mark)
	if match == nil {
		return fmt.Errorf("the line before does not say <!-- run by NAME --> or <!-- not run: REASON -->")
	}
	for _, name := range strings.Split(match[1], ", ") {
		if tests[name] {
			continue
		}
		if info, err := os.Stat(filepath.FromSlash(name)); err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return fmt.Errorf("there is no test and no program %s", name)
		}
	}
	return nil
}

var testFunction = regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)

// allTests returns the names of the tests of all modules of the repository.
func allTests(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for _, pattern := range []string{"*", "*/*", "*/*/*", "*/*/*/*", "*/*/*/*/*"} {
		files, err := filepath.Glob(pattern + "_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for _, match := range testFunction.FindAllStringSubmatch(read(t, file), -1) {
				names[match[1]] = true
			}
		}
	}
	return names
}

func TestWrongMarksAreFound(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{"TestOne": true, "TestTwo": true}
	for text, wrong := range map[string]bool{
		"text":              false,
		"text\n    goes on": false,
		"```go\nx\n```":     false,
		"<!-- from release/units/a -->\n```ini\nx\n```": false,
		"text\n\n    ls":                  true,
		"    ls":                          true,
		"```\nls\n```":                    true,
		"```sh\nls":                       true,
		"<!-- run by TestOne -->\n    ls": false,
		"<!-- run by TestOne -->\n\n    ls\n\n    pwd":            false,
		"<!-- run by TestOne, TestTwo, .ci/run -->\n```\nls\n```": false,
		"<!-- run by TestOne, TestThree -->\n```\nls\n```":        true,
		"<!-- run by README.md -->\n    ls":                       true,
		"<!-- run by docs -->\n    ls":                            true,
		"<!-- run by -->\n    ls":                                 true,
		"<!-- not run: why -->\n    ls":                           false,
		"<!-- not run: -->\n    ls":                               true,
		"<!-- not run: why -->\ntext\n\n    ls":                   true,
	} {
		bad := 0
		for _, block := range commandBlocks(text) {
			if wrongMark(block.mark, tests) != nil {
				bad++
			}
		}
		if (bad > 0) != wrong {
			t.Errorf("%q: %d blocks are wrong, want some to be: %t", text, bad, wrong)
		}
	}
}

// TestCommandsAreTried: each block of commands or settings says what tries it, or why nothing does.
func TestCommandsAreTried(t *testing.T) {
	t.Parallel()
	tests := allTests(t)
	run := 0
	for _, name := range documents(t) {
		for _, block := range commandBlocks(read(t, name)) {
			if err := wrongMark(block.mark, tests); err != nil {
				t.Errorf("%s:%d: %v", name, block.line, err)
			}
			if runBy.MatchString(block.mark) {
				run++
			}
		}
	}
	if run < 20 {
		t.Errorf("only %d blocks are run", run)
	}
}
