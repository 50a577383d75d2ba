package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// A version is what is known of how this program was built.
type version struct {
	Module       string   `json:"module"`
	Version      string   `json:"version"`
	Revision     string   `json:"revision,omitempty"`
	Time         string   `json:"time,omitempty"` // of the revision
	Modified     bool     `json:"modified,omitempty"`
	Go           string   `json:"go"`
	System       string   `json:"system,omitempty"`
	Reproducible bool     `json:"reproducible"`
	Why          []string `json:"why_not_reproducible,omitempty"`
}

// versionOf reads what the go command has recorded.
func versionOf(info *debug.BuildInfo) version {
	v := version{Module: info.Main.Path, Version: cmp.Or(info.Main.Version, "(devel)"), Go: info.GoVersion}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	v.Revision, v.Time, v.Modified = settings["vcs.revision"], settings["vcs.time"], settings["vcs.modified"] == "true"
	v.System = strings.Trim(settings["GOOS"]+"/"+settings["GOARCH"], "/")
	if settings["-trimpath"] != "true" {
		v.Why = append(v.Why, "it was built without -trimpath")
	}
	switch {
	case v.Modified:
		v.Why = append(v.Why, "the files differed from the revision")
	case v.Revision == "" && info.Main.Sum == "":
		v.Why = append(v.Why, "its revision is not known")
	}
	v.Reproducible = len(v.Why) == 0
	return v
}

func (v *version) text(s cli.Screen) string {
	var b strings.Builder
	fmt.Fprintf(&b, "daneverify %s (%s)\n", v.Version, v.Module)
	if v.Revision != "" {
		fmt.Fprintf(&b, "revision %s of %s\n", v.Revision, cmp.Or(v.Time, "an unknown time"))
	}
	fmt.Fprintf(&b, "%s %s\n", v.Go, v.System)
	if v.Reproducible {
		b.WriteString(s.Wrap("", "", "The build is reproducible: by -trimpath, from files that have not been changed."))
	} else {
		b.WriteString(s.Wrap("", "", "The build is not reproducible: "+strings.Join(v.Why, ", and ")+"."))
	}
	return b.String()
}

// commandVersion says what this program is.
func commandVersion() *cli.Command {
	return &cli.Command{
		Name: "version", Summary: "print the version, and how the program was built",
		About: `Prints the version of the module, the revision and the Go version, and whether the build is
reproducible: whether the same revision, built by the same Go with -trimpath, gives the same program.`,
		Exits: []cli.Exit{{Status: exitSuccess, Means: "printed"}, {Status: exitUsage, Means: "a mistake in the command line, or nothing is known"}},
		Begin: func(f *cli.Flags) cli.Run {
			asJSON := f.Bool("json", false, "print JSON")
			return func(_ context.Context, s cli.Streams, args []string) (int, error) {
				if err := cli.NoArguments(args); err != nil {
					return exitUsage, err
				}
				info, ok := debug.ReadBuildInfo()
				if !ok {
					return exitUsage, errors.New("the go command has recorded nothing")
				}
				v := versionOf(info)
				if *asJSON {
					return exitSuccess, json.NewEncoder(s.Out).Encode(v)
				}
				_, err := io.WriteString(s.Out, v.text(s.Screen))
				return exitSuccess, err
			}
		},
	}
}
