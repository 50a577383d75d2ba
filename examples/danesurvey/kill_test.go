//go:build unix

package main

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
)

// TestKill kills a survey at random moments and goes on with it, until it is done. In the end each line has one row,
// the verdicts are right, and no row that was there once has changed, or was written twice.
func TestKill(t *testing.T) {
	t.Parallel()
	const kills = 10
	dir := filepath.Join(t.TempDir(), "survey")
	lines := listOf(150)
	args := append([]string{"run", "-dir", dir, "-sync", "3ms", "-concurrency", "2", writeList(t, lines)}, rude...)
	before := make(map[int]read)
	for n := 0; ; n++ {
		c := process(t, `exec "$0" "$@"`, args...)
		var said bytes.Buffer
		c.Stderr = &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		var timer *time.Timer
		if n < kills {
			timer = time.AfterFunc(time.Duration(50+rand.IntN(350))*time.Millisecond, func() { c.Process.Kill() })
		}
		c.Wait()
		if timer != nil {
			timer.Stop()
		}
		status := c.ProcessState.ExitCode()
		if status == exitDone {
			t.Logf("done after %d kills", n)
			break
		}
		if status >= 0 {
			t.Fatalf("exit status %d: %s", status, &said)
		}
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
	rows := rowsOf(t, dir)
	compare(t, lines, rows)
	if n := writtenLines(t, dir); n != len(rows) {
		t.Errorf("%d rows were written for %d lines: %v", n, len(rows), slices.Sorted(maps.Keys(rows)))
	}
}
