package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

func TestVersionOf(t *testing.T) {
	t.Parallel()
	build := func(version, sum string, settings ...string) *debug.BuildInfo {
		info := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Path: "github.com/danesmtp/danesmtp", Version: version, Sum: sum}}
		for i := 0; i < len(settings); i += 2 {
			info.Settings = append(info.Settings, debug.BuildSetting{Key: settings[i], Value: settings[i+1]})
		}
		return info
	}
	for _, tt := range []struct {
		name string
		info *debug.BuildInfo
		want []string
	}{
		{"a release from a module proxy", build("v0.4.0", "h1:x", "-trimpath", "true", "GOOS", "linux", "GOARCH", "amd64"),
			[]string{"daneverify v0.4.0 (github.com/danesmtp/danesmtp)\n", "go1.26.8 linux/amd64\n", "The build is reproducible: "}},
		{"a clean clone", build("v0.4.1-0.20261130", "", "-trimpath", "true", "vcs.revision", "abc", "vcs.time", "2026-11-30T12:00:00Z", "vcs.modified", "false"),
			[]string{"revision abc of 2026-11-30T12:00:00Z\n", "The build is reproducible: "}},
		{"files that were changed", build("v0.4.1+dirty", "", "-trimpath", "true", "vcs.revision", "abc", "vcs.modified", "true"),
			[]string{"not reproducible: the files differed from the revision.\n"}},
		{"paths of the machine", build("", "", "vcs.revision", "abc", "vcs.modified", "false"),
			[]string{"daneverify (devel) ", "not reproducible: it was built without -trimpath.\n"}},
		{"nothing is known", build("(devel)", ""), []string{"without -trimpath, and its revision is not known.\n"}},
	} {
		v := versionOf(tt.info)
		text := v.text(cli.Screen{Width: 200})
		for _, want := range tt.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", tt.name, want, text)
			}
		}
	}
}

// A program that is built says how.
func TestVersionOfAProgram(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED: it builds the program")
	}
	program := filepath.Join(t.TempDir(), "daneverify")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(program, "version", "-json").Output()
	var v version
	if err != nil || json.Unmarshal(out, &v) != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if v.Module != "github.com/danesmtp/danesmtp" || v.Go == "" || v.System == "/" || v.Reproducible || !strings.Contains(strings.Join(v.Why, " "), "trimpath") {
		t.Errorf("%+v", v)
	}
	if status, stdout, stderr := command(t, "version", "x"); status != exitUsage || stdout != "" || !strings.Contains(stderr, `"x" is not understood`) {
		t.Errorf("exit status %d, %s%s", status, stdout, stderr)
	}
}
