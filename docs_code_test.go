package danesmtp_test

import (
	"fmt"
	"go/build"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A block is Go code in a document, and the name of the file that it is quoted from: a comment in
// the line before it, for which no reader has to look.
//
//	<!-- from examples/clients/netsmtp.go -->
type block struct {
	source string
	line   int // where it begins
	code   string
}

var quotedFrom = regexp.MustCompile(`^<!-- from (\S+\.go) -->$`)

func blocks(text string) (found []block) {
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		if !isFence(lines[i]) {
			continue
		}
		begin := i + 1
		for i++; i < len(lines) && !isFence(lines[i]); i++ {
		}
		if strings.Fields(lines[begin-1] + " text")[0] != "```go" {
			continue
		}
		b := block{line: begin, code: strings.Join(lines[begin:min(i, len(lines))], "\n")}
		if begin >= 2 {
			if match := quotedFrom.FindStringSubmatch(lines[begin-2]); match != nil {
				b.source = match[1]
			}
		}
		found = append(found, b)
	}
	return found
}

// quoted reports whether code is a part of a file: lines that follow each other, of which some
// indentation may be left out.
func quoted(code, file string) bool {
	want := strings.Split(code, "\n")
	lines := strings.Split(file, "\n")
	for i := range lines {
		indent, _, found := strings.Cut(lines[i], strings.TrimLeft(want[0], "\t"))
		if want[0] == "" || !found || strings.Trim(indent, "\t") != "" || i+len(want) > len(lines) {
			continue
		}
		indent = strings.TrimSuffix(lines[i], want[0])
		if slices.EqualFunc(lines[i:i+len(want)], want, func(line, want string) bool {
			return line == indent+want || want == "" && line == ""
		}) {
			return true
		}
	}
	return false
}

// runs returns an error unless a file is built, and there are tests beside it that run it. Code
// that needs a tag of ours needs it in its tests as well.
func runs(file string) error {
	context := build.Default
	context.BuildTags = []string{"unbound"}
	context.CgoEnabled = true
	p, err := context.ImportDir(filepath.Dir(file), 0)
	if err != nil {
		return err
	}
	tests := slices.Concat(p.TestGoFiles, p.XTestGoFiles)
	if !slices.Contains(slices.Concat(p.GoFiles, p.CgoFiles, tests), filepath.Base(file)) {
		return fmt.Errorf("%s is not built", file)
	}
	for _, test := range tests {
		text, err := os.ReadFile(filepath.Join(p.Dir, test))
		if err != nil {
			return err
		}
		if strings.Contains(string(text), "\nfunc Test") || strings.Contains(string(text), "\t// Output:") {
			return nil
		}
	}
	return fmt.Errorf("nothing runs %s", file)
}

// wrongBlocks says of each block of Go in a document that does not run, why.
func wrongBlocks(text string) (wrong []string) {
	for _, b := range blocks(text) {
		file, err := os.ReadFile(filepath.FromSlash(b.source))
		switch {
		case b.source == "":
			err = fmt.Errorf("the line before does not say <!-- from FILE -->")
		case err == nil && !quoted(b.code, string(file)):
			err = fmt.Errorf("it is not in %s", b.source)
		case err == nil:
			err = runs(b.source)
		}
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("%d: %v", b.line, err))
		}
	}
	return wrong
}

func TestWrongBlocksAreFound(t *testing.T) {
	t.Parallel()
	const from = "<!-- from layout_test.go -->\n```go\n"
	for text, wrong := range map[string]bool{
		"text": false,
		"```\nanything\n```\n<!-- from missing.go -->\n```sh\nls\n```\n": false,
		from + "func TestNoInit(t *testing.T) {\n```":                    false,
		from + "if s.test {\n\tcontinue\n}\n```":                         false,
		from + "if s.test {\ncontinue\n}\n```":                           true,
		from + "\tif s.test {\n\tcontinue\n}\n```":                       true,
		from + "f s.test {\n```":                                         true,
		from + "func TestNoInit(t *testing.T) { // not so\n```":          true,
		from + "```": true,
		"```go\nfunc TestNoInit(t *testing.T) {\n```":                                       true,
		"<!-- from layout_test.go -->\n\n```go\nfunc TestNoInit(t *testing.T) {\n```":       true,
		"<!-- from missing.go -->\n```go\nfunc TestNoInit(t *testing.T) {\n```":             true,
		"<!-- from doc.go -->\n```go\npackage danesmtp\n```":                                false, // this test is beside it
		"<!-- from bench/lab/main.go -->\n```go linked\npackage main\n```":                  false,
		"<!-- from .ci/api.go -->\n```go\npackage main\n```":                                true,
		"<!-- from dnssec/testdata/no.go -->\n```go\npackage no\n```\n```go\nunended block": true,
	} {
		if got := wrongBlocks(text); (len(got) > 0) != wrong {
			t.Errorf("%q: found %q, want something to be found: %t", text, got, wrong)
		}
	}
}

// TestBlocksRun finds Go code that is not part of a file that is built and tested. Files with the
// tag unbound count: they need a library that is not everywhere.
func TestBlocksRun(t *testing.T) {
	t.Parallel()
	n := 0
	for _, name := range documents(t) {
		text := read(t, name)
		n += len(blocks(text))
		for _, wrong := range wrongBlocks(text) {
			t.Errorf("%s:%s", name, wrong)
		}
	}
	if n == 0 {
		t.Error("there is no Go code in any document")
	}
}
