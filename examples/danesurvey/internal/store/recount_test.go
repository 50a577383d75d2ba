package store

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// TestOlderCheckpoints: a checkpoint that is older than the files, from a copy perhaps, loses no row. Those that
// came since are counted again, over all files, and each line has one.
func TestOlderCheckpoints(t *testing.T) {
	t.Parallel()
	const puts, lines = 8, 40
	dir := t.TempDir()
	s := newStore(t, dir)
	s.results.most = 700 // octets, so that there are several files
	var checkpoints [][]byte
	remember := func() {
		file, err := os.ReadFile(filepath.Join(dir, checkpointFile))
		if err != nil {
			t.Fatal(err)
		}
		checkpoints = append(checkpoints, file)
	}
	remember()
	for n := range puts {
		var rows []row.Row
		for line := 1 + n*lines/2; line <= (n+2)*lines/2; line++ { // half of them for the second time
			rows = append(rows, testRow(t, line, n%2))
		}
		if err := s.Put(rows); err != nil {
			t.Fatal(err)
		}
		remember()
	}
	want := linesOf(t, s)
	tally, err := s.Tally("")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s.results.number < 3 {
		t.Fatalf("%d files: not several", s.results.number)
	}
	for age, checkpoint := range checkpoints {
		old := t.TempDir()
		if err := errors.Join(
			os.CopyFS(old, os.DirFS(dir)),
			os.WriteFile(filepath.Join(old, checkpointFile), checkpoint, fileMode),
		); err != nil {
			t.Fatal(err)
		}
		s, err := Open(old)
		if err != nil {
			t.Fatalf("after %d puts: %v", age, err)
		}
		if diff := cmp.Diff(want, linesOf(t, s)); diff != "" {
			t.Errorf("after %d puts: %s", age, diff)
		}
		again, err := s.Tally("")
		if diff := cmp.Diff(tally, again); diff != "" || err != nil {
			t.Errorf("after %d puts: %v, %s", age, err, diff)
		}
		if err := errors.Join(s.Put([]row.Row{testRow(t, 1000, 1)}), s.Close()); err != nil {
			t.Errorf("after %d puts: it takes no more: %v", age, err)
		}
	}
}

// TestTornFrames: where a machine ended before the disk had taken all of the last frame, the file may have its length
// and not all its pages. The frame is cut off, and the survey goes on.
func TestTornFrames(t *testing.T) {
	t.Parallel()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	var rows []row.Row
	for line := 10; line < 20; line++ {
		rows = append(rows, testRow(t, line, 1))
	}
	frame := encoder.EncodeAll(row.AppendLines(nil, rows), nil)
	for at, page := 0, len(frame)/10; at < len(frame); at += page {
		for label, lost := range map[string][]byte{"a page": frame[at:min(at+page, len(frame))], "the rest": frame[at:]} {
			torn := bytes.Clone(frame)
			clear(torn[at:][:len(lost)])
			dir := t.TempDir()
			s := newStore(t, dir)
			if err := errors.Join(s.Put([]row.Row{testRow(t, 1, 1)}), s.Close()); err != nil {
				t.Fatal(err)
			}
			results, err := os.ReadFile(resultsFile(dir, 1))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(resultsFile(dir, 1), slices.Concat(results, torn), fileMode); err != nil {
				t.Fatal(err)
			}
			if s, err = Open(dir); err != nil {
				t.Errorf("%s at octet %d is zeros: %v", label, at, err)
				continue
			}
			if after, _ := os.ReadFile(resultsFile(dir, 1)); !bytes.Equal(results, after) {
				t.Errorf("%s at octet %d is zeros: %d octets are left, want %d", label, at, len(after), len(results))
			}
			if err := errors.Join(s.Put(rows), s.Close()); err != nil {
				t.Errorf("%s at octet %d is zeros: it takes no more: %v", label, at, err)
			}
		}
	}
}

// TestResultsThatWereChanged: what this program cannot have left so is an error, and stays as it is.
func TestResultsThatWereChanged(t *testing.T) {
	t.Parallel()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(dir string, results []byte) error{
		"a file that is gone": func(dir string, _ []byte) error { return os.Remove(resultsFile(dir, 1)) },
		"a file that is shorter than what counts": func(dir string, results []byte) error {
			return os.Truncate(resultsFile(dir, 1), int64(len(results)-1))
		},
		"a frame of something else": func(dir string, results []byte) error {
			return os.WriteFile(resultsFile(dir, 1), encoder.EncodeAll([]byte("no rows\n"), results), fileMode)
		},
		"a frame that is damaged, and a frame behind it": func(dir string, results []byte) error {
			damaged := bytes.Clone(results)
			damaged[len(damaged)-1] ^= 1 // of the checksum
			return os.WriteFile(resultsFile(dir, 1), slices.Concat(results, damaged, results), fileMode)
		},
		"a frame whose length is damaged, and a frame behind it": func(dir string, results []byte) error {
			var header zstd.Header
			damaged := bytes.Clone(results)
			err := header.Decode(damaged)
			damaged[header.HeaderSize+2] |= 0x40 // of a block
			return errors.Join(err, os.WriteFile(resultsFile(dir, 1), slices.Concat(results, damaged, results), fileMode))
		},
		"a frame that is not whole, and a file behind it": func(dir string, results []byte) error {
			return errors.Join(
				os.WriteFile(resultsFile(dir, 1), append(results, results[:20]...), fileMode),
				os.WriteFile(resultsFile(dir, 2), results, fileMode),
			)
		},
	} {
		dir := t.TempDir()
		s := newStore(t, dir)
		if err := errors.Join(s.Put([]row.Row{testRow(t, 1, 1), testRow(t, 2, 1)}), s.Close()); err != nil {
			t.Fatal(err)
		}
		results, err := os.ReadFile(resultsFile(dir, 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := change(dir, bytes.Clone(results)); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(resultsFile(dir, 1))
		if _, err := Open(dir); err == nil {
			t.Errorf("%s: it is opened", name)
		}
		if after, _ := os.ReadFile(resultsFile(dir, 1)); !bytes.Equal(before, after) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

// TestFrameSize: the length of a frame is known without a look at what it holds, and one that is cut off is not
// whole.
func TestFrameSize(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 300_000) // three blocks that cannot be compressed
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for _, checksum := range []bool{true, false} {
		encoder, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(checksum))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range [][]byte{[]byte("a"), []byte("a few octets"), make([]byte, 500_000), noise} {
			frame := encoder.EncodeAll(text, nil)
			if size, ok := frameSize(append(bytes.Clone(frame), frame...)); !ok || size != len(frame) {
				t.Errorf("%d octets of text: %d octets, %t, want %d", len(text), size, ok, len(frame))
			}
			for cut := 0; cut < len(frame); cut += 1 + len(frame)/500 {
				if size, ok := frameSize(frame[:cut]); ok {
					t.Errorf("%d of %d octets are a whole frame of %d", cut, len(frame), size)
				}
			}
		}
	}
}
