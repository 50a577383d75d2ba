// Package limittest ties the tables of limits in SECURITY.md to tests: each row has one, at the
// limit and beyond it.
package limittest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Row is how a row of a table is tested: by a function, or by tests that stand elsewhere.
type Row struct {
	Limit string             // what the row says, so that neither changes alone
	Check func(t *testing.T) // nil where there are Tests
	Tests []string           // names of tests of this package; "dir/Test" is one of another
}

// Table fails the test unless the table that follows title in the document has just these rows,
// by their first cell, and each is tested. It runs the functions, in parallel.
func Table(t *testing.T, document, title string, rows map[string]Row) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "\n"+title)
	if !found {
		t.Fatalf("%s has no table %q", document, title)
	}
	seen := make(map[string]bool)
	for _, cells := range cellsOf(table) {
		name, limit := cells[0], cells[1]
		row, ok := rows[name]
		switch {
		case !ok:
			t.Errorf("no test of the limit of %s", name)
		case row.Limit != limit:
			t.Errorf("%s: the limit in the document is %q, in the tests %q", name, limit, row.Limit)
		case row.Check == nil && len(row.Tests) == 0:
			t.Errorf("%s: neither a function nor a test", name)
		}
		seen[name] = true
		for _, test := range row.Tests {
			if !exists(t, test) {
				t.Errorf("%s: there is no %s", name, test)
			}
		}
		if row.Check != nil {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				row.Check(t)
			})
		}
	}
	for name := range rows {
		if !seen[name] {
			t.Errorf("the document has no row of %s", name)
		}
	}
}

// cellsOf returns the rows of the first table in a text, without its head.
func cellsOf(text string) (rows [][]string) {
	in := false
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "|") {
			if in {
				break
			}
			continue
		}
		in = true
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows[min(2, len(rows)):]
}

// exists reports whether a package has a test of that name.
func exists(t *testing.T, path string) bool {
	t.Helper()
	dir, test := filepath.Split(path)
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == test {
				return true
			}
		}
	}
	return false
}
