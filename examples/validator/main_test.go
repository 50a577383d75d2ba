package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSignals runs this test again as the program: SIGHUP, by which some tools have a daemon read
// its configuration again, does not end it, and SIGTERM does.
func TestSignals(t *testing.T) {
	const role = "VALIDATOR_TEST_SIGNALS"
	if os.Getenv(role) != "" {
		os.Args = []string{"validator", "-listen", "127.0.0.1:0", "-resolver", "127.0.0.1:1"}
		main()
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestSignals$")
	cmd.Env = append(os.Environ(), role+"=1")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() }).Stop()
	lines := bufio.NewScanner(stderr)
	for _, step := range []struct {
		says   string
		signal os.Signal
	}{
		{"msg=ready", syscall.SIGHUP},
		{"SIGHUP", syscall.SIGTERM},
		{"msg=ended", nil},
	} {
		for lines.Scan() && !strings.Contains(lines.Text(), step.says) {
		}
		if !strings.Contains(lines.Text(), step.says) {
			t.Errorf("the log ends without %q", step.says)
			break
		}
		if step.signal != nil {
			cmd.Process.Signal(step.signal)
		}
	}
	io.Copy(io.Discard, stderr)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
