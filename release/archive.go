package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// A file is one of an archive or a package.
type file struct {
	name       string // in the archive, with slashes
	source     string // on this machine
	executable bool
}

func (f file) mode() int64 {
	if f.executable {
		return 0o755
	}
	return 0o644
}

// writeArchive writes files below a folder of its name without the ending .tar.gz or .zip. What
// differs between machines (owners, modes, times, the order of a folder) is not in it.
func writeArchive(name string, at time.Time, files []file) (err error) {
	w, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.name, b.name) })
	base := path.Base(name)
	if folder, is := strings.CutSuffix(base, ".zip"); is {
		return writeZip(w, folder, at, files)
	}
	return writeTar(w, strings.TrimSuffix(base, ".tar.gz"), at, files)
}

func writeTar(w io.Writer, folder string, at time.Time, files []file) error {
	compressed := gzip.NewWriter(w)
	out := tar.NewWriter(compressed)
	for _, f := range files {
		octets, err := os.ReadFile(f.source)
		if err != nil {
			return err
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: folder + "/" + f.name, Size: int64(len(octets)), Mode: f.mode(), ModTime: at.UTC(), Format: tar.FormatUSTAR}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		if _, err := out.Write(octets); err != nil {
			return err
		}
	}
	return errors.Join(out.Close(), compressed.Close())
}

func writeZip(w io.Writer, folder string, at time.Time, files []file) error {
	out := zip.NewWriter(w)
	for _, f := range files {
		octets, err := os.ReadFile(f.source)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: folder + "/" + f.name, Method: zip.Deflate, Modified: at.UTC()}
		header.SetMode(os.FileMode(f.mode()))
		entry, err := out.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := entry.Write(octets); err != nil {
			return err
		}
	}
	return out.Close()
}
