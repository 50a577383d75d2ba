package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/report"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
)

// commandReport makes a page and files of the numbers of a survey.
func commandReport() *cli.Command {
	return &cli.Command{
		Name: "report", Summary: "make a page with charts, and files of CSV, of a survey's numbers",
		Usage: []string{"DIR [-html FILE] [-csv DIR]"},
		About: `Counts the rows of the survey in DIR: states, findings, mail providers, DNS operators, TLSA
records, how the next change of keys is prepared, algorithms, versions of TLS, issuers, what ends within 30
days, and of which domains nothing is known. The page needs nothing beside it, and no script. Without -html
and -csv it is written to report.html in DIR. The survey may be unfinished, which the report says, but not
running.

Numbers of several vantage points are not added up: the page is about one and compares the others with it,
and the files have all. Memory does not grow with the number of domains but by eight octets for each.`,
		Examples: []cli.Example{
			{Line: "danesurvey report demo", About: "writes demo/report.html"},
			{Line: "danesurvey report demo -html survey.html -csv numbers"},
		},
		Exits: []cli.Exit{{Status: exitDone, Means: "written"}, {Status: exitUsage, Means: "a mistake in the command line, no survey, one that is running, or a file that cannot be written"}},
		Begin: func(f *cli.Flags) cli.Run {
			html := f.String("html", "", "write the page to `FILE`; - is standard output")
			csv := f.String("csv", "", "write the numbers as files of CSV into the folder `DIR`, one a table")
			vantage := f.String("vantage", "", "the vantage point that the page is about, by its `NAME`; that with most rows if it is not given")
			title := f.String("title", "", "a `TITLE` for the page")
			return func(_ context.Context, s cli.Streams, args []string) (int, error) {
				dir, err := oneFolder(args)
				if err != nil {
					return exitUsage, err
				}
				if *html == "" && *csv == "" {
					*html = filepath.Join(dir, "report.html")
				}
				o := report.Options{Title: *title, Vantage: *vantage, By: maker()}
				if err := makeReport(s, dir, *html, *csv, o); err != nil {
					return exitUsage, err
				}
				return exitDone, nil
			}
		},
	}
}

func makeReport(s cli.Streams, dir, html, csv string, o report.Options) (err error) {
	st, err := store.Read(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	r, err := report.Collect(st.Texts())
	if err != nil {
		return err
	}
	if err := knownVantage(r.Vantages(), o.Vantage); err != nil {
		return err
	}
	r.Lines = st.About().List.Entries
	for _, far := range r.Unfinished() {
		fmt.Fprintf(s.Err, "danesurvey: the survey is unfinished: %s\n", far)
	}
	if name := st.About().List.Name; name != "" {
		o.List = filepath.Base(name)
	}
	switch html {
	case "":
	case "-":
		if err := r.WriteHTML(s.Out, o); err != nil {
			return err
		}
	default:
		if err := r.WritePage(html, o); err != nil {
			return err
		}
		fmt.Fprintf(s.Err, "danesurvey: the page is in %s\n", html)
	}
	if csv == "" {
		return nil
	}
	if err := r.WriteCSV(csv); err != nil {
		return err
	}
	fmt.Fprintf(s.Err, "danesurvey: the numbers are in %s\n", csv)
	return nil
}

// knownVantage returns an error unless there are rows from the vantage point, or none is asked for.
func knownVantage(names []string, vantage string) error {
	switch {
	case vantage == "" || slices.Contains(names, vantage):
		return nil
	case len(names) == 0:
		return errors.New("-vantage: the survey has no rows yet")
	case len(names) == 1 && names[0] == "":
		return fmt.Errorf("-vantage: there are no rows from %q: this survey has no vantage points", vantage)
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" })
	return fmt.Errorf("-vantage: there are no rows from %q, but from %s", vantage, strings.Join(names, ", "))
}

// maker names this program and its version.
func maker() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return "danesurvey " + info.Main.Version
	}
	return "danesurvey"
}
