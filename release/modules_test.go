package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checkoutOf makes a repository of one commit.
func checkoutOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "one"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	return dir
}

func contents(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What is tagged for nested modules requires the root module by its version and its checksums.
func TestDetach(t *testing.T) {
	t.Parallel()
	const (
		nested  = "module " + modulePath + "/examples/one\n\ngo 1.26.0\n\nrequire (\n\tgithub.com/danesmtp/danesmtp v0.0.0\n\texample.org/x v1.0.0\n)\n\nreplace github.com/danesmtp/danesmtp => ../..\n"
		release = "module " + modulePath + "/release\n\nreplace github.com/danesmtp/danesmtp => ..\n"
	)
	files := map[string]string{
		"go.mod": "module " + modulePath + "\n", "a.go": "package a\n", "LICENSE": "free\n",
		"examples/one/go.mod": nested, "examples/one/go.sum": "example.org/x v1.0.0 h1:x=\n", "examples/one/main.go": "package main\n",
		"examples/one/testdata/go.mod": nested, "release/go.mod": release,
	}
	dir := checkoutOf(t, files)
	if err := detach(dir, "v0.1.0"); err != nil {
		t.Fatal(err)
	}
	want := "module " + modulePath + "/examples/one\n\ngo 1.26.0\n\nrequire (\n\tgithub.com/danesmtp/danesmtp v0.1.0\n\texample.org/x v1.0.0\n)\n"
	if diff := cmp.Diff(want, contents(t, dir, "examples/one/go.mod")); diff != "" {
		t.Errorf("go.mod (-want +got):\n%s", diff)
	}
	sums := strings.Split(contents(t, dir, "examples/one/go.sum"), "\n")
	if len(sums) != 4 || sums[0] != "example.org/x v1.0.0 h1:x=" ||
		!strings.HasPrefix(sums[1], modulePath+" v0.1.0 h1:") || !strings.HasPrefix(sums[2], modulePath+" v0.1.0/go.mod h1:") {
		t.Errorf("go.sum: %q", sums)
	}
	for _, name := range []string{"go.mod", "examples/one/testdata/go.mod", "release/go.mod"} {
		if got := contents(t, dir, name); got != files[name] {
			t.Errorf("%s has changed:\n%s", name, cmp.Diff(files[name], got))
		}
	}

	// The checksum is that of what a proxy gives out.
	proxy := t.TempDir()
	if err := writeProxy(dir, "v0.1.0", proxy); err != nil {
		t.Fatal(err)
	}
	again, err := rootSums(dir, "v0.1.0")
	if err != nil || again[0] != sums[1] || again[1] != sums[2] {
		t.Errorf("%q, %v, want %q", again, err, sums[1:3])
	}
	if _, err := os.Stat(filepath.Join(proxy, "github.com", "danesmtp", "danesmtp", "release")); err == nil {
		t.Error("the module of this program is published")
	}

	files["examples/one/go.mod"] = strings.Replace(nested, "replace ", "replace example.org/x => ../x\n\nreplace ", 1)
	if err := detach(checkoutOf(t, files), "v0.1.0"); err == nil || !strings.Contains(err.Error(), "example.org/x is replaced") {
		t.Errorf("a module of somebody else that is replaced: %v", err)
	}
}
