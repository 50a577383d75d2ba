package report_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/report"
)

var update = flag.Bool("update", false, "write the page and the files in testdata")

func collect(t *testing.T, rows [][]byte) *report.Report {
	t.Helper()
	r, err := report.Collect(all(rows))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func write(t *testing.T, rows [][]byte, o report.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := collect(t, rows).WriteHTML(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// pages are those that interop/browser looks at.
func pages(t *testing.T) map[string][][]byte {
	return map[string][][]byte{
		"demo": demo(t), "example": example(t), "differing": differing(t), "hostile": hostile(t), "one": demo(t)[:1], "nothing": nil,
	}
}

// The page and the files of the same rows are always the same, in whatever order the rows come.
func TestGolden(t *testing.T) {
	rows := differing(t)
	o := report.Options{By: "danesurvey", List: "domains.txt"}
	page, backwards := write(t, rows, o), slices.Clone(rows)
	slices.Reverse(backwards)
	if diff := cmp.Diff(page, write(t, backwards, o)); diff != "" {
		t.Errorf("the page differs if the rows come backwards:\n%s", diff)
	}
	compare(t, "testdata/differing.html", page)
	compare(t, "testdata/demo.html", write(t, demo(t), o))

	dir, other := t.TempDir(), filepath.Join(t.TempDir(), "made", "for it")
	if err := errors.Join(collect(t, rows).WriteCSV(dir), collect(t, backwards).WriteCSV(other)); err != nil {
		t.Fatal(err)
	}
	names := entries(t, dir)
	for _, name := range names {
		text, again := read(t, filepath.Join(dir, name)), read(t, filepath.Join(other, name))
		if text != again {
			t.Errorf("%s differs if the rows come backwards:\n%s", name, cmp.Diff(text, again))
		}
		compare(t, filepath.Join("testdata/numbers", name), text)
	}
	if diff := cmp.Diff(entries(t, "testdata/numbers"), names); diff != "" {
		t.Errorf("files, -want +got:\n%s", diff)
	}
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		names = append(names, one.Name())
	}
	return names
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(strings.Split(read(t, file), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s, -want +got; -update writes it:\n%s", file, diff)
	}
}

// TestPages writes all pages into the directory that DANE_PAGES names, for interop/browser.
func TestPages(t *testing.T) {
	dir := os.Getenv("DANE_PAGES")
	if dir == "" {
		t.Skip("DANE_PAGES names no directory")
	}
	for name, rows := range pages(t) {
		if err := collect(t, rows).WritePage(filepath.Join(dir, name+".html"), report.Options{}); err != nil {
			t.Fatal(err)
		}
	}
}

// What a page says of the demonstration: each domain of it is there for one thing.
func TestWords(t *testing.T) {
	for _, tt := range []struct {
		name string
		rows [][]byte
		o    report.Options
		want []string // in this order
	}{
		{"the demonstration", demo(t), report.Options{Title: "A <title>", List: "a list", By: "a test"}, []string{
			"<title>A &lt;title&gt;</title>", "As of", "1 Dec 2026 06:00 UTC", `<dd>13</dd>`, "a list", "1 line; it counts nowhere else", "States", "every mail server is authenticated",
			"Findings", `docs/findings.md#no-next-key`, "the next change of the key will interrupt delivery", "Mail providers", "the domain&#39;s own servers",
			"DNS operators", "do not tell who runs the name servers", "13 ECDSA P-256", "3 1 1", "0 0 1 &#43; 1 1 1", "not prepared", "TLSv1.3", "Test CA", "DNS operator",
			"What ends soon", "Not known", "There is a verdict on every domain.", "Made by a test.",
		}},
		{"an invented Internet", example(t), report.Options{}, []string{
			"bigmail.example", "192.0.2.0/24", "2001:db8:53::/48", "TLSv1.2", "Let&#39;s Pretend", "Domains whose first signature ends", "certificate that counts", "server-busy",
		}},
		{"two vantage points", differing(t), report.Options{}, []string{
			"Vantage point", "berlin", "They differ about 3 of 12 domains that more than one of them asked.",
			"1 domain: none from berlin, broken from tokyo; such as nodane.example.", "1 domain: ok from berlin, broken from tokyo; such as ta.example.",
		}},
		{"the other of the two", differing(t), report.Options{Vantage: "tokyo"}, []string{`<dd>12</dd>`, "<dd>tokyo</dd>", "a verdict", "mx-unsigned"}},
		{"one domain", demo(t)[:1], report.Options{}, []string{`<dd>1</dd>`, "100 %", "no-next-key"}},
		{"a domain that was looked up only", [][]byte{[]byte(`{"domain":"a.example","plan":"must-authenticate"}`)}, report.Options{}, []string{
			"1 domain: no mail server was connected to", "No server was connected to by TLS.", "no finding says why",
		}},
		{"no row", nil, report.Options{}, []string{"<dd>0</dd>", "There is no row about a domain yet."}},
		{"no domain", slices.DeleteFunc(demo(t), func(r []byte) bool { return !bytes.Contains(r, []byte("not-a-domain")) }), report.Options{}, []string{
			"<dd>0</dd>", "1 line; it counts nowhere else", "There is no row about a domain yet.",
		}},
	} {
		rest := write(t, tt.rows, tt.o)
		for _, want := range tt.want {
			_, after, found := strings.Cut(rest, want)
			if !found {
				t.Errorf("%s: no %q after what comes before it", tt.name, want)
				break
			}
			rest = after
		}
	}
}

// An error of the rows, or a row that is none, ends it.
func TestCollectFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is broken")
	failing := func(yield func([]byte, error) bool) { yield(nil, broken) }
	if _, err := report.Collect(failing); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	if _, err := report.Collect(all([][]byte{[]byte(`{"line":7,`)})); err == nil || !strings.Contains(err.Error(), `line\":7`) {
		t.Errorf("error %v, want one that tells which row it is", err)
	}
}

// What is without a verdict is unknown, whatever state the row has, and nothing found out then
// counts as found.
func TestNoVerdict(t *testing.T) {
	t.Parallel()
	numbers := csvOf(t, [][]byte{
		[]byte(`{"line":1,"no_verdict":true,"state":"broken","finding":"address-unreachable","busy":true,"domain":"a.example",
			"findings":[{"code":"address-unreachable","severity":"broken","actor":"mail host"}]}`),
		[]byte(`{"line":2,"domain":"b.example","state":"a later one"}`),
	})
	for file, want := range map[string][]string{
		"summary":  {"", "", "", "2", "2", "0", "2", "0", "0", "0", "0", "0", "2", "0", "1", "0", "1", "0", "0", "0", "0", "2"},
		"findings": nil,
		"actors":   nil,
		"unknown":  {"", "", "1", "0", "0", "0", "0", "0", "1", "0"},
	} {
		var got []string
		if records := numbers[file]; len(records) > 1 {
			got = records[1]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

// csvOf returns the records of all files.
func csvOf(t *testing.T, rows [][]byte) map[string][][]string {
	t.Helper()
	dir := t.TempDir()
	if err := collect(t, rows).WriteCSV(dir); err != nil {
		t.Fatal(err)
	}
	files := make(map[string][][]string)
	for _, name := range entries(t, dir) {
		records, err := csv.NewReader(strings.NewReader(read(t, filepath.Join(dir, name)))).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		files[strings.TrimSuffix(name, ".csv")] = records
	}
	return files
}

// A file is not touched if it cannot be written, and nothing is left beside it.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := collect(t, nil)
	if err := r.WriteCSV(filepath.Join(dir, "file")); err == nil {
		t.Error("a file was taken for a directory")
	}
	for _, file := range []string{filepath.Join(dir, "missing", "page.html"), dir} {
		err := r.WritePage(file, report.Options{})
		if err == nil || !strings.HasPrefix(err.Error(), file+": ") || strings.Count(err.Error(), dir) != 1 {
			t.Errorf("%s: error %v, want one that names this file and no other", file, err)
		}
	}
	if names := entries(t, dir); len(names) != 1 {
		t.Errorf("%q, want the file alone", names)
	}
}

// A report of more vantage points than it has room for says so.
func TestManyVantagePoints(t *testing.T) {
	t.Parallel()
	var rows [][]byte
	for i := range report.MaxVantages + 2 {
		rows = append(rows, fmt.Appendf(nil, `{"vantage":"v%d","line":1,"state":"ok","domain":"a.example"}`, i))
	}
	if text := write(t, rows, report.Options{}); !strings.Contains(text, "2 rows are left out: there are more than 8 vantage points.") {
		t.Error("it does not say so")
	}
}

// has fails the test unless a page has all texts, in this order.
func has(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		_, after, found := strings.Cut(page, text)
		if !found {
			t.Errorf("no %q after what comes before it", text)
			return
		}
		page = after
	}
}
