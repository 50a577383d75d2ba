package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	"github.com/goreleaser/nfpm/v2/rpm"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

const description = `DANE for SMTP: check mail domains, and authenticate mail servers
 daneverify says what a sender of mail gets by DANE (RFC 7672), what is wrong
 with a domain, and watches it. tlspolicy tells Postfix where DANE applies,
 beside MTA-STS. validator is a validating DNS server for this machine. The
 services are not started before somebody enables them.`

// packageVersion is a version of Go as packages have it: what comes before a release sorts
// before it by a tilde.
func packageVersion(version string) string {
	if !module.IsPseudoVersion(version) {
		return packageNumber(version)
	}
	// The errors are those of versions that are no pseudo-versions.
	at, _ := module.PseudoVersionTime(version)
	revision, _ := module.PseudoVersionRev(version)
	base, _ := module.PseudoVersionBase(version)
	return packageNumber(cmp.Or(base, "v0.0.0")) + "+" + at.UTC().Format("20060102150405") + "." + revision
}

func packageNumber(version string) string {
	before := semver.Prerelease(version)
	number := strings.TrimPrefix(strings.TrimSuffix(semver.Canonical(version), before), "v")
	if before != "" {
		number += "~" + strings.ReplaceAll(before[1:], "-", ".")
	}
	return number
}

// A place is where a file of an archive is in a package for Debian.
type place struct{ name, destination, kind string }

// Folders that Fedora has elsewhere.
const (
	debianUnits = "/lib/systemd/system/"
	fedoraUnits = "/usr/lib/systemd/system/"
	debianZsh   = "/usr/share/zsh/vendor-completions/"
	fedoraZsh   = "/usr/share/zsh/site-functions/"
)

// ownFolder is what a removal of the package removes, too.
const ownFolder = "/usr/share/doc/danesmtp"

func places() []place {
	all := []place{
		{"daneverify", "/usr/bin/daneverify", ""},
		{"tlspolicy", "/usr/sbin/tlspolicy", ""},
		{"validator", "/usr/sbin/validator", ""},
		{"share/daneverify.1", "/usr/share/man/man1/daneverify.1", ""},
		{"share/daneverify.bash", "/usr/share/bash-completion/completions/daneverify", ""},
		{"share/_daneverify", debianZsh + "_daneverify", ""},
		{"share/daneverify.fish", "/usr/share/fish/vendor_completions.d/daneverify.fish", ""},
		{"LICENSE", "/usr/share/doc/danesmtp/copyright", ""},
		{"LICENSES", "/usr/share/doc/danesmtp/LICENSES", ""},
		{"docs/monitoring.md", "/usr/share/doc/danesmtp/monitoring.md", ""},
	}
	for _, name := range []string{"dane-monitor", "tlspolicy", "validator"} {
		all = append(all, place{"units/" + name + ".service", debianUnits + name + ".service", ""},
			place{"units/" + name + ".default", "/etc/default/" + name, files.TypeConfigNoReplace})
	}
	return append(all, place{"units/dane-metrics.service", debianUnits + "dane-metrics.service", ""},
		place{"units/dane-metrics.timer", debianUnits + "dane-metrics.timer", ""})
}

// A format is one of packages, and what it has otherwise than the one for Debian.
type format struct {
	name        string
	packager    nfpm.Packager
	description string
	moved       *strings.Replacer
}

func formats() []format {
	_, longer, _ := strings.Cut(description, "\n")
	return []format{
		{"deb", deb.Default, description, strings.NewReplacer()},
		{"rpm", rpm.DefaultRPM, strings.ReplaceAll(strings.TrimPrefix(longer, " "), "\n ", "\n"), strings.NewReplacer(debianUnits, fedoraUnits, debianZsh, fedoraZsh)},
	}
}

// writePackages writes packages for Debian and for Fedora with the files of an archive for Linux.
func (r *release) writePackages(version, arch string, content []file) error {
	scripts := filepath.Join(r.source, "release", "scripts")
	sources := make(map[string]file)
	for _, f := range content {
		sources[f.name] = f
	}
	for _, format := range formats() {
		info := &nfpm.Info{
			Name: "danesmtp", Arch: arch, Platform: "linux", Version: packageVersion(version), VersionSchema: "none", Release: "1",
			Section: "mail", Priority: "optional", Maintainer: r.author,
			Description: format.description, Vendor: "The danesmtp authors", Homepage: "https://" + modulePath, License: "MIT", MTime: r.at, DisableGlobbing: true,
			Overridables: nfpm.Overridables{
				Umask: 0o022,
				Scripts: nfpm.Scripts{PostInstall: filepath.Join(scripts, "installed.sh"), PreRemove: filepath.Join(scripts, "remove.sh"),
					PostRemove: filepath.Join(scripts, "removed.sh")},
				RPM: nfpm.RPM{BuildHost: "localhost", Packager: r.author, Summary: strings.SplitN(description, "\n", 2)[0]},
			},
		}
		info.Contents = append(info.Contents, &files.Content{Destination: ownFolder, Type: files.TypeDir,
			FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: 0o755, MTime: r.at}})
		for _, p := range places() {
			f, found := sources[p.name]
			if !found {
				return fmt.Errorf("there is no %s for a package", p.name)
			}
			info.Contents = append(info.Contents, &files.Content{Source: f.source, Destination: format.moved.Replace(p.destination), Type: p.kind,
				FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: os.FileMode(f.mode()), MTime: r.at}})
		}
		if err := writePackage(r.out, info, format.packager, format.name); err != nil {
			return fmt.Errorf("%s for %s: %w", format.name, arch, err)
		}
	}
	return nil
}

func writePackage(out string, info *nfpm.Info, packager nfpm.Packager, format string) (err error) {
	info = nfpm.WithDefaults(info)
	if err := nfpm.PrepareForPackager(info, format); err != nil {
		return err
	}
	w, err := os.Create(filepath.Join(out, packager.ConventionalFileName(info)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return packager.Package(info, w)
}
