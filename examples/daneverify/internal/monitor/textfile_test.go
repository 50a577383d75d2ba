package monitor

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestWriteFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "dane.prom")
	if err := WriteFile(path, []byte("one\n")); err != nil {
		t.Fatal(err)
	}
	linked := filepath.Join(t.TempDir(), "link.prom")
	if err := os.Symlink(path, linked); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(linked, []byte("two\n")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "two\n" {
		t.Errorf("%q, %v; want what was written last, by a link to it", text, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("mode %v, %v: node_exporter is another user", info.Mode(), err)
	}
	onlyFile(t, folder, "dane.prom")
}

func onlyFile(t *testing.T, folder, name string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("there are %v, %v; want only %s", entries, err, name)
	}
}

func TestWriteFileRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for path, want := range map[string]string{
		os.DevNull: "not a regular file",
		folder:     "not a regular file",
		filepath.Join(folder, "missing", "dane.prom"):     "no such file",
		filepath.Join(os.Args[0], "dane.prom"):            "not a directory",
		filepath.Join(folder, strings.Repeat("x", 10000)): "too long",
	} {
		if err := WriteFile(path, []byte("text")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.100s: %v, want %q", path, err, want)
		}
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s is replaced: %v, %v", os.DevNull, info, err)
	}
}

// TestReadersSeeWholeFiles: one that reads at any instant gets what one run wrote, although
// several write at once.
func TestReadersSeeWholeFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "dane.prom")
	text := func(c byte) []byte { return append(bytes.Repeat([]byte{c}, 1<<16), '\n') }
	if err := WriteFile(path, text('a')); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	stop := make(chan struct{})
	for _, c := range []byte("abc") {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := WriteFile(path, text(c)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 100 {
		got, err := os.ReadFile(path)
		if err != nil || len(got) != 1<<16+1 || !bytes.Equal(got, text(got[0])) {
			t.Errorf("a part: %d octets, %v", len(got), err)
			break
		}
	}
	close(stop)
	writers.Wait()
	onlyFile(t, folder, "dane.prom")
}
