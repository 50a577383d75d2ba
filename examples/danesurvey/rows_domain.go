package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/internal/printable"
)

// manuals is where the pages are that findings have links to.
const manuals = "https://github.com/danesmtp/danesmtp/blob/main/"

// A told is what is told of a row.
type told struct {
	At      time.Time
	Vantage string
	Line    int
	Input   string
	Domain  string
	Finding string // where there is no report, as by -dns-only
	Error   string
	diagnosis.Report
}

// printDomains prints the rows of some domains in words.
func printDomains(s cli.Streams, dir string, domains []string) (err error) {
	st, err := store.Read(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	names := make([]string, len(domains))
	for i, domain := range domains {
		names[i] = strings.ToLower(strings.TrimSuffix(domain, "."))
	}
	found := make(map[string]bool)
	for text, err := range st.Texts() {
		if err != nil {
			return err
		}
		name, r, err := toldOf(text, names)
		if err != nil {
			return err
		}
		if name == "" {
			continue
		}
		if len(found) > 0 {
			fmt.Fprintln(s.Out)
		}
		found[name] = true
		if err := r.write(s.Out); err != nil {
			return err
		}
	}
	for i, name := range names {
		if !found[name] {
			return fmt.Errorf("%s has no row of %s", dir, domains[i])
		}
	}
	return nil
}

// toldOf reads a row if it is about one of the names, and returns that name. Most rows are not, and are large.
func toldOf(text []byte, names []string) (name string, r *told, err error) {
	for _, name := range names {
		if !bytes.Contains(text, []byte(name)) && !bytes.Contains(bytes.ToLower(text[:min(len(text), 1024)]), []byte(name)) {
			continue
		}
		r = new(told)
		if err := json.Unmarshal(text, r); err != nil {
			return "", nil, err
		}
		if slices.Contains([]string{strings.ToLower(r.Input), r.Domain}, name) {
			return name, r, nil
		}
	}
	return "", nil, nil
}

// write writes a row in words. What others have had a say in, workers too, makes no lines of its own.
func (r *told) write(w io.Writer) error {
	from := ""
	if r.Vantage != "" {
		from = " from " + printable.Line(r.Vantage)
	}
	_, err := fmt.Fprintf(w, "%s, line %d, asked %s%s\n",
		printable.Line(cmp.Or(r.Domain, r.Input)), r.Line, r.At.UTC().Format("2006-01-02 15:04:05 MST"), from)
	if err != nil {
		return err
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		for _, text := range []*string{(*string)(&f.Code), &f.Host, &f.Text, &f.Fix, &f.Link} {
			*text = printable.Line(*text)
		}
		for _, lines := range [][]string{f.Publish, f.Remove, f.Evidence} {
			for i := range lines {
				lines[i] = printable.Line(lines[i])
			}
		}
		f.Link = manuals + f.Link
	}
	if err := r.WriteLongText(w); err != nil {
		return err
	}
	if len(r.Findings) == 0 && r.Finding != "" {
		fmt.Fprintf(w, "%s\n", printable.Line(r.Finding))
	}
	if len(r.Findings) == 0 && r.Error != "" {
		fmt.Fprintf(w, "%s\n", printable.Line(r.Error))
	}
	return nil
}
