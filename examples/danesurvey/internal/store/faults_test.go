package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
)

// testRow is a row of a line that was asked for the nth time; the first time there is no verdict on each
// fourth.
func testRow(t *testing.T, line, n int) row.Row {
	t.Helper()
	more := ""
	if n == 0 && line%4 == 0 {
		more = `"no_verdict":true,`
	}
	r, err := row.Parse(fmt.Appendf(nil, `{"at":%q,%s"line":%d,"input":"d%d.example","state":"ok","noise":"%x"}`,
		time.Unix(int64(1000*n+line), 0).UTC().Format(time.RFC3339), more, line, line, rand.Uint64()))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Create(dir, func() (About, error) { return About{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// linesOf returns the rows by line; none is there twice.
func linesOf(t *testing.T, s *Store) map[int]row.Row {
	t.Helper()
	all := make(map[int]row.Row)
	for r, err := range s.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := all[r.Line]; twice {
			t.Errorf("line %d has two rows", r.Line)
		}
		all[r.Line] = r
	}
	return all
}

// TestKilledBetween ends the process after each thing that is written: the folder is copied as it is
// then. What was kept or put by then is there, as it was, and the rest can be put.
func TestKilledBetween(t *testing.T) {
	t.Parallel()
	const lines = 10
	dir := t.TempDir()
	s := newStore(t, dir)
	var copies []string
	var kept []map[int]row.Row // in each copy
	sure := make(map[int]row.Row)
	s.step = func(what string) {
		to := t.TempDir()
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		copies = append(copies, to)
		now := make(map[int]row.Row)
		for line, r := range sure {
			now[line] = r
		}
		kept = append(kept, now)
	}
	for n := range 2 {
		for line := 1; line <= lines; line++ {
			r := testRow(t, line, n)
			var err error
			if line%3 == 0 {
				err = s.Put([]row.Row{r, testRow(t, line+100, n)})
			} else {
				err = s.Keep(r)
			}
			if err == nil && line%5 == 0 {
				err = s.Sync()
			}
			if err != nil {
				t.Fatal(err)
			}
			if old, has := sure[line]; !has || old.NoVerdict {
				sure[line] = r
			}
		}
	}
	if err := s.Sync(); err != nil {
		t.Fatal(err)
	}
	if len(copies) < 3*lines {
		t.Fatalf("%d copies", len(copies))
	}
	for i, dir := range copies {
		again, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		got := linesOf(t, again)
		for line, want := range kept[i] {
			if r := got[line]; string(r.Text) != string(want.Text) && (!want.NoVerdict || r.Line == 0) {
				t.Errorf("copy %d: line %d is %s, want %s", i, line, r.Text, want.Text)
			}
		}
		for line := 1; line <= lines; line++ {
			if err := again.Keep(testRow(t, line, 2)); err != nil {
				t.Fatal(err)
			}
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		if again, err = Read(dir); err != nil {
			t.Fatal(err)
		}
		for line := 1; line <= lines; line++ {
			if r := linesOf(t, again)[line]; r.Line == 0 || r.NoVerdict {
				t.Errorf("copy %d: in the end line %d is %s", i, line, r.Text)
			}
		}
		again.Close()
	}
}

// TestWritesFail has each of the files fail. Nothing is taken from then on, and what was kept or put before is
// there.
func TestWritesFail(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(s *Store) error{
		"unsaved rows":   func(s *Store) error { return s.unsaved.file.Close() },
		"results":        func(s *Store) error { return s.results.file.Close() },
		"the checkpoint": func(s *Store) error { s.step = closeAfterFrame(s); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := newStore(t, dir)
			if err := s.Put([]row.Row{testRow(t, 1, 1)}); err != nil {
				t.Fatal(err)
			}
			if err := s.Keep(testRow(t, 2, 1)); err != nil {
				t.Fatal(err)
			}
			if err := broken(s); err != nil {
				t.Fatal(err)
			}
			s.Keep(testRow(t, 3, 1))
			if err := s.Sync(); err == nil {
				t.Fatal("nothing fails")
			}
			if err := s.Put([]row.Row{testRow(t, 4, 1)}); err == nil {
				t.Error("it goes on after a failure")
			}
			s.Close()
			again, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer again.Close()
			got := linesOf(t, again)
			for line := 1; line <= 2; line++ {
				if got[line].Line != line {
					t.Errorf("line %d is lost", line)
				}
			}
			if _, there := got[4]; there {
				t.Error("what was refused is there")
			}
			if err := again.Put([]row.Row{testRow(t, 3, 1), testRow(t, 4, 1)}); err != nil || len(linesOf(t, again)) != 4 {
				t.Errorf("gone on: %v, %d rows", err, len(linesOf(t, again)))
			}
		})
	}
}

// closeAfterFrame closes the checkpoint between a frame and its count.
func closeAfterFrame(s *Store) func(string) {
	return func(what string) {
		if what == "a frame" {
			s.db.Close()
		}
	}
}

// TestChangedFiles: what was cut or changed is an error, and no shorter survey.
func TestChangedFiles(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(file string, size int64) error{
		"cut off": func(file string, size int64) error { return os.Truncate(file, size-1) },
		"changed": func(file string, size int64) error {
			f, err := os.OpenFile(file, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt([]byte("xxxx"), size/2)
			return err
		},
		"gone": func(file string, _ int64) error { return os.Remove(file) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := newStore(t, dir)
			if err := s.Put([]row.Row{testRow(t, 1, 1), testRow(t, 2, 1)}); err != nil {
				t.Fatal(err)
			}
			s.Close()
			file := filepath.Join(dir, "results-0001.ndjson.zst")
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := change(file, info.Size()); err != nil {
				t.Fatal(err)
			}
			if s, err = Read(dir); err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, err = range s.Rows() {
				if err != nil {
					break
				}
			}
			if err == nil {
				t.Error("it is read without an error")
			}
		})
	}
}

// TestManyFiles: a file that has become large is followed by another one, and rows are replaced
// across them.
func TestManyFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newStore(t, dir)
	s.results.most = 200
	for n := range 2 {
		for line := 1; line <= 40; line++ {
			if err := s.Put([]row.Row{testRow(t, line, n)}); err != nil {
				t.Fatal(err)
			}
			if line == 20 {
				s.Close()
				var err error
				if s, err = Open(dir); err != nil {
					t.Fatal(err)
				}
				s.results.most = 200
			}
		}
	}
	defer s.Close()
	if names, _ := filepath.Glob(filepath.Join(dir, "results-*")); len(names) < 10 {
		t.Errorf("%d files", len(names))
	}
	got := linesOf(t, s)
	for line := 1; line <= 40; line++ {
		if r := got[line]; r.Line != line || r.NoVerdict {
			t.Errorf("line %d is %s", line, r.Text)
		}
	}
}

// TestReadWritesNothing: what a killed process has left is read from where it is, be it on a disk that is full, or
// can only be read.
func TestReadWritesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newStore(t, dir)
	if err := s.Put([]row.Row{testRow(t, 3, 0), testRow(t, 4, 0), testRow(t, 8, 0)}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []row.Row{testRow(t, 1, 1), testRow(t, 3, 1), testRow(t, 4, 1)} {
		if err := s.Keep(r); err != nil {
			t.Fatal(err)
		}
	}
	killed := t.TempDir()
	if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	before := listing(t, killed)
	again, err := Read(killed)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	got := linesOf(t, again)
	if len(got) != 4 || got[1].Line == 0 || got[3].At.Unix() != 3 || got[4].NoVerdict || !got[8].NoVerdict {
		t.Errorf("%+v", got)
	}
	if after := listing(t, killed); after != before {
		t.Errorf("the folder was %s, and is %s", before, after)
	}
}

// listing says what is in a folder.
func listing(t *testing.T, dir string) (all string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		all += fmt.Sprintln(e.Name(), info.Size(), info.ModTime())
	}
	return all
}
