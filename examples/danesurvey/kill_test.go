//go:build unix

package main

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
)

// TestKill kills a survey at random moments and goes on with it, until it is done.
func TestKill(t *testing.T) {
	t.Parallel()
	lines := listOf(60)
	args := append([]string{"-sync", "15ms", "-concurrency", "2", writeList(t, lines)}, rude...)
	compare(t, lines, killed(t, 10, 250*time.Millisecond, args))
}

// TestKillInLaboratory does it over all domains of bench/lab, whose folder is in the environment:
// README.md has the command.
func TestKillInLaboratory(t *testing.T) {
	lab := os.Getenv("DANESURVEY_LABORATORY")
	if lab == "" {
		t.Skip("SKIPPED: there is no DANESURVEY_LABORATORY")
	}
	domains, err := os.ReadFile(filepath.Join(lab, "domains.txt")) // name, status, algorithm, TLSA
	if err != nil {
		t.Fatal(err)
	}
	var lines []listed
	for line := range strings.Lines(string(domains)) {
		f := strings.Fields(line)
		want := "success"
		switch {
		case strings.HasPrefix(f[1], "bogus"):
			want = "failure"
		case f[1] == "insecure", f[3] == "none":
			want = "none"
		}
		lines = append(lines, listed{strings.TrimSuffix(f[0], "."), want})
	}
	compare(t, lines, killed(t, 10, 1200*time.Millisecond, []string{
		"-recursive", "-hints", filepath.Join(lab, "root.hints"), "-anchors", filepath.Join(lab, "root.ds"), "-sync", "20ms", "-concurrency", "8", writeList(t, lines),
	}))
}

// killed begins a survey with the arguments, kills it so many times after a random while, each time goes on with it,
// and returns the rows. No row that was there once has changed, or was written twice.
func killed(t *testing.T, kills int, while time.Duration, args []string) map[int]read {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "survey")
	args = append([]string{"run", "-dir", dir}, args...)
	before := make(map[int]read)
	n := 0
	for ; isKilled(t, n < kills, while, args); n++ {
		st, err := store.Read(dir)
		if errors.Is(err, store.ErrNone) {
			continue // the list was not read: it begins anew
		}
		if err != nil {
			t.Fatal(err)
		}
		st.Close()
		args = []string{"resume", dir}
		after := rowsOf(t, dir)
		for line, r := range before {
			if after[line] != r {
				t.Errorf("line %d was %+v, and is %+v", line, r, after[line])
			}
		}
		t.Logf("killed with %d rows", len(after))
		before = after
	}
	t.Logf("done after %d kills", n)
	rows := rowsOf(t, dir)
	if n := writtenLines(t, dir); n != len(rows) {
		t.Errorf("%d rows were written, and %d count", n, len(rows))
	}
	return rows
}

// isKilled runs the program, and reports whether it was killed before it was done.
func isKilled(t *testing.T, kill bool, while time.Duration, args []string) bool {
	t.Helper()
	c := process(t, `exec "$0" "$@"`, args...)
	var said bytes.Buffer
	c.Stderr = &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if kill {
		timer := time.AfterFunc(while/5+rand.N(while), func() { c.Process.Kill() })
		defer timer.Stop()
	}
	c.Wait()
	status := c.ProcessState.ExitCode()
	if status > exitDone {
		t.Fatalf("exit status %d: %s", status, &said)
	}
	return status < 0
}
