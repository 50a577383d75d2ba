package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

const modulePath = "github.com/danesmtp/danesmtp"

// A system is what programs are built for.
type system struct{ os, arch string }

func (s system) unix() bool { return s.os != "windows" }

func systems() (all []system) {
	for _, os := range []string{"linux", "darwin", "freebsd", "windows"} {
		for _, arch := range []string{"amd64", "arm64"} {
			all = append(all, system{os, arch})
		}
	}
	return all
}

// programs are those for a system, by the folders of their code. The services need UNIX sockets
// and signals, and have not been tried on Windows.
func (s system) programs() []string {
	if s.unix() {
		return []string{"daneverify", "tlspolicy", "validator"}
	}
	return []string{"daneverify"}
}

func (s system) environment() []string {
	// What the machine has set for its own builds must not show in the result.
	return []string{"GOOS=" + s.os, "GOARCH=" + s.arch, "CGO_ENABLED=0", "GOFLAGS=-trimpath -mod=readonly -buildvcs=true",
		"GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOFIPS140=off", "GOWORK=off", "GO111MODULE=on"}
}

// compile builds the programs for a system, and returns the version that the go command has given
// them.
func (s system) compile(source, out string) (version string, err error) {
	args := []string{"go", "build", "-o", out + "/"}
	for _, name := range s.programs() {
		args = append(args, "./examples/"+name)
	}
	if _, err := output(source, s.environment(), args...); err != nil {
		return "", err
	}
	for _, name := range s.programs() {
		info, err := buildinfo.ReadFile(filepath.Join(out, s.file(name)))
		if err != nil {
			return "", err
		}
		version = info.Main.Version
		if err := fit(s, info); err != nil {
			return "", fmt.Errorf("%s for %s/%s: %w", name, s.os, s.arch, err)
		}
	}
	return version, nil
}

func (s system) file(program string) string {
	if s.os == "windows" {
		return program + ".exe"
	}
	return program
}

// fit returns an error unless a program is as all of a release have to be: others can build the
// same one, and it needs no library of the machine that it runs on.
func fit(s system, info *buildinfo.BuildInfo) error {
	settings := make(map[string]string)
	for _, setting := range info.Settings {
		settings[setting.Key] = setting.Value
	}
	var wrong []error
	for key, want := range map[string]string{"GOOS": s.os, "GOARCH": s.arch, "CGO_ENABLED": "0", "-trimpath": "true", "vcs": "git", "vcs.modified": "false"} {
		if got := settings[key]; got != want {
			wrong = append(wrong, fmt.Errorf("it was built with %s=%q, not %q", key, got, want))
		}
	}
	if !strings.HasPrefix(info.Main.Version, "v") || info.Main.Path != modulePath {
		wrong = append(wrong, fmt.Errorf("it is %s of %s", info.Main.Version, info.Main.Path))
	}
	for _, dep := range info.Deps {
		if dep.Replace != nil || dep.Sum == "" {
			wrong = append(wrong, fmt.Errorf("%s is not the one that go.sum knows", dep.Path))
		}
	}
	return errors.Join(wrong...)
}
