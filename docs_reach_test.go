package danesmtp_test

import (
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pagesFrom returns the documents that the links of one lead to; a folder is its README.md, as on
// GitHub.
func pagesFrom(name, text string) (pages []string) {
	prose := strings.Join(withoutCode(text), "\n")
	for _, match := range link.FindAllStringSubmatch(prose, -1) {
		target, err := url.Parse(match[1])
		if err != nil || target.Scheme != "" || target.Host != "" || target.Path == "" {
			continue
		}
		path := filepath.Join(filepath.Dir(name), filepath.FromSlash(target.Path))
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path = filepath.Join(path, "README.md")
		}
		if filepath.Ext(path) == ".md" {
			pages = append(pages, path)
		}
	}
	return pages
}

// clicks returns how many links away from a page others are.
func clicks(t *testing.T, from string, links func(page string) []string) map[string]int {
	t.Helper()
	far := map[string]int{from: 0}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		for _, page := range links(queue[0]) {
			if _, seen := far[page]; !seen {
				far[page] = far[queue[0]] + 1
				queue = append(queue, page)
			}
		}
	}
	return far
}

func TestClicks(t *testing.T) {
	t.Parallel()
	links := map[string][]string{"a": {"b", "c"}, "b": {"a", "d"}, "d": {"e"}, "lost": {"a"}}
	got := clicks(t, "a", func(page string) []string { return links[page] })
	if want := map[string]int{"a": 0, "b": 1, "c": 1, "d": 2, "e": 3}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	const text = "[a](tls.md#x), [b](../dane/tlsrpt), [c](../bench), [d](https://example.org/x.md), [e](#here)\n```\n[f](f.md)\n```\n"
	if got, want := pagesFrom("docs/README.md", text), []string{"docs/tls.md", "dane/tlsrpt/README.md", "bench/README.md"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestEveryPageIsNear: whoever is at one of the two entrances finds every document by two clicks.
func TestEveryPageIsNear(t *testing.T) {
	t.Parallel()
	const most = 2
	for _, entrance := range []string{"README.md", "docs/README.md"} {
		far := clicks(t, entrance, func(page string) []string {
			text, err := os.ReadFile(page)
			if err != nil {
				return nil // TestLinks has it; or a folder without a page
			}
			return pagesFrom(page, string(text))
		})
		for _, page := range documents(t) {
			if n, reached := far[page]; !reached || n > most {
				t.Errorf("%s is not within %d clicks of %s", page, most, entrance)
			}
		}
	}
}

// TestQuotedFiles: a block of another language than Go, with the name of a file in the line
// before it, is that whole file. Units and settings have one source this way.
func TestQuotedFiles(t *testing.T) {
	t.Parallel()
	found := make(map[string]bool)
	for _, name := range documents(t) {
		lines := strings.SplitAfter(read(t, name), "\n")
		for i, line := range lines {
			file, is := strings.CutPrefix(strings.TrimSpace(line), "<!-- from ")
			file, ends := strings.CutSuffix(file, " -->")
			if !is || !ends || strings.HasSuffix(file, ".go") {
				continue
			}
			found[file] = true
			block := ""
			if i+1 < len(lines) && isFence(lines[i+1]) {
				for _, line := range lines[i+2:] {
					if isFence(line) {
						break
					}
					block += line
				}
			}
			if block != read(t, file) {
				t.Errorf("%s:%d: the block is not what %s has", name, i+1, file)
			}
		}
	}
	units, err := filepath.Glob("release/units/*.[st]*")
	if err != nil || len(units) < 5 {
		t.Errorf("%d units, %v", len(units), err)
	}
	for _, unit := range units {
		if !found[unit] {
			t.Errorf("no document shows %s", unit)
		}
	}
}
