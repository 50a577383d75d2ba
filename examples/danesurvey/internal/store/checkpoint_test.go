package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// TestCheckpointsThatAreGone: of rows without a checkpoint, or with a part of one, nothing is lost, and none gets
// into another survey.
func TestCheckpointsThatAreGone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, dir string) error{
		"gone":  func(_ *testing.T, dir string) error { return os.Remove(filepath.Join(dir, checkpointFile)) },
		"empty": func(_ *testing.T, dir string) error { return os.Truncate(filepath.Join(dir, checkpointFile), 0) },
		"cut": func(_ *testing.T, dir string) error {
			return os.Truncate(filepath.Join(dir, checkpointFile), 9000)
		},
		"gone, and the results with it": func(_ *testing.T, dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, checkpointFile)), os.Remove(resultsFile(dir, 1)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := newStore(t, dir)
			if err := errors.Join(s.Put([]row.Row{testRow(t, 1, 1)}), s.Keep(testRow(t, 2, 1))); err != nil {
				t.Fatal(err)
			}
			killed := t.TempDir()
			if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if err := change(t, killed); err != nil {
				t.Fatal(err)
			}
			before := listing(t, killed)
			if _, err := Read(killed); !errors.Is(err, ErrNone) {
				t.Errorf("it can be read: %v", err)
			}
			if _, err := Open(killed); !errors.Is(err, ErrNone) {
				t.Errorf("it can be gone on with: %v", err)
			}
			if after := listing(t, killed); after != before {
				t.Errorf("the folder was %s, and is %s", before, after)
			}
			if _, err := Create(killed, func() (About, error) { return About{}, nil }); err == nil || errors.Is(err, ErrExists) {
				t.Errorf("another survey is made: %v", err)
			}
			for _, file := range []string{"results-0001.ndjson.zst", unsavedFile} {
				want, _ := os.ReadFile(filepath.Join(dir, file))
				if got, err := os.ReadFile(filepath.Join(killed, file)); err == nil && !bytes.Equal(got, want) {
					t.Errorf("%s is not what it was", file)
				}
			}
		})
	}
}

// TestCheckpointsOfOtherMachines: the size of pages is that of the machine that made the file. On one whose pages are
// larger it is no shorter for that.
func TestCheckpointsOfOtherMachines(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ page, size int64 }{{1024, 4096}, {1 << 16, 1 << 18}} {
		name := filepath.Join(t.TempDir(), checkpointFile)
		db, err := bolt.Open(name, 0o600, &bolt.Options{PageSize: int(tt.page)})
		if err != nil {
			t.Fatal(err)
		}
		db.Close()
		for _, cut := range []int64{0, 1, tt.page, tt.size - 1, tt.size} {
			size := tt.size - cut
			if err := os.Truncate(name, size); err != nil {
				t.Fatal(err)
			}
			if want := cut > 0 && size > 0; isBegun(name) != want {
				t.Errorf("pages of %d octets: with %d octets it is begun: %t", tt.page, size, !want)
			}
		}
	}
}
