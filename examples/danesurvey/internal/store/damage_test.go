package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// TestDamagedCheckpoints: whatever page of a checkpoint is lost, and in whatever way, that is an error if it is
// noticed, before anything is written, and the rows in the other files stay.
func TestDamagedCheckpoints(t *testing.T) {
	t.Parallel()
	whole := t.TempDir()
	s := newStore(t, whole)
	const lines = 3 * chunk
	var rows []row.Row
	for line := 1; line <= lines; line += 3 {
		rows = append(rows, testRow(t, line, 0))
	}
	if err := errors.Join(s.Put(rows), s.Close()); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(whole, checkpointFile))
	if err != nil {
		t.Fatal(err)
	}
	results, err := os.ReadFile(resultsFile(whole, 1))
	if err != nil {
		t.Fatal(err)
	}
	page := os.Getpagesize()
	noticed := 0
	for at := 0; at < len(good); at += page {
		for way, change := range map[string]func([]byte) []byte{
			"zeros":     func(file []byte) []byte { clear(file[at:][:page]); return file },
			"ones":      func(file []byte) []byte { copy(file[at:], bytes.Repeat([]byte{0xff}, page)); return file },
			"the first": func(file []byte) []byte { copy(file[at:], good[:page]); return file },
			"the next":  func(file []byte) []byte { copy(file[at:][:page], good[(at+page)%len(good):]); return file },
			"cut off":   func(file []byte) []byte { return file[:at] },
		} {
			name := fmt.Sprintf("page %d of %d: %s", at/page, len(good)/page, way)
			dir := t.TempDir()
			if err := errors.Join(
				os.WriteFile(filepath.Join(dir, checkpointFile), change(bytes.Clone(good)), fileMode),
				os.WriteFile(resultsFile(dir, 1), results, fileMode),
			); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- useAll(t, dir, lines) }()
			select {
			case err := <-done:
				if errors.Is(err, ErrDamaged) {
					noticed++
				}
			case <-time.After(time.Minute):
				t.Fatalf("%s: it hangs", name)
			}
			if after, err := os.ReadFile(resultsFile(dir, 1)); err != nil || !bytes.HasPrefix(after, results) {
				t.Errorf("%s: rows are gone: %d of %d octets, %v", name, len(after), len(results), err)
			}
		}
	}
	if noticed == 0 {
		t.Error("no damage was noticed")
	}
	t.Logf("noticed %d of %d", noticed, 5*len(good)/page)
}

// useAll reads a store, and then writes to it.
func useAll(t *testing.T, dir string, lines int) error {
	var failed error
	if s, err := Read(dir); err == nil {
		for _, err := range s.Rows() {
			failed = errors.Join(failed, err)
		}
		_, err := s.Tally("")
		failed = errors.Join(failed, err, s.Close())
	} else {
		failed = err
	}
	s, err := Open(dir)
	if err != nil {
		return errors.Join(failed, err)
	}
	for line := 1; line <= lines; line += chunk / 8 {
		_, err := s.Standing("", line)
		failed = errors.Join(failed, err, s.Put([]row.Row{testRow(t, line, 1)}))
	}
	return errors.Join(failed, s.Close())
}
