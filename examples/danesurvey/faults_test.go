//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFullDisk has the system refuse what would make a file too large, as a full disk does. What is finished is
// kept, and once there is room it is gone on with.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	lines := listOf(15)
	list := writeList(t, lines)
	for _, tt := range []struct {
		name   string
		octets int
		sync   string
	}{
		{"before the checkpoint is there", 8 << 10, "1h"},
		{"a few rows are kept", 36 << 10, "10ms"},
		{"many rows are kept", 200 << 10, "1h"},
		{"rows are kept and saved", 64 << 10, "10ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "survey")
			args := append([]string{"run", "-dir", dir, "-sync", tt.sync, list}, rude...)
			c := process(t, fmt.Sprintf(`ulimit -f %d; exec "$0" "$@"`, tt.octets/512), args...)
			said, err := c.CombinedOutput()
			status := c.ProcessState.ExitCode()
			if err == nil || !strings.Contains(string(said), "file too large") {
				t.Errorf("exit status %d: %s", status, said)
			}
			rest := []string{"resume", dir}
			if status == exitUsage {
				rest = args
			} else if status != exitCutShort || !strings.Contains(string(said), "danesurvey resume "+dir) {
				t.Errorf("exit status %d, and it is not said how to go on: %s", status, said)
			} else {
				kept := len(rowsOf(t, dir))
				t.Logf("%d rows were kept", kept)
				for range 2 { // as long as there is no room
					c := process(t, `ulimit -f 0; exec "$0" "$@"`, rest...)
					if said, _ := c.CombinedOutput(); c.ProcessState.ExitCode() != exitCutShort {
						t.Errorf("gone on without room: exit status %d: %s", c.ProcessState.ExitCode(), said)
					}
					if n := len(rowsOf(t, dir)); n != kept {
						t.Errorf("gone on without room: %d of %d rows are left", n, kept)
					}
				}
			}
			if status, _, stderr := command(t, "", rest...); status != exitDone {
				t.Fatalf("with room again: exit status %d: %s", status, stderr)
			}
			compare(t, lines, rowsOf(t, dir))
		})
	}
}

// TestNobodyListens: a survey goes on when the reader of its standard error has gone, and so do
// rows not.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "survey")
	lines := listOf(20)
	c := process(t, `exec "$0" "$@"`, append([]string{"run", "-dir", dir, writeList(t, lines)}, rude...)...)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = writer
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	reader.Close()
	done := make(chan struct{})
	go func() { // what it is asked to say fails
		for {
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
				if _, err := os.Stat(dir); err == nil { // it has begun
					c.Process.Signal(syscall.SIGUSR1)
				}
			}
		}
	}()
	c.Wait()
	close(done)
	if status := c.ProcessState.ExitCode(); status != exitDone {
		t.Errorf("exit status %d, %v", status, c.ProcessState)
	}
	compare(t, lines, rowsOf(t, dir))

	reads := process(t, `exec "$0" "$@"`, "rows", dir)
	out, err := reads.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := reads.Start(); err != nil {
		t.Fatal(err)
	}
	io.ReadFull(out, make([]byte, 100))
	out.Close()
	if err := reads.Wait(); err == nil {
		t.Error("rows that nobody reads end as if they had been read")
	}
	compare(t, lines, rowsOf(t, dir))
}

// TestSignals: what ends a survey cleanly, and what asks how far it is.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		prefix string // of the command line, in sh
		signal syscall.Signal
		status int
		wants  string // a regular expression
	}{
		{"SIGINT", "", syscall.SIGINT, exitCutShort, "interrupted; to go on: danesurvey resume "},
		{"SIGTERM", "", syscall.SIGTERM, exitCutShort, "interrupted; to go on: danesurvey resume "},
		{"SIGHUP", "", syscall.SIGHUP, exitCutShort, "interrupted; to go on: danesurvey resume "},
		{"SIGHUP below nohup", `trap "" HUP; `, syscall.SIGHUP, exitDone, "danesurvey rows "},
		{"SIGUSR1", "", syscall.SIGUSR1, exitDone, `\([0-9]{1,2} %\), `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "survey")
			lines := listOf(15)
			c := process(t, tt.prefix+`exec "$0" "$@"`, append([]string{"run", "-dir", dir, "-concurrency", "1", writeList(t, lines)}, rude...)...)
			var said bytes.Buffer
			c.Stderr = &said
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			for range 1000 {
				if info, err := os.Stat(filepath.Join(dir, "unsaved.ndjson")); err == nil && info.Size() > 30<<10 { // some rows: the first is counted after it is there
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
			c.Process.Signal(tt.signal)
			c.Wait()
			if status := c.ProcessState.ExitCode(); status != tt.status || !regexp.MustCompile(tt.wants).Match(said.Bytes()) {
				t.Errorf("exit status %d, want %d: %s", status, tt.status, &said)
			}
			if tt.status == exitCutShort {
				if n := len(rowsOf(t, dir)); n == 0 || n >= 15*13 {
					t.Errorf("%d rows when it was interrupted", n)
				}
				if status, _, stderr := command(t, "", "resume", dir); status != exitDone {
					t.Errorf("resume: exit status %d: %s", status, stderr)
				}
			}
			compare(t, lines, rowsOf(t, dir))
		})
	}
}

// TestModes: what is in the list and the rows is for nobody else.
func TestModes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "above", "survey")
	if status, _, stderr := command(t, "1,Me,me@good.example\n", "run", "-demo", "-column", "3", "-dir", dir, "-"); status != exitDone {
		t.Fatal(stderr)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) < 4 {
		t.Fatalf("%q, %v", names, err)
	}
	for _, name := range append(names, dir) {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}
