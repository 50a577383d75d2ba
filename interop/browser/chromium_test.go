//go:build interop

package browser

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// patience is how long Chromium may take for anything.
const patience = 2 * time.Minute

// A chromium is a running browser. Its commands are those of the DevTools protocol; they
// come and go over a pipe, with a zero octet after each.
type chromium struct {
	write *os.File

	mu      sync.Mutex
	last    int
	waiting map[int]chan message
	events  map[string]func(message) // by session
	done    chan struct{}            // closed when it has ended
}

type message struct {
	ID        int             `json:"id,omitempty"`
	Session   string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Exception *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// start starts Chromium, which ends with the test.
func start(t *testing.T) *chromium {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("the Debian package chromium is missing: %v", err)
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	replies, reports, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--hide-scrollbars", "--force-color-profile=srgb", "--no-first-run", "--disable-background-networking", "--disable-extensions",
		"--remote-debugging-pipe", "--user-data-dir="+t.TempDir())
	cmd.ExtraFiles = []*os.File{theirs, reports} // file descriptors 3 and 4
	cmd.Stderr, cmd.WaitDelay = &stderr, 5*time.Second
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	reports.Close()
	b := &chromium{write: ours, waiting: make(map[int]chan message), events: make(map[string]func(message)), done: make(chan struct{})}
	go b.read(replies)
	t.Cleanup(func() {
		if err := b.call("", "Browser.close", nil, nil); err != nil {
			cmd.Process.Kill()
		}
		ours.Close()
		<-b.done
		if err := cmd.Wait(); err != nil && t.Failed() {
			t.Logf("chromium: %v\n%s", err, stderr.String())
		}
	})
	return b
}

// read hands out what the browser sends until it ends.
func (b *chromium) read(from *os.File) {
	defer close(b.done)
	defer from.Close()
	in := bufio.NewReader(from)
	for {
		text, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		reply, event := b.waiting[m.ID], b.events[m.Session]
		delete(b.waiting, m.ID)
		b.mu.Unlock()
		switch {
		case m.Method != "" && event != nil:
			event(m)
		case m.Method == "" && reply != nil:
			reply <- m
		}
	}
}

// call sends a command, and waits for its result.
func (b *chromium) call(session, method string, params, result any) error {
	if params == nil {
		params = struct{}{}
	}
	raw, err := json.Marshal(params)
	if err != nil {
		return err
	}
	reply := make(chan message, 1)
	b.mu.Lock()
	b.last++
	m := message{ID: b.last, Session: session, Method: method, Params: raw}
	b.waiting[m.ID] = reply
	text, err := json.Marshal(m)
	if err == nil {
		_, err = b.write.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	select {
	case m = <-reply:
	case <-b.done:
		return fmt.Errorf("%s: chromium has ended", method)
	case <-time.After(patience):
		return fmt.Errorf("%s: no reply in %s", method, patience)
	}
	switch {
	case m.Exception != nil:
		return fmt.Errorf("%s: %s", method, m.Exception.Message)
	case result != nil:
		return json.Unmarshal(m.Result, result)
	}
	return nil
}
