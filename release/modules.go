package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

// published returns the folders of the modules that others get, below a checkout: that of the root
// module, which is ".", and of those nested in it. The module of this program is for here.
func published(source string) (folders []string, err error) {
	err = filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(source, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "testdata" || below == "release"):
			return fs.SkipDir
		case entry.Name() == "go.mod":
			folders = append(folders, filepath.Dir(below))
		}
		return nil
	})
	slices.Sort(folders)
	return folders, err
}

// detach has the nested modules of a clean checkout require a version of the root module, and no
// longer take it from the folder above: the go command installs no module that has a replace
// directive. The checkout is then to be committed, and that commit to be tagged for them; the
// version itself is what the commit before it is.
func detach(source, version string) error {
	folders, err := published(source)
	if err != nil {
		return err
	}
	sums, err := rootSums(source, version)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if folder == "." {
			continue
		}
		if err := detachModule(filepath.Join(source, folder), version, sums); err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
		fmt.Println(filepath.ToSlash(folder))
	}
	return nil
}

func detachModule(folder, version string, sums []string) error {
	name := filepath.Join(folder, "go.mod")
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	parsed, err := modfile.Parse(name, text, nil)
	if err != nil {
		return err
	}
	for _, replace := range slices.Clone(parsed.Replace) {
		if replace.Old.Path != modulePath {
			return fmt.Errorf("%s is replaced, and only %s can be released with it", replace.Old.Path, modulePath)
		}
		if err := parsed.DropReplace(replace.Old.Path, replace.Old.Version); err != nil {
			return err
		}
	}
	if err := parsed.AddRequire(modulePath, version); err != nil {
		return err
	}
	parsed.Cleanup()
	if text, err = parsed.Format(); err != nil {
		return err
	}
	if err := os.WriteFile(name, text, 0o644); err != nil {
		return err
	}
	name = filepath.Join(folder, "go.sum")
	known, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	lines := slices.Concat(strings.Split(strings.TrimSpace(string(known)), "\n"), sums)
	slices.Sort(lines)
	return os.WriteFile(name, []byte(strings.TrimSpace(strings.Join(lines, "\n"))+"\n"), 0o644)
}

// rootSums are the lines of go.sum for a version of the root module.
func rootSums(source, version string) ([]string, error) {
	archive, err := os.CreateTemp("", "module*.zip")
	if err != nil {
		return nil, err
	}
	defer os.Remove(archive.Name())
	m := module.Version{Path: modulePath, Version: version}
	if err := errors.Join(zip.CreateFromVCS(archive, m, source, "HEAD", ""), archive.Close()); err != nil {
		return nil, err
	}
	whole, err := dirhash.HashZip(archive.Name(), dirhash.Hash1)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(source, "go.mod"))
	if err != nil {
		return nil, err
	}
	file, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil })
	if err != nil {
		return nil, err
	}
	return []string{
		fmt.Sprintf("%s %s %s", modulePath, version, whole),
		fmt.Sprintf("%s %s/go.mod %s", modulePath, version, file),
	}, nil
}
