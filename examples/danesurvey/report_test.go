package main

import (
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
)

// A survey of the built-in Internet has a page and files with its numbers.
func TestReport(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "survey")
	if status, _, stderr := command(t, "", append([]string{"run", "-dir", dir, "-vantage", "here"}, rude...)...); status != exitDone {
		t.Fatalf("run: exit status %d\n%s", status, stderr)
	}
	page, numbers := filepath.Join(t.TempDir(), "page.html"), filepath.Join(t.TempDir(), "numbers")
	for _, tt := range []struct {
		name    string
		args    []string
		status  int
		stdout  string // that it has
		stderr  string
		written string // a file
	}{
		{"without flags", nil, exitDone, "", "the page is in " + filepath.Join(dir, "report.html"), filepath.Join(dir, "report.html")},
		{"a page", []string{"-html", page, "-title", "Ours & theirs"}, exitDone, "", page, page},
		{"a page to standard output", []string{"-html", "-", "-vantage", "here"}, exitDone, "<!DOCTYPE html>", "", ""},
		{"files", []string{"-csv", numbers}, exitDone, "", "the numbers are in " + numbers, filepath.Join(numbers, "summary.csv")},
		{"a vantage point that is none", []string{"-vantage", "there"}, exitUsage, "", `no rows from "there", but from here`, ""},
		{"a page where there is no folder", []string{"-html", filepath.Join(page, "page.html")}, exitUsage, "", page + "/page.html: not a directory", ""},
		{"two surveys", []string{"another"}, exitUsage, "", "want one folder", ""},
	} {
		status, stdout, stderr := command(t, "", append([]string{"report", dir}, tt.args...)...)
		if status != tt.status || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("%s: exit status %d, want %d, and output with %q, errors with %q\n%.200s\n%s", tt.name, status, tt.status, tt.stdout, tt.stderr, stdout, stderr)
		}
		if tt.written != "" {
			if info, err := os.Stat(tt.written); err != nil || info.Mode() != 0o644 || info.Size() == 0 {
				t.Errorf("%s: %v, %v", tt.name, info, err)
			}
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<h1>Ours &amp; theirs</h1>", "<dd>12</dd>", "<dd>here</dd>", "tlsa-mismatch", "Made by danesurvey"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	file, err := os.Open(filepath.Join(numbers, "summary.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil || len(records) != 2 {
		t.Fatalf("%q, %v", records, err)
	}
	at := make(map[string]string)
	for i, name := range records[0] {
		at[name] = records[1][i]
	}
	for name, want := range map[string]string{"vantage": "here", "domains": "12", "ok": "1", "warning": "1", "broken": "7", "none": "3", "unknown": "0", "without_domain": "0"} {
		if at[name] != want {
			t.Errorf("%s is %s, want %s", name, at[name], want)
		}
	}
}

// A folder that has no survey is not given a report.
func TestReportOfNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	status, stdout, stderr := command(t, "", "report", dir)
	if left, _ := os.ReadDir(dir); status != exitUsage || stdout != "" || !strings.Contains(stderr, "there is no survey") || len(left) > 0 {
		t.Errorf("exit status %d, %d files, %q %q", status, len(left), stdout, stderr)
	}
}

// Numbers of a part of the list are said to be that, on the page and to who has it made.
func TestReportOfUnfinished(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, key    string
		entries      int
		stderr, page string
	}{
		{"a part", "", 3000, "the survey is unfinished: 1 of 3,000 lines have a row\n", "Unfinished: 1 of 3,000 lines have a row."},
		{"a part from a vantage point", `"vantage":"here",`, 2, "the survey is unfinished: 1 of 2 lines have a row from here\n", "<dd>1 of 2</dd>"},
		{"all", "", 1, "", "<dt>Lines</dt><dd>1</dd>"},
	} {
		dir := filepath.Join(t.TempDir(), "survey")
		st, err := store.Create(dir, func() (store.About, error) { return store.About{List: store.List{Entries: tt.entries}}, nil })
		if err != nil {
			t.Fatal(err)
		}
		one, err := row.Parse([]byte(`{` + tt.key + `"line":1,"input":"a.example","state":"none","domain":"a.example"}`))
		if err == nil {
			err = st.Put([]row.Row{one})
		}
		if err = errors.Join(err, st.Close()); err != nil {
			t.Fatal(err)
		}
		status, stdout, stderr := command(t, "", "report", dir, "-html", "-")
		if status != exitDone || !strings.HasSuffix(stderr, tt.stderr) || (stderr == "") != (tt.stderr == "") || !strings.Contains(stdout, tt.page) {
			t.Errorf("%s: exit status %d, %q, and a page without %q", tt.name, status, stderr, tt.page)
		}
	}
	dir := filepath.Join(t.TempDir(), "survey")
	if status, _, stderr := command(t, "", "run", "-dir", dir, "-demo"); status != exitDone {
		t.Fatal(stderr)
	}
	if status, _, stderr := command(t, "", "report", dir, "-vantage", "x"); status != exitUsage || !strings.Contains(stderr, `no rows from "x": this survey has no vantage points`) {
		t.Errorf("a vantage point that is none: exit status %d, %s", status, stderr)
	}
}

// A survey of which no line is done has a report, too, and no vantage point.
func TestReportOfNoRow(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "survey")
	st, err := store.Create(dir, func() (store.About, error) { return store.About{List: store.List{Entries: 3}}, nil })
	if err == nil {
		err = st.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	status, _, stderr := command(t, "", "report", dir)
	if status != exitDone || !strings.Contains(stderr, "the survey is unfinished: 0 of 3 lines have a row\n") {
		t.Errorf("exit status %d, %s", status, stderr)
	}
	status, _, stderr = command(t, "", "report", dir, "-vantage", "x")
	if status != exitUsage || !strings.Contains(stderr, "-vantage: the survey has no rows yet") {
		t.Errorf("a vantage point: exit status %d, %s", status, stderr)
	}
}
