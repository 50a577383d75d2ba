package dane_test

import (
	"os"
	"strings"
	"testing"
)

// The code in the README is that of the example, which runs.
func TestReadmeShowsTheExample(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_delivery_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "```go\n")
	code, _, ended := strings.Cut(rest, "```\n")
	if !found || !ended || code == "" {
		t.Fatal("the README has no Go code")
	}
	if !strings.Contains(string(example), code) {
		t.Error("the README's code is not that of example_delivery_test.go")
	}
}
