package anchor_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
)

func TestFileStore(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	store := &anchor.FileStore{Path: filepath.Join(folder, "root.key")}
	if points, err := store.Load(); err != nil || len(points) != 0 {
		t.Fatalf("a file that is not there yet: %v, %v", points, err)
	}
	if err := store.Update(t.Context(), put(1)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(store.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a new file has mode %v, %v; want its owner's alone", info.Mode(), err)
	}
	if err := os.Chmod(store.Path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(store.Path+".new", []byte("what a killed process has left"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := store.Update(t.Context(), put(2)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(store.Path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("a replaced file has mode %v, %v; want what it had", info.Mode(), err)
	}
	if _, err := os.Stat(store.Path + ".new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a temporary file is left: %v", err)
	}
	// A link is followed.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(store.Path, link); err != nil {
		t.Skip(err)
	}
	if err := (&anchor.FileStore{Path: link}).Update(t.Context(), put(3)); err != nil {
		t.Fatal(err)
	}
	if got := failuresIn(t, store.Path); got != 3 {
		t.Errorf("by a link, %d was written; want 3", got)
	}
}

// TestUnwritableState goes on where the state cannot be stored: what was learned is used,
// and stored when that is possible again.
func TestUnwritableState(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	old, young := newKey(t, "."), newKey(t, ".")
	observe := func(t *testing.T, tracker *anchor.Tracker, days int, stored bool) {
		t.Helper()
		at := now.Add(time.Duration(days) * day)
		err := tracker.Observe(t.Context(), at, ".", signedKeys(t, at, []*sign.Key{old, young}, old, young))
		if e, ok := errors.AsType[*anchor.Error](err); ok == stored || !stored && e.File == "" {
			t.Errorf("day %d: error %v", days, err)
		}
	}
	trusts := func(tracker *anchor.Tracker, days int) int {
		return len(anchorsOf(t, tracker, now.Add(time.Duration(days)*day)))
	}
	t.Run("a folder that is not there", func(t *testing.T) {
		t.Parallel()
		folder := filepath.Join(t.TempDir(), "state")
		tracker := &anchor.Tracker{Start: dsOf(old), Store: &anchor.FileStore{Path: filepath.Join(folder, "root.key")}}
		observe(t, tracker, 0, false)
		observe(t, tracker, 20, false)
		observe(t, tracker, 40, false)
		if n := trusts(tracker, 40); n != 2 {
			t.Errorf("%d keys are trusted, want the new one, too", n)
		}
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		observe(t, tracker, 50, true)
		again := &anchor.Tracker{Start: dsOf(old), Store: &anchor.FileStore{Path: filepath.Join(folder, "root.key")}}
		if n := trusts(again, 50); n != 2 {
			t.Errorf("%d keys are trusted by the file, want 2", n)
		}
	})
	t.Run("a file of somebody else", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "root.key")
		if err := os.WriteFile(path, []byte(old.Public.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		tracker := &anchor.Tracker{Store: &anchor.FileStore{Path: path, ReadOnly: true}}
		observe(t, tracker, 0, true)
		observe(t, tracker, 20, true)
		observe(t, tracker, 40, true)
		if n := trusts(tracker, 40); n != 2 {
			t.Errorf("%d keys are trusted, want the new one, too", n)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != old.Public.String() {
			t.Errorf("the file has become %q, %v", text, err)
		}
		if files, err := filepath.Glob(path + "*"); err != nil || len(files) != 1 {
			t.Errorf("files %v, %v", files, err)
		}
		// Its owner changes it, and that counts.
		if err := os.WriteFile(path, []byte(young.Public.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		observe(t, tracker, 50, true)
		set, err := tracker.Anchors(now.Add(50 * day))
		if err != nil || len(set) != 1 || set[0].Key.PublicKey != young.Public.PublicKey {
			t.Errorf("anchors %v, %v; want the one in the file", set, err)
		}
	})
}

// TestSharedState lets several stores write one file, each what it has read and one more.
func TestSharedState(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "root.key")
	const writers, writes = 4, 10
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			store := &anchor.FileStore{Path: path}
			for range writes {
				err := store.Update(t.Context(), func(points []*anchor.TrustPoint) ([]*anchor.TrustPoint, bool) {
					n := 0
					if len(points) > 0 {
						n = points[0].Failures
					}
					return pointsOf(n + 1), true
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := failuresIn(t, path); got != writers*writes {
		t.Errorf("%d writes are left, want %d", got, writers*writes)
	}
}

func TestLockIsWaitedForUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "root.key")
	err := (&anchor.FileStore{Path: path}).Update(t.Context(), func([]*anchor.TrustPoint) ([]*anchor.TrustPoint, bool) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		if err := (&anchor.FileStore{Path: path}).Update(ctx, put(2)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the second writer: %v", err)
		}
		return pointsOf(1), true
	})
	if got := failuresIn(t, path); err != nil || got != 1 {
		t.Errorf("the first writer: %v, %d is stored", err, got)
	}
}

// killedWriter is set in processes that write the file it names until they are killed.
const killedWriter = "ANCHOR_TEST_KILLED_WRITER"

// TestKilledWriter kills processes while they write, at any moment. Each writes numbers
// that go up, and reports what it has written: the file always holds the last number
// that was reported, or the next.
func TestKilledWriter(t *testing.T) {
	if path := os.Getenv(killedWriter); path != "" {
		store := &anchor.FileStore{Path: path}
		for n := failuresIn(t, path) + 1; ; n++ {
			if err := store.Update(t.Context(), put(n)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(os.Stderr, "%d\n", n)
		}
	}
	t.Parallel()
	writes := 10_000
	if testing.Short() {
		writes = 500
	}
	folder := t.TempDir()
	if memory, err := os.MkdirTemp("/dev/shm", "anchor"); err == nil {
		// A killed process loses nothing that the kernel has: a disk would only be slow.
		t.Cleanup(func() { os.RemoveAll(memory) })
		folder = memory
	}
	path := filepath.Join(folder, "root.key")
	last, kills := -1, 0
	for ; last < writes; kills++ {
		reported := killWriter(t, path, time.Duration(kills*37%150)*time.Millisecond)
		got := failuresIn(t, path)
		if got != reported && got != reported+1 {
			t.Fatalf("after %d was written the file holds %d", reported, got)
		}
		last = got
	}
	t.Logf("%d writes, %d kills", last, kills)
}

// killWriter starts a process that writes, and kills it some time after its first report.
// It returns the last number that was reported.
func killWriter(t *testing.T, path string, after time.Duration) (reported int) {
	t.Helper()
	command := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
	command.Env = append(os.Environ(), killedWriter+"="+path)
	output, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	reports := bufio.NewReader(output)
	first, err := reports.ReadString('\n')
	if err != nil {
		t.Fatalf("%q, %v", first, err)
	}
	time.AfterFunc(after, func() { command.Process.Kill() })
	rest, err := io.ReadAll(reports)
	if err != nil {
		t.Fatal(err)
	}
	command.Wait()
	lines := strings.Split(first+string(rest), "\n")
	// What is behind the last end of a line was cut off.
	if _, err := fmt.Sscan(lines[len(lines)-2], &reported); err != nil {
		t.Fatalf("%v\n%s%s", err, first, rest)
	}
	return reported
}
