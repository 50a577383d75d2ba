//go:build unix

package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestSignals has the program in a process of its own, in the middle of a list that goes on.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		prefix  string // of the command line, in sh
		signals []syscall.Signal
		status  int
		want    string
	}{
		{"SIGUSR1 asks how far it is", "", []syscall.Signal{syscall.SIGUSR1}, exitSuccess, "daneverify: 1 done, "},
		{"SIGINT ends it", "", []syscall.Signal{syscall.SIGINT}, exitUsage, "daneverify: interrupted; 0 domains"},
		{"SIGTERM does, too", "", []syscall.Signal{syscall.SIGTERM}, exitUsage, "daneverify: interrupted; 0 domains"},
		{"so does SIGHUP", "", []syscall.Signal{syscall.SIGHUP}, exitUsage, "daneverify: interrupted; 0 domains"},
		{"but not below nohup", `trap "" HUP; `, []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1}, exitSuccess, "daneverify: 1 done, "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.prefix == "" && slices.Contains(tt.signals, syscall.SIGHUP) && signal.Ignored(syscall.SIGHUP) {
				t.Skip("SKIPPED: the tests run below nohup, which the program would go on as well")
			}
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			command := exec.CommandContext(t.Context(), "sh", "-c", tt.prefix+`exec "$0" "$@"`, self, "-demo", "-dns-only", "-json", "-input", "-")
			command.Env = append(os.Environ(), asCommand+"=1")
			list, err := command.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			rows, err := command.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			complaints, err := command.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			io.WriteString(list, "good.example\n")
			if row, err := bufio.NewReader(rows).ReadString('\n'); err != nil || !strings.Contains(row, `"line":1`) {
				t.Errorf("row %q, error %v", row, err)
			}
			for _, signal := range tt.signals {
				if err := command.Process.Signal(signal); err != nil {
					t.Error(err)
				}
			}
			lines := bufio.NewScanner(complaints)
			found := false
			for lines.Scan() {
				if found = strings.HasPrefix(lines.Text(), tt.want); found {
					list.Close()
					break
				}
			}
			io.Copy(io.Discard, complaints)
			command.Wait()
			if status := command.ProcessState.ExitCode(); status != tt.status || !found {
				t.Errorf("exit status %d, %v; said what was wanted: %t", status, command.ProcessState, found)
			}
		})
	}
}
