package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// writeProxy writes what the go command would get from a module proxy, had the commit of a clean
// checkout a tag for the root module and one for each nested module.
func writeProxy(source, version, out string) error {
	at, err := commitTime(source)
	if err != nil {
		return err
	}
	folders, err := published(source)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		if err := writeModule(source, filepath.Join(source, folder), version, out, at); err != nil {
			return err
		}
	}
	return nil
}

func writeModule(source, dir, version, out string, at time.Time) (err error) {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return err
	}
	m := module.Version{Path: modfile.ModulePath(text), Version: version}
	below, err := filepath.Rel(source, dir)
	if err != nil {
		return err
	}
	if below == "." {
		below = ""
	}
	escaped, err := module.EscapePath(m.Path)
	if err != nil {
		return err
	}
	folder := filepath.Join(out, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	var archive bytes.Buffer
	if err := zip.CreateFromVCS(&archive, m, source, "HEAD", below); err != nil {
		return fmt.Errorf("%s: %w", m.Path, err)
	}
	info := fmt.Sprintf("{\"Version\":%q,\"Time\":%q}\n", version, at.Format(time.RFC3339))
	for name, octets := range map[string][]byte{"list": []byte(version + "\n"), version + ".info": []byte(info), version + ".mod": text, version + ".zip": archive.Bytes()} {
		err = errors.Join(err, os.WriteFile(filepath.Join(folder, name), octets, 0o644))
	}
	return err
}
