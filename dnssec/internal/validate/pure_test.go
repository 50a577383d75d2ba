package validate_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The judge sends nothing, opens nothing and reads no clock, whoever changes it: what a reply
// proves depends on the reply, on the instant that it is given, and on what Ask says. The layout
// test keeps it from other packages of the module that do.
func TestJudgeIsPure(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		read++
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(name, "/")
			if slices.Contains([]string{"net", "os", "io", "log", "syscall"}, first) {
				t.Errorf("%s imports %s", path, name)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s begins a goroutine", fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				of, ok := n.X.(*ast.Ident)
				clock := []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}
				exchange := []string{"Exchange", "ExchangeContext", "Dial", "Client", "Conn"}
				if ok && (of.Name == "time" && slices.Contains(clock, n.Sel.Name) || of.Name == "dns" && slices.Contains(exchange, n.Sel.Name)) {
					t.Errorf("%s uses %s.%s", fset.Position(n.Pos()), of.Name, n.Sel.Name)
				}
			}
			return true
		})
	}
	if read < 10 {
		t.Errorf("only %d files were read", read)
	}
}
