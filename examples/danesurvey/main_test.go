package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/danesmtp/danesmtp/dane/danetest"
)

// asCommand makes the test binary the command.
const asCommand = "DANESURVEY_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// rude are flags for the built-in Internet without limits, in which nothing is shared, so that a survey of it takes
// a while for what it does, and not for what it waits.
var rude = []string{"-demo", "-share", "0", "-per-address", "0,0", "-per-network", "0,0", "-per-provider", "0,0"}

// command runs the program in this process.
func command(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return status, out.String(), errs.String()
}

// process is the program in a process of its own, started by a line of sh in which "$0" "$@" is the
// command.
func process(t *testing.T, sh string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "sh", append([]string{"-c", sh, self}, args...)...)
	c.Env = append(os.Environ(), asCommand+"=1")
	return c
}

// A listed is a line of a list, and what is to become of it.
type listed struct {
	text    string
	outcome string // of the domain; empty without one
}

// listOf has all domains of the built-in Internet so many times, and among them lines without a domain,
// comments and blank lines.
func listOf(times int) (lines []listed) {
	garbage := []string{"\x00\x01\xff\xfe", "a b,c,d", "http://", "user@", "\"", strings.Repeat("x", 5000), "..", "-", "\x1b[31mred.example", "1,,"}
	for i := range times {
		for j, d := range danetest.Domains() {
			lines = append(lines, listed{d.Name, d.Outcome.String()})
			if j == i%5 {
				lines = append(lines, listed{garbage[i%len(garbage)], ""}, listed{text: "# a comment"}, listed{})
			}
		}
	}
	return lines
}

func text(lines []listed) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.text + "\n")
	}
	return b.String()
}

// writeList writes a list to a file of its own.
func writeList(t *testing.T, lines []listed) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(name, []byte(text(lines)), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// A read is what tests look at of a row.
type read struct {
	Line    int
	Input   string
	Domain  string
	Outcome string
	State   string
	Error   string
	None    bool `json:"no_verdict"`
}

// rowsOf returns the rows of a survey by their lines, as the command prints them.
func rowsOf(t *testing.T, dir string) map[int]read {
	t.Helper()
	status, stdout, stderr := command(t, "", "rows", dir)
	if status != exitDone || stderr != "" {
		t.Fatalf("rows: exit status %d, %s", status, stderr)
	}
	rows := make(map[int]read)
	for line := range strings.Lines(stdout) {
		var r read
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if _, twice := rows[r.Line]; twice {
			t.Errorf("line %d has two rows", r.Line)
		}
		rows[r.Line] = r
	}
	return rows
}

// compare says what is wrong with the rows of a list.
func compare(t *testing.T, lines []listed, rows map[int]read) {
	t.Helper()
	want := 0
	for i, l := range lines {
		r, there := rows[i+1]
		if l.text == "" || strings.HasPrefix(l.text, "#") {
			if there {
				t.Errorf("line %d is none, and has a row", i+1)
			}
			continue
		}
		want++
		switch {
		case !there:
			t.Errorf("line %d, %.40q, has no row", i+1, l.text)
		case l.outcome != "" && (r.Domain != l.text || r.Outcome != l.outcome || r.None):
			t.Errorf("line %d: %s is %s, want %s: %+v", i+1, l.text, r.Outcome, l.outcome, r)
		case l.outcome == "" && r.Error == "":
			t.Errorf("line %d: %.40q has a domain: %+v", i+1, l.text, r)
		}
	}
	if len(rows) != want {
		t.Errorf("%d rows, want %d", len(rows), want)
	}
}

// writtenLines counts the lines in all files of results: also those that count no longer.
func writtenLines(t *testing.T, dir string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "results-*.ndjson.zst"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range names {
		packed, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		decoder, err := zstd.NewReader(nil)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := decoder.DecodeAll(packed, nil)
		if err != nil {
			t.Error(fmt.Errorf("%s: %w", name, err))
		}
		decoder.Close()
		n += bytes.Count(plain, []byte("\n"))
	}
	return n
}
