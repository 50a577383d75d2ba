package daemon

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

func TestLimit(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var closed []string
	limit := &Limit{Listener: l, Connections: 2, Closed: func(remote net.Addr, _ time.Duration) { closed = append(closed, remote.String()) }}
	defer limit.Close()
	connect := func() (theirs, ours net.Conn) {
		theirs, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { theirs.Close() })
		if ours, err = limit.Accept(); err != nil {
			t.Fatal(err)
		}
		return theirs, ours
	}
	first, firstOurs := connect()
	second, _ := connect()
	io.WriteString(first, "x") // so that the second one is idle for longer
	io.ReadFull(firstOurs, make([]byte, 1))
	_, third := connect()
	if len(closed) != 1 || closed[0] != second.LocalAddr().String() || limit.Open() != 2 {
		t.Errorf("closed %q, %d are open; want %s closed", closed, limit.Open(), second.LocalAddr())
	}
	second.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := second.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the second one: %v", err)
	}
	third.Close()
	if connect(); len(closed) != 1 || limit.Open() != 2 {
		t.Errorf("after one has ended, another was closed: %q", closed)
	}
}

func TestCheckLocal(t *testing.T) {
	for address, local := range map[string]bool{
		"127.0.0.1:53": true, "127.9.9.9:53": true, "[::1]:53": true, "[::ffff:127.0.0.1]:53": true,
		"0.0.0.0:53": false, "[::]:53": false, "192.0.2.1:53": false, "localhost:53": false, ":53": false, "127.0.0.1": false, "": false,
	} {
		err := CheckLocal(address, 8463)
		if (err == nil) != local || !local && !errors.Is(err, ErrNotLocal) && !strings.Contains(err.Error(), "such as 127.0.0.1:8463") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

// TestListenKeepsFiles: only sockets that nobody listens at are replaced.
func TestListenKeepsFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := Listen("unix:"+path, 0o600); err == nil {
		l.Close()
		t.Error("a file is replaced")
	} else if !strings.Contains(err.Error(), "not a socket") {
		t.Error(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
		t.Errorf("it holds %q, %v", text, err)
	}
}

func TestResolverFlags(t *testing.T) {
	for _, tt := range []struct {
		why   string
		flags []string
		good  bool
	}{
		{"the root servers", nil, true},
		{"servers", []string{"-resolver", "192.0.2.1,tls://192.0.2.2#dns.example"}, true},
		{"what is no server", []string{"-resolver", "nonsense"}, false},
		{"servers and hints", []string{"-resolver", "192.0.2.1", "-hints", "/dev/null"}, false},
		{"hints without a server", []string{"-hints", "/dev/null"}, false},
		{"anchors without a key", []string{"-anchors", "/dev/null"}, false},
	} {
		var f ResolverFlags
		set := flag.NewFlagSet("", flag.ContinueOnError)
		f.Add(set)
		if err := set.Parse(tt.flags); err != nil {
			t.Fatal(err)
		}
		r, err := f.Resolver(slog.New(slog.DiscardHandler))
		if (err == nil) != tt.good || tt.good && r.Exchanger == nil {
			t.Errorf("%s: %v", tt.why, err)
		}
	}
}

// TestDirect: whose answers are judged hangs on all flags together.
func TestDirect(t *testing.T) {
	for _, tt := range []struct {
		why    string
		system bool
		flags  []string
		want   bool
	}{
		{"the root servers", false, nil, true},
		{"what the system has", true, nil, false},
		{"hints are for a start at the root", true, []string{"-hints", "x"}, true},
		{"a resolver, whatever else", false, []string{"-resolver", "192.0.2.1"}, false},
	} {
		f := ResolverFlags{System: tt.system}
		set := flag.NewFlagSet("", flag.ContinueOnError)
		f.Add(set)
		if err := set.Parse(tt.flags); err != nil {
			t.Fatal(err)
		}
		if got := f.Direct(); got != tt.want {
			t.Errorf("%s: %t", tt.why, got)
		}
	}
}

func TestNotActivated(t *testing.T) {
	for pid, count := range map[string]string{"": "", "1": "1", "nonsense": "1"} {
		t.Setenv("LISTEN_PID", pid)
		t.Setenv("LISTEN_FDS", count)
		if all, err := Activated(); len(all) > 0 || err != nil {
			t.Errorf("%q: %v, %v", pid, all, err)
		}
	}
}

// TestStateBeforeAnchors: who gives new trust anchors besides a file of tracked ones is told that
// they do not count.
func TestStateBeforeAnchors(t *testing.T) {
	anchors, state := filepath.Join(t.TempDir(), "anchors"), filepath.Join(t.TempDir(), "state")
	const root = ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
	if err := os.WriteFile(anchors, []byte(root), 0o600); err != nil {
		t.Fatal(err)
	}
	f := ResolverFlags{anchors: anchors, trustState: state}
	for _, exists := range []bool{false, true} {
		var log strings.Builder
		r, err := f.Resolver(slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(log.String(), "file="+state); told != exists {
			t.Errorf("the file exists: %t; the log is %q", exists, &log)
		}
		if err := r.Anchors.(*anchor.Tracker).Replace(t.Context(), time.Now(), anchor.Root()); err != nil {
			t.Fatal(err)
		}
	}
}
