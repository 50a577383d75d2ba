package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
)

// a row of a line, made at a second, with a verdict or without.
func a(t *testing.T, vantage string, line, second int, state string) row.Row {
	t.Helper()
	more := ""
	if state == "unknown" {
		more = `"no_verdict":true,`
	}
	r, err := row.Parse(fmt.Appendf(nil, `{"vantage":%q,"at":%q,%s"line":%d,"input":"d%d.example","state":%q}`,
		vantage, time.Unix(int64(second), 0).UTC().Format(time.RFC3339), more, line, line, state))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// create makes a store in a folder of its own.
func create(t *testing.T, dir string) *store.Store {
	t.Helper()
	s, err := store.Create(dir, func() (store.About, error) { return store.About{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// rows are what the store has, a word each, sorted.
func rows(t *testing.T, s *store.Store) string {
	t.Helper()
	var words []string
	for r, err := range s.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, fmt.Sprintf("%s%d@%d=%s", r.Vantage, r.Line, r.At.Unix(), r.State))
	}
	slices.Sort(words) // the order hangs on what became a frame together
	return strings.Join(words, " ")
}

// Each line has one row in the end, whatever is put how often.
func TestPut(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		puts [][]row.Row
		want string
	}{
		{"each once", [][]row.Row{{a(t, "", 2, 1, "ok"), a(t, "", 9000, 1, "none")}, {a(t, "", 1, 2, "broken")}}, "1@2=broken 2@1=ok 9000@1=none"},
		{"the same again", [][]row.Row{{a(t, "", 1, 1, "ok")}, {a(t, "", 1, 1, "ok")}, {a(t, "", 1, 1, "ok"), a(t, "", 2, 1, "ok")}}, "1@1=ok 2@1=ok"},
		{"a verdict stays", [][]row.Row{{a(t, "", 1, 1, "ok")}, {a(t, "", 1, 2, "broken")}, {a(t, "", 1, 3, "unknown")}}, "1@1=ok"},
		{"twice at once", [][]row.Row{{a(t, "", 1, 1, "ok"), a(t, "", 1, 2, "broken")}}, "1@1=ok"},
		{"no verdict gives way", [][]row.Row{{a(t, "", 1, 1, "unknown"), a(t, "", 2, 1, "ok")}, {a(t, "", 1, 2, "ok")}, {a(t, "", 1, 3, "broken")}}, "1@2=ok 2@1=ok"},
		{"to one without a verdict, too", [][]row.Row{{a(t, "", 1, 1, "unknown")}, {a(t, "", 1, 2, "unknown")}, {a(t, "", 1, 2, "unknown")}}, "1@2=unknown"},
		{"to one that an earlier clock has", [][]row.Row{{a(t, "", 1, 9, "unknown")}, {a(t, "", 1, 2, "ok")}}, "1@2=ok"},
		{"at once", [][]row.Row{{a(t, "", 1, 1, "unknown"), a(t, "", 1, 2, "ok"), a(t, "", 1, 3, "broken")}}, "1@2=ok"},
		{"each vantage point has its own", [][]row.Row{{a(t, "", 1, 1, "ok"), a(t, "a", 1, 1, "ok"), a(t, "b", 1, 1, "ok")}, {a(t, "a", 1, 2, "broken")}}, "1@1=ok a1@1=ok b1@1=ok"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, keep := range []bool{false, true} {
				dir := t.TempDir()
				s := create(t, dir)
				for _, rows := range tt.puts {
					if !keep {
						if err := s.Put(rows); err != nil {
							t.Fatal(err)
						}
						continue
					}
					for _, r := range rows {
						if err := s.Keep(r); err != nil {
							t.Fatal(err)
						}
					}
				}
				if err := s.Sync(); err != nil {
					t.Fatal(err)
				}
				if got := rows(t, s); got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				for _, open := range []func(string) (*store.Store, error){store.Open, store.Read} {
					again, err := open(dir)
					if err != nil {
						t.Fatal(err)
					}
					if got := rows(t, again); got != tt.want {
						t.Errorf("opened again: got %s, want %s", got, tt.want)
					}
					again.Close()
				}
			}
		})
	}
}

func TestTallyAndStanding(t *testing.T) {
	t.Parallel()
	s := create(t, t.TempDir())
	if err := s.Put([]row.Row{a(t, "", 1, 1, "unknown"), a(t, "", 2, 1, "unknown"), a(t, "", 4096, 1, "ok"), a(t, "x", 3, 1, "ok")}); err != nil {
		t.Fatal(err)
	}
	if err := s.Put([]row.Row{a(t, "", 1, 2, "ok")}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Tally("")
	if err != nil {
		t.Fatal(err)
	}
	want := store.Tally{Rows: 3, NoVerdict: 1, States: map[string]int{"ok": 2, "unknown": 1}, Findings: map[string]int{}, Open: map[string]int{"unknown": 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tally (-want +got)\n%s", diff)
	}
	for line, want := range map[int]store.Standing{1: store.Done, 2: store.NoVerdict, 3: store.Missing, 4096: store.Done, 4097: store.Missing, 8192: store.Missing} {
		if got, err := s.Standing("", line); got != want || err != nil {
			t.Errorf("line %d: %d, %v; want %d", line, got, err, want)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "survey")
	for _, open := range []func(string) (*store.Store, error){store.Open, store.Read} {
		if _, err := open(dir); !errors.Is(err, store.ErrNone) {
			t.Errorf("no folder: %v", err)
		}
	}
	refused := errors.New("no list")
	if _, err := store.Create(dir, func() (store.About, error) { return store.About{}, refused }); !errors.Is(err, refused) {
		t.Errorf("prepare fails: %v", err)
	}
	if _, err := store.Open(dir); !errors.Is(err, store.ErrNone) {
		t.Errorf("after that: %v", err)
	}
	s := create(t, dir)
	about := func() (store.About, error) { return store.About{}, nil }
	for name, open := range map[string]func() (*store.Store, error){
		"Create": func() (*store.Store, error) { return store.Create(dir, about) },
		"Open":   func() (*store.Store, error) { return store.Open(dir) },
		"Read":   func() (*store.Store, error) { return store.Read(dir) },
	} {
		if _, err := open(); !errors.Is(err, store.ErrInUse) {
			t.Errorf("%s while it is open: %v", name, err)
		}
	}
	if _, err := store.Read(dir); err == nil || !strings.Contains(err.Error(), "end it with Ctrl-C") {
		t.Errorf("Read while it is open: %v", err)
	}
	s.Close()
	if _, err := store.Create(dir, about); !errors.Is(err, store.ErrExists) {
		t.Errorf("a survey is there: %v", err)
	}
	one, err := store.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	two, err := store.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	if err := two.Put(nil); err == nil {
		t.Error("what is open for reading is written to")
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
		t.Errorf("%v, %v", names, err)
	}
}
