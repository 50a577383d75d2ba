//go:build interop

package interop

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// readyWithin is the time a server gets until its first answer.
	readyWithin = 20 * time.Second
	// stopWithin is the time a server gets to end by itself.
	stopWithin = 5 * time.Second
)

// A daemon is a server that runs in the foreground as our child.
type daemon struct {
	name string
	log  string // file
	told bool   // its log has been, or its test has passed
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	end  sync.Once
}

// startDaemon starts a server and waits until ready says that it answers.
func (n *internet) startDaemon(name string, ready func() error, argv ...string) error {
	log, err := os.Create(n.path(name + ".log"))
	if err != nil {
		return err
	}
	defer log.Close() // the child has its own copy

	// named keeps files of its own in its directory.
	dir := n.path("run-" + name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, dir
	// A session and so a process group of its own, for stop to reach its children
	// too; and it ends with us, even where a panic keeps stop from running.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return err
	}
	d := &daemon{name: name, log: log.Name(), cmd: cmd, done: make(chan struct{})}
	n.daemons = append(n.daemons, d)
	go func() {
		defer close(d.done)
		cmd.Wait() // the state is in cmd.ProcessState
	}()
	return d.await(ready)
}

func (d *daemon) await(ready func() error) error {
	deadline := time.After(readyWithin)
	var err error
	for {
		select {
		case <-d.done:
			return fmt.Errorf("%s ended (%v) before it answered", d.name, d.cmd.ProcessState)
		case <-deadline:
			return fmt.Errorf("%s does not answer within %v: %w", d.name, readyWithin, err)
		case <-time.After(50 * time.Millisecond):
		}
		if err = ready(); err == nil {
			return nil
		}
	}
}

// stopAfter stops the servers that the test starts from now on.
func (n *internet) stopAfter(t *testing.T) {
	running := len(n.daemons)
	t.Cleanup(func() { stopAll(t, n.daemons[running:]) })
}

// stopAll stops the servers of a test, and tells their logs if it has failed. Whether other
// tests fail says nothing of them.
func stopAll(t *testing.T, daemons []*daemon) {
	for _, d := range daemons {
		d.stop()
		if t.Failed() && !d.told {
			t.Logf("log of %s (end)\n%s", d.name, d.logTail())
		}
		d.told = true
	}
}

func (d *daemon) stop() { d.end.Do(d.kill) }

func (d *daemon) kill() {
	d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(stopWithin):
	}
	// Whatever is left of the group. It is gone as a rule, which is no error.
	syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL)
	<-d.done
}

// logTail is the end of what the server has written.
func (d *daemon) logTail() string {
	const lines = 40
	b, err := os.ReadFile(d.log)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// copyServers copies named and unbound to bin-named and bin-unbound. Debian's
// AppArmor profiles go by the path of a program, and keep the installed ones out
// of temporary directories.
func (n *internet) copyServers() error {
	for _, program := range []string{"named", "unbound"} {
		path, err := exec.LookPath(program)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(n.path("bin-"+program), b, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// command runs a program to its end and returns its standard output. Its error
// holds everything that the program said.
func command(dir string, argv ...string) (string, error) {
	var out, all bytes.Buffer
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Stdout = &out
	cmd.Stderr = &all
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s%s", strings.Join(argv, " "), err, out.Bytes(), all.Bytes())
	}
	return out.String(), nil
}

// freePort returns a port of 127.0.0.1 that is free for TCP and UDP.
func freePort() (int, error) {
	for range 100 {
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return 0, err
		}
		port := l.Addr().(*net.TCPAddr).Port
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		l.Close()
		if err == nil {
			c.Close()
			return port, nil
		}
	}
	return 0, errors.New("no port is free for both TCP and UDP")
}
