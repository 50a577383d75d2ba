package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPackageVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"v0.1.0":                               "0.1.0",
		"v1.2.3":                               "1.2.3",
		"v0.1.0-rc.1":                          "0.1.0~rc.1",
		"v0.1.0-a-b":                           "0.1.0~a.b", // a hyphen ends the version in both formats
		"v0.0.0-20261130160000-abcdef123456":   "0.0.0+20261130160000.abcdef123456",
		"v0.1.1-0.20261130160000-abcdef123456": "0.1.0+20261130160000.abcdef123456",
		"v0.1.0-rc.1.0.20261130160000-abcdef123456": "0.1.0~rc.1+20261130160000.abcdef123456",
	} {
		if got := packageVersion(version); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
}

// The same files give the same octets, whatever order they come in, and whatever modes and times
// they have here.
func TestArchivesAreReproducible(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, ending := range []string{".tar.gz", ".zip"} {
		var made [][]byte
		for i, mode := range []os.FileMode{0o600, 0o777} {
			dir := t.TempDir()
			files := []file{{"daneverify", filepath.Join(dir, "program"), true}, {"LICENSE", filepath.Join(dir, "text"), false}}
			for _, f := range files {
				if err := os.WriteFile(f.source, []byte(f.name), mode); err != nil {
					t.Fatal(err)
				}
			}
			if i == 1 {
				slices.Reverse(files)
				if err := os.Chtimes(files[0].source, time.Unix(0, 0), time.Unix(0, 0)); err != nil {
					t.Fatal(err)
				}
			}
			name := filepath.Join(dir, "x_1"+ending)
			if err := writeArchive(name, at.In(time.FixedZone("", i*3600)), files); err != nil {
				t.Fatal(err)
			}
			octets, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, octets)
		}
		if !bytes.Equal(made[0], made[1]) {
			t.Errorf("two archives %s of the same files differ", ending)
		}
		want := []string{"x_1/LICENSE -rw-r--r-- LICENSE", "x_1/daneverify -rwxr-xr-x daneverify"}
		if got := listArchive(t, ending, made[0]); !slices.Equal(got, want) {
			t.Errorf("%s holds %q, want %q", ending, got, want)
		}
	}
}

func listArchive(t *testing.T, ending string, octets []byte) (all []string) {
	t.Helper()
	if ending == ".zip" {
		r, err := zip.NewReader(bytes.NewReader(octets), int64(len(octets)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.File {
			content, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(content)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, f.Name+" "+f.Mode().String()+" "+string(text))
		}
		return all
	}
	compressed, err := gzip.NewReader(bytes.NewReader(octets))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(compressed); ; {
		header, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, header.Name+" "+header.FileInfo().Mode().String()+" "+string(text))
	}
}

// A program that others cannot build again, or that needs a library of C, is in no release.
func TestFit(t *testing.T) {
	t.Parallel()
	good := func() *buildinfo.BuildInfo {
		info := &buildinfo.BuildInfo{Main: debug.Module{Path: modulePath, Version: "v0.1.0"}, Deps: []*debug.Module{{Path: "example.org/a", Sum: "h1:"}}}
		for _, s := range []string{"GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "-trimpath=true", "vcs=git", "vcs.modified=false"} {
			key, value, _ := strings.Cut(s, "=")
			info.Settings = append(info.Settings, debug.BuildSetting{Key: key, Value: value})
		}
		return info
	}
	s := system{"linux", "amd64"}
	if err := fit(s, good()); err != nil {
		t.Error(err)
	}
	for i := range good().Settings {
		info := good()
		info.Settings[i].Value = "other"
		if fit(s, info) == nil {
			t.Errorf("%s=other is taken", info.Settings[i].Key)
		}
	}
	for name, change := range map[string]func(*buildinfo.BuildInfo){
		"no version":         func(info *buildinfo.BuildInfo) { info.Main.Version = "(devel)" },
		"another module":     func(info *buildinfo.BuildInfo) { info.Main.Path = "example.org/fork" },
		"a replaced module":  func(info *buildinfo.BuildInfo) { info.Deps[0].Replace = &debug.Module{Path: "../a"} },
		"a module unchecked": func(info *buildinfo.BuildInfo) { info.Deps[0].Sum = "" },
	} {
		info := good()
		if change(info); fit(s, info) == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	const bsd = "Redistribution and use in source and\nbinary forms, with or without modification"
	for text, want := range map[string]string{
		bsd:                                     "BSD-2-Clause",
		bsd + "\n * Neither the name of Google": "BSD-3-Clause",
		bsd + "\n All advertising materials mentioning":                                                  "",
		"Permission is hereby granted, free of charge, to any person obtaining a copy\nof this software": "MIT",
		"GNU GENERAL PUBLIC LICENSE":                                                                     "",
		"":                                                                                               "",
	} {
		if got, err := kindOf(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}
