package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const sbomProgram = "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0"

// buildAll writes all files of a release of the commit that a clean checkout is at.
func buildAll(source, out string) error {
	source, err := filepath.Abs(source)
	if err != nil {
		return err
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	at, err := commitTime(source)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	// Packages name somebody to turn to. Whoever made the commit is somebody who exists.
	author, err := output(source, nil, "git", "log", "-1", "--format=%an <%ae>")
	if err != nil {
		return err
	}
	r := &release{source: source, out: out, work: work, at: at, author: author}
	chosen, err := chosenSystems(os.Getenv("RELEASE_SYSTEMS"))
	if err != nil {
		return err
	}
	// The go command uses all processors by itself; archives are compressed by one.
	var group sync.WaitGroup
	free, errs := make(chan struct{}, runtime.NumCPU()), make([]error, len(chosen))
	for i, s := range chosen {
		group.Go(func() {
			free <- struct{}{}
			errs[i] = r.write(s)
			<-free
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := writeSBOM(source, out); err != nil {
		return err
	}
	return writeSums(out)
}

// chosenSystems are those of a list such as "linux/amd64 windows/arm64", or all: a part is enough to
// try the program out.
func chosenSystems(list string) (chosen []system, err error) {
	if list == "" {
		return systems(), nil
	}
	for text := range strings.FieldsSeq(list) {
		os, arch, _ := strings.Cut(text, "/")
		if !slices.Contains(systems(), system{os, arch}) {
			return nil, fmt.Errorf("RELEASE_SYSTEMS: there is no release for %s", text)
		}
		chosen = append(chosen, system{os, arch})
	}
	return chosen, nil
}

// A release is written from a clean checkout.
type release struct {
	source, out, work string
	at                time.Time // of the commit
	author            string    // of the commit, and address
}

// write writes what there is for one system.
func (r *release) write(s system) error {
	programs := filepath.Join(r.work, s.os+"-"+s.arch)
	version, err := s.compile(r.source, programs)
	if err != nil {
		return err
	}
	content := s.content(r.source, programs, filepath.Join(r.source, "release", "LICENSES"))
	name := fmt.Sprintf("danesmtp_%s_%s_%s", strings.TrimPrefix(version, "v"), s.os, s.arch)
	if err := writeArchive(filepath.Join(r.out, name+s.ending()), r.at, content); err != nil {
		return err
	}
	if s.os == "linux" {
		err = r.writePackages(version, s.arch, content)
	}
	fmt.Println(name)
	return err
}

func commitTime(source string) (time.Time, error) {
	text, err := output(source, nil, "git", "log", "-1", "--format=%ct")
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(seconds, 0).UTC(), err
}

func (s system) ending() string {
	if s.os == "windows" {
		return ".zip"
	}
	return ".tar.gz"
}

// content is what an archive has.
func (s system) content(source, programs, licences string) []file {
	all := []file{
		{name: "LICENSE", source: filepath.Join(source, "LICENSE")},
		{name: "LICENSES", source: licences},
		{name: "CHANGELOG.md", source: filepath.Join(source, "CHANGELOG.md")},
		{name: "SECURITY.md", source: filepath.Join(source, "SECURITY.md")},
	}
	for _, name := range s.programs() {
		all = append(all, file{s.file(name), filepath.Join(programs, s.file(name)), true})
	}
	for _, name := range []string{"daneverify.md", "findings.md", "monitoring.md", "publishing.md", "stability.md", "upgrading.md"} {
		all = append(all, file{name: "docs/" + name, source: filepath.Join(source, "docs", name)})
	}
	for _, name := range []string{"daneverify.1", "daneverify.bash", "_daneverify", "daneverify.fish", "schema.json"} {
		all = append(all, file{name: "share/" + name, source: filepath.Join(source, "examples", "daneverify", "share", name)})
	}
	if s.os == "linux" {
		all = append(all, file{name: "Containerfile", source: filepath.Join(source, "release", "Containerfile")})
		for _, name := range []string{"dane-monitor.service", "dane-monitor.default", "dane-metrics.service", "dane-metrics.timer",
			"tlspolicy.service", "tlspolicy.default", "validator.service", "validator.default"} {
			all = append(all, file{name: "units/" + name, source: filepath.Join(source, "release", "units", name)})
		}
	}
	return all
}

// writeSBOM writes a bill of materials (CycloneDX) for each program.
func writeSBOM(source, out string) error {
	for _, program := range (system{os: "linux"}).programs() {
		name := filepath.Join(out, program+".cdx.json")
		// Without what differs each time: a serial number, and the instant. The digest of the program
		// that writes it is in it, so that must not depend on folders either.
		if _, err := output(source, []string{"GOFLAGS=-mod=readonly -trimpath", "GOWORK=off", "CGO_ENABLED=0", "GOOS=", "GOARCH="},
			"go", "run", sbomProgram, "app", "-json", "-noserial", "-notimestamp", "-std", "-licenses", "-main", "examples/"+program, "-output", name); err != nil {
			return err
		}
	}
	return nil
}

// writeSums writes the digests of the files in a folder, as sha256sum -c reads them.
func writeSums(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var lines []string
	for _, entry := range entries {
		if entry.Name() == "SHA256SUMS" {
			continue
		}
		octets, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%x  %s\n", sha256.Sum256(octets), entry.Name()))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(strings.Join(lines, "")), 0o644)
}
