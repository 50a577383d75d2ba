package queue

import (
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/work"
)

// testLog shows what goes on where tests are verbose.
func testLog() *slog.Logger {
	if flag.Parsed() && testing.Verbose() {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.DiscardHandler)
}

func newServer(conn *nats.Conn, st *store.Store, dir string) *Server {
	return &Server{
		Conn: conn, Name: "test", Store: st, Entries: st.About().List.Entries,
		lease: 2 * time.Second, ackWait: 4 * time.Second, Log: testLog(),
		List: func() (survey.Source, func() error, error) {
			list, err := work.OpenList(dir, st.About().List, "")
			if err != nil {
				return nil, nil, err
			}
			return list, list.Close, nil
		},
	}
}

func newWorker(url, vantage string, checker *dane.Checker) *Worker {
	no := survey.Limit{Connections: -1, PerSecond: -1}
	return &Worker{
		URL: url, Name: "test", Row: row.Options{Vantage: vantage}, ackWait: 4 * time.Second, Log: testLog(),
		Survey: &survey.Survey{
			Checker: checker, Parallel: 8, Limits: survey.Limits{Address: no, Network: no, Provider: no, DNS: no, Pause: -1},
		},
	}
}

// A survey in a folder, of a list that has the domains of a world in turn.
type folder struct {
	dir   string
	lines []string
}

func newFolder(t *testing.T, w *world, lines int) *folder {
	t.Helper()
	f := &folder{dir: filepath.Join(t.TempDir(), "survey")}
	for i := range lines {
		f.lines = append(f.lines, w.Domains[i%len(w.Domains)].Name)
	}
	f.write(t)
	return f
}

// write writes the list, for who makes the store of it.
func (f *folder) write(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(f.dir+".list", []byte(strings.Join(f.lines, "\n")+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
}

// create makes the store.
func (f *folder) create(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Create(f.dir, func() (about store.About, err error) {
		about.List, err = work.CopyList(t.Context(), f.dir, "test", strings.NewReader(strings.Join(f.lines, "\n")+"\n"), "")
		return about, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// check fails unless there is exactly one row a line from each vantage point, with the right verdict.
func checkRows(t *testing.T, st *store.Store, f *folder, states map[string]string, vantages ...string) {
	t.Helper()
	seen := make(map[string]int)
	for r, err := range st.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		seen[fmt.Sprint(r.Vantage, " ", r.Line)]++
		if r.Line > len(f.lines) || r.Input != f.lines[r.Line-1] {
			t.Fatalf("line %d is %q", r.Line, r.Input)
		}
		if got := r.State + " " + r.Finding; got != states[r.Input] {
			t.Errorf("%s, line %d: %s, want %s\n%.600s", r.Input, r.Line, got, states[r.Input], r.Text)
		}
	}
	wrong := 0
	for _, v := range vantages {
		for line := range f.lines {
			if n := seen[fmt.Sprint(v, " ", line+1)]; n != 1 {
				if wrong++; wrong < 10 {
					t.Errorf("vantage %q, line %d: %d rows", v, line+1, n)
				}
			}
		}
	}
	if len(seen) != len(vantages)*len(f.lines) {
		t.Errorf("%d lines with rows, want %d", len(seen), len(vantages)*len(f.lines))
	}
}

// embed starts a NATS server.
func embed(t *testing.T, e *Embedded) (*server.Server, *nats.Conn) {
	t.Helper()
	e.Dir, e.MaxBytes, e.Name = t.TempDir(), DefaultMaxBytes, "test"
	if e.Listen == "" {
		e.Listen = "127.0.0.1:0"
	}
	s, conn, err := e.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Shutdown)
	t.Cleanup(conn.Close)
	return s, conn
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String()).String()
}
