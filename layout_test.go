package danesmtp_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/danesmtp/danesmtp"

// A room is a package, or with a final /... a package and all below it, and what
// its code may import from outside of the standard library. Paths without a dot
// are ours.
type room struct {
	path    string
	imports []string
	kit     bool // imported by tests, kits and examples only
	program bool // imports what it likes within the module
}

// rooms are all packages of this module; the first that matches counts. A
// package without a room fails the test, and so does a room without a package.
var rooms = []room{
	{path: "."},
	{path: "interop/..."},
	{path: "internal/addresskind"},
	{path: "internal/localfault"},
	{path: "internal/printable"},
	{path: "internal/limittest", kit: true},
	{path: "bench/...", imports: []string{"...", "github.com/miekg/dns"}, program: true},
	{path: "examples/daneverify/...", imports: []string{
		"...", "github.com/miekg/dns", "golang.org/x/net/...", "golang.org/x/sync/...", "golang.org/x/term",
	}, program: true},

	{path: "examples/internal/cli", imports: []string{"internal/printable", "golang.org/x/term"}},
	{path: "examples/internal/machine"},
	{path: "examples/internal/surveyflags", imports: []string{"dane/survey", "examples/internal/cli"}},
	{path: "examples/internal/surveyrow", imports: []string{"dane", "dane/diagnosis", "dane/survey"}},
	{path: "examples/internal/...", imports: []string{"dnssec/..."}},
	{path: "examples/tlspolicy", imports: []string{"dane", "dnssec/...", "examples/internal/...", "github.com/miekg/dns"}, program: true},
	{path: "examples/validator", imports: []string{"dnssec/...", "examples/internal/...", "github.com/miekg/dns"}, program: true},

	{path: "tlsa/tlsatest", imports: []string{"tlsa"}, kit: true},
	{path: "tlsa/...", imports: []string{"internal/printable"}},
	{path: "smtpprobe/smtptest", imports: []string{"smtpprobe", "tlsa/tlsatest"}, kit: true},
	{path: "smtpprobe/...", imports: []string{"internal/localfault", "internal/printable"}},

	{path: "dnssec/dnssectest", imports: []string{
		"dnssec/...", "github.com/miekg/dns", "golang.org/x/net/...", "golang.org/x/sync/...",
	}, kit: true},
	{path: "dnssec/internal/sign", imports: []string{"dnssec/internal/...", "github.com/miekg/dns"}, kit: true},
	{path: "dnssec/internal/frame", imports: []string{"github.com/miekg/dns"}, kit: true},
	{path: "dnssec/internal/replay", imports: []string{"dnssec/...", "github.com/miekg/dns"}, kit: true},
	{path: "dnssec/internal/wireform", imports: []string{"github.com/miekg/dns"}},
	{path: "dnssec/internal/validate", imports: []string{"dnssec/internal/...", "github.com/miekg/dns"}}, // it sends nothing
	{path: "dnssec/internal/...", imports: []string{
		"dnssec/internal/...", "github.com/miekg/dns", "golang.org/x/net/...", "golang.org/x/sync/...",
	}},
	{path: "dnssec/upstream/...", imports: []string{
		"dnssec/internal/wireform", "internal/addresskind", "internal/localfault", "internal/printable",
		"github.com/miekg/dns", "golang.org/x/net/...", "golang.org/x/sync/...",
	}},
	{path: "dnssec/anchor", imports: []string{
		"dnssec/internal/...", "dnssec/upstream", "internal/printable",
		"github.com/miekg/dns", "golang.org/x/net/...", "golang.org/x/sync/...",
	}},
	{path: "dnssec/compare", imports: []string{
		"dnssec", "dnssec/internal/canonical", "dnssec/upstream", "internal/localfault", "internal/printable", "github.com/miekg/dns",
	}},
	{path: "dnssec", imports: []string{
		"dnssec/anchor", "dnssec/internal/...", "dnssec/upstream", "internal/localfault", "internal/printable",
		"github.com/miekg/dns", "golang.org/x/net/...", "golang.org/x/sync/...",
	}},

	{path: "dane/danetest", imports: []string{
		"dane", "dnssec/...", "smtpprobe/...", "tlsa/...",
		"github.com/miekg/dns", "golang.org/x/net/...", "golang.org/x/sync/...",
	}, kit: true},
	{path: "dane/rollover", imports: []string{"dnssec", "dnssec/upstream", "internal/printable", "tlsa", "github.com/miekg/dns"}},
	{path: "dane/tlsrpt", imports: []string{"dane", "internal/printable"}},
	{path: "dane/survey", imports: []string{"dane", "dnssec/upstream", "internal/localfault", "smtpprobe", "github.com/miekg/dns", "golang.org/x/net/..."}},
	{path: "dane/diagnosis", imports: []string{"dane", "dnssec", "dnssec/compare", "internal/printable", "smtpprobe", "tlsa", "github.com/miekg/dns"}},
	{path: "dane/explanation", imports: []string{"dane", "dnssec", "internal/printable", "smtpprobe", "tlsa", "github.com/miekg/dns"}},
	{path: "dane", imports: []string{
		"dnssec", "dnssec/anchor", "dnssec/upstream", "internal/addresskind", "internal/localfault", "internal/printable", "smtpprobe", "tlsa",
		"github.com/miekg/dns", "golang.org/x/net/...", "golang.org/x/sync/...",
	}},
}

// A listed package is what go list says about one.
type listed struct {
	ImportPath, Doc                    string
	GoFiles                            []string
	Imports, TestImports, XTestImports []string
	Error                              *struct{ Err string }
}

func (p listed) path() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Doc,GoFiles,Imports,TestImports,XTestImports,Error", "./...").Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var packages []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Error != nil {
			t.Errorf("%s: %s", p.ImportPath, p.Error.Err)
		}
		packages = append(packages, p)
	}
}

// matches says whether a path is the pattern, or lies below it where the pattern
// ends with /... as in the go command.
func matches(pattern, path string) bool {
	if pattern == "..." {
		return !strings.Contains(path, ".") // the whole module
	}
	base, tree := strings.CutSuffix(pattern, "/...")
	return path == base || base == "." && path == "" || tree && strings.HasPrefix(path, base+"/")
}

// roomOf returns the index of a package's room, or -1.
func roomOf(path string) int {
	return slices.IndexFunc(rooms, func(r room) bool { return matches(r.path, path) })
}

// short is an import without the path of the module.
func short(path string) (name string, std bool) {
	if own, ok := strings.CutPrefix(path, module+"/"); ok {
		return own, false
	}
	first, _, _ := strings.Cut(path, "/")
	return path, !strings.Contains(first, ".")
}

// TestImports keeps the direction of imports: examples → dane → {dnssec, tlsa,
// smtpprobe} → the standard library and a few others. All may print by
// internal/printable; those who connect to what DNS data names share internal/addresskind.
func TestImports(t *testing.T) {
	inhabited := make([]bool, len(rooms))
	for _, p := range listPackages(t) {
		i := roomOf(p.path())
		if i < 0 {
			t.Errorf("%s has no room: add it to the list", p.ImportPath)
			continue
		}
		inhabited[i] = true
		for _, path := range p.Imports {
			name, std := short(path)
			allowed := slices.ContainsFunc(rooms[i].imports, func(pattern string) bool { return matches(pattern, name) })
			if !std && !allowed {
				t.Errorf("%s must not import %s", p.ImportPath, path)
			}
			if isKit(name) && !rooms[i].kit && !rooms[i].program {
				t.Errorf("%s imports the test kit %s", p.ImportPath, path)
			}
		}
		// Kits import what they test, so a test inside of the package would import
		// itself. No kit imports a program.
		for _, path := range p.TestImports {
			if name, _ := short(path); isKit(name) && !strings.Contains("/"+name, "/internal/") && !rooms[i].program {
				t.Errorf("the tests of %s that need %s belong in package x_test", p.ImportPath, path)
			}
		}
	}
	for i, r := range rooms {
		if !inhabited[i] {
			t.Errorf("there is no package %s", r.path)
		}
	}
}

func isKit(path string) bool {
	i := roomOf(path)
	return i >= 0 && rooms[i].kit
}

func TestEveryPackageHasDocumentation(t *testing.T) {
	for _, p := range listPackages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// A source is one Go file of the repository, those of nested modules included.
type source struct {
	path string
	room string // its directory
	test bool
	fset *token.FileSet
	file *ast.File
}

func (s source) at(pos token.Pos) string { return s.fset.Position(pos).String() }

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch name := filepath.Base(path); {
		case err != nil:
			return err
		case entry.IsDir() && (name == "testdata" || name != "." && strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		all = append(all, source{
			path: path, room: filepath.ToSlash(filepath.Dir(path)),
			test: strings.HasSuffix(path, "_test.go"), fset: fset, file: file,
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestRootPackageIsOnlyAMap(t *testing.T) {
	for _, s := range sources(t) {
		if s.room == "." && !s.test && (s.path != "doc.go" || len(s.file.Decls) > 0) {
			t.Errorf("%s declares something: the root holds doc.go without identifiers", s.path)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	const limit = 400 // lines
	for _, s := range sources(t) {
		if lines := s.fset.Position(s.file.FileEnd).Line; !s.test && lines > limit {
			t.Errorf("%s has %d lines, more than %d: split it by question", s.path, lines, limit)
		}
	}
}

func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && !s.test && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: init() runs behind everybody's back", s.at(f.Pos()))
			}
		}
	}
}

// TestNoLogging keeps loggers out of the library: dane's adapter for log/slog is
// the only one.
func TestNoLogging(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || strings.HasPrefix(s.room, "examples/") {
			continue
		}
		for _, spec := range s.file.Imports {
			if path := spec.Path.Value; path == `"log"` || path == `"log/slog"` && s.room != "dane" {
				t.Errorf("%s imports %s", s.at(spec.Pos()), path)
			}
		}
	}
}

// TestInsecureSkipVerify finds the three places that switch off the verification
// of crypto/tls: in tlsa and in dnssec/upstream (for pinned keys) beside the hook
// that replaces it, and in dane for the actions that encrypt without
// authentication.
func TestInsecureSkipVerify(t *testing.T) {
	found := map[string][]string{"tlsa": nil, "dane": nil, "dnssec/upstream": nil}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if pos := setsInsecure(n); pos != token.NoPos {
				found[s.room] = append(found[s.room], s.at(pos))
			}
			return true
		})
	}
	for room, places := range found {
		want := 0
		if room == "tlsa" || room == "dane" || room == "dnssec/upstream" {
			want = 1
		}
		if len(places) != want {
			t.Errorf("InsecureSkipVerify is set %d times in %s, want %d: %v", len(places), room, want, places)
		}
	}
}

// setsInsecure returns where a node sets InsecureSkipVerify to anything, in a
// composite literal or by assignment.
func setsInsecure(n ast.Node) token.Pos {
	const field = "InsecureSkipVerify"
	switch n := n.(type) {
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == field {
			return n.Pos()
		}
	case *ast.AssignStmt:
		for _, left := range n.Lhs {
			if sel, ok := left.(*ast.SelectorExpr); ok && sel.Sel.Name == field {
				return n.Pos()
			}
		}
	}
	return token.NoPos
}

// A goodCitation names the document once and then its sections; nothing else may
// name a section.
var (
	goodCitation = regexp.MustCompile(`RFC \d+ §[0-9A-Z][0-9A-Z.]*((,| and|, and| or| to) §[0-9A-Z][0-9A-Z.]*)*`)
	badCitation  = regexp.MustCompile(`(?i)\b(sections?|sect?\.)\s*\d+(\.\d+)*|§.{0,8}|\brfc-?\d+`)
)

// citesBadly returns the first reference in a form of its own, or "".
func citesBadly(text string) string {
	text = strings.Join(strings.Fields(text), " ") // citations run over lines
	return badCitation.FindString(goodCitation.ReplaceAllString(text, ""))
}

func TestCitations(t *testing.T) {
	for text, bad := range map[string]bool{
		"RFC 7672 §2.2.1 says so":       false,
		"(RFC 7672 §2.1.3, §2.2.2)":     false,
		"RFC 5155 §8.5 to §8.7":         false,
		"RFC 7672 §2 and RFC 4035 §5.2": false,
		"RFC 9106 defines it":           false,
		"RFC 6698\n§A.1.2":              false,
		"the answer section and three":  false,
		"RFC 7672 section 2.2.1":        true,
		"RFC 7672, Section 2.2.1":       true,
		"see Sections 2 and 3":          true,
		"RFC 7672 sec. 2":               true,
		"RFC 7672 § 2":                  true,
		"RFC 7672, §2":                  true,
		"RFC 7672§2":                    true,
		"RFC7672 says so":               true,
		"as §2.2 has it":                true,
	} {
		if got := citesBadly(text); (got != "") != bad {
			t.Errorf("%q: found %q, want one to be found: %t", text, got, bad)
		}
	}
	for _, s := range sources(t) {
		for _, group := range s.file.Comments {
			if bad := citesBadly(group.Text()); bad != "" {
				t.Errorf("%s: %q: cite as RFC 7672 §2.2.1", s.at(group.Pos()), bad)
			}
		}
	}
}
