//go:build ignore

// Api writes the public API of the module as text, a file for each package and a line for
// each name: what a reviewer of a change should see, and no more. Comments, names of
// parameters and the order of declarations are not in it.
//
//	go run .ci/api.go DIR
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "want a folder")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A listed package is what go list says about one.
type listed struct {
	ImportPath, Name, Export string
	Module                   *struct {
		Path string
		Main bool
	}
}

// public says whether others can import a package of the module.
func (p listed) public() bool {
	return p.Module != nil && p.Module.Main && p.Name != "main" && !slices.Contains(strings.Split(p.ImportPath, "/"), "internal")
}

func write(dir string) error {
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Name,Export,Module", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	exports := map[string]string{}
	var packages []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
		exports[p.ImportPath] = p.Export
		if p.public() {
			packages = append(packages, p)
		}
	}
	load := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})
	for _, p := range packages {
		pkg, err := load.Import(p.ImportPath)
		if err != nil {
			return err
		}
		name := strings.ReplaceAll(strings.TrimPrefix(p.ImportPath, p.Module.Path+"/"), "/", "_") + ".txt"
		lines := describe(pkg)
		if len(lines) == 0 { // the root
			continue
		}
		text := "package " + p.ImportPath + "\n\n" + strings.Join(lines, "\n") + "\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// describe returns the lines of a package, those of a type together.
func describe(pkg *types.Package) []string {
	within := func(other *types.Package) string {
		if other == pkg {
			return ""
		}
		return other.Path()
	}
	var lines []string
	for _, name := range pkg.Scope().Names() { // sorted
		obj := pkg.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		switch obj := obj.(type) {
		case *types.Const:
			lines = append(lines, fmt.Sprintf("const %s %s = %s", name, types.TypeString(obj.Type(), within), obj.Val().ExactString()))
		case *types.Var:
			lines = append(lines, fmt.Sprintf("var %s %s", name, types.TypeString(obj.Type(), within)))
		case *types.Func:
			lines = append(lines, "func "+name+signature(obj, within))
		case *types.TypeName:
			lines = append(lines, typeLines(obj, within)...)
		}
	}
	return lines
}

// typeLines returns a type, and the exported fields and methods of it.
func typeLines(obj *types.TypeName, within types.Qualifier) []string {
	name := obj.Name()
	if obj.IsAlias() {
		return []string{fmt.Sprintf("type %s = %s", name, types.TypeString(types.Unalias(obj.Type()), within))}
	}
	var lines []string
	switch under := obj.Type().Underlying().(type) {
	case *types.Struct:
		lines = append(lines, "type "+name+" struct")
		for i := range under.NumFields() {
			if field := under.Field(i); field.Exported() {
				lines = append(lines, fmt.Sprintf("type %s struct, %s %s%s", name, field.Name(), types.TypeString(field.Type(), within), tag(under.Tag(i))))
			}
		}
	case *types.Interface:
		lines = append(lines, "type "+name+" interface")
		for i := range under.NumMethods() {
			method := under.Method(i)
			lines = append(lines, fmt.Sprintf("type %s interface, %s%s", name, method.Name(), signature(method, within)))
		}
	default:
		lines = append(lines, fmt.Sprintf("type %s %s", name, types.TypeString(under, within)))
	}
	named, ok := obj.Type().(*types.Named)
	if !ok {
		return lines
	}
	var methods []string
	for method := range named.Methods() {
		if method.Exported() {
			receiver := types.TypeString(method.Signature().Recv().Type(), within)
			methods = append(methods, fmt.Sprintf("method (%s) %s%s", receiver, method.Name(), signature(method, within)))
		}
	}
	slices.Sort(methods)
	return append(lines, methods...)
}

func tag(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf(" %q", text)
}

// signature is that of a function, without the names of its parameters.
func signature(f *types.Func, within types.Qualifier) string {
	s := f.Signature()
	nameless := types.NewSignatureType(nil, nil, nil, unnamed(s.Params()), unnamed(s.Results()), s.Variadic())
	return strings.TrimPrefix(types.TypeString(nameless, within), "func")
}

func unnamed(tuple *types.Tuple) *types.Tuple {
	var vars []*types.Var
	for v := range tuple.Variables() {
		vars = append(vars, types.NewVar(token.NoPos, nil, "", v.Type()))
	}
	return types.NewTuple(vars...)
}
