package work_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/work"
)

// newStore has a list in a folder of its own.
func newStore(t *testing.T, list string) (*store.Store, *work.List) {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Create(dir, func() (about store.About, err error) {
		about.List, err = work.CopyList(t.Context(), dir, "a list", strings.NewReader(list), "")
		return about, err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	l, err := work.OpenList(dir, s.About().List, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return s, l
}

func unlimited(s *survey.Survey) *survey.Survey {
	no := survey.Limit{Connections: -1, PerSecond: -1}
	s.Limits = survey.Limits{Address: no, Network: no, Provider: no, DNS: no}
	return s
}

// outcomes are the rows by line: the state, which is that of the verdict.
func outcomes(t *testing.T, s *store.Store) map[int]string {
	t.Helper()
	all := make(map[int]string)
	for r, err := range s.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := all[r.Line]; twice {
			t.Errorf("line %d has two rows", r.Line)
		}
		all[r.Line] = r.State
	}
	return all
}

// TestClockThatJumps: the clock goes back an hour and forward a day while the survey runs. Each line has
// one row, and the verdicts are those without it: signatures and certificates are valid all the while.
func TestClockThatJumps(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	var list strings.Builder
	for range 20 {
		for _, d := range internet.Domains {
			fmt.Fprintln(&list, d.Name)
		}
	}
	var calls atomic.Int64
	jumps := []time.Duration{0, -time.Hour, 24 * time.Hour, 5 * time.Minute, -10 * time.Minute}
	now := func() time.Time { return time.Now().Add(jumps[calls.Add(1)/7%int64(len(jumps))]) }
	run := func(clock func() time.Time) map[int]string {
		checker := internet.Checker()
		resolver := checker.Verifier.Resolver.(*dnssec.Resolver)
		checker.Verifier.Resolver = &dnssec.Resolver{Exchanger: resolver.Exchanger, Anchors: resolver.Anchors, Time: clock}
		s, l := newStore(t, list.String())
		w := &work.Work{Store: s, Survey: unlimited(&survey.Survey{Checker: checker}), List: l, Row: row.Options{Now: time.Unix(1, 0)}, Sync: time.Millisecond}
		if err := w.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		return outcomes(t, s)
	}
	want, got := run(nil), run(now)
	if !maps.Equal(want, got) || len(got) != 20*len(internet.Domains) {
		t.Errorf("with jumps %d rows %v, and without %d %v", len(got), got, len(want), want)
	}
}

// failing is a list whose reading fails after some lines.
type failing struct {
	survey.Source
	left int
}

var errDisk = errors.New("the disk is gone")

func (f *failing) Next(ctx context.Context) (survey.Entry, error) {
	if f.left--; f.left < 0 {
		return survey.Entry{}, errDisk
	}
	return f.Source.Next(ctx)
}

// TestGoOn: what an end has left is done by the next Work, and what is done is not asked again.
func TestGoOn(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	lines := strings.Repeat("nodane.example\n", 30) + "x,y\n"
	s, _ := newStore(t, lines)
	for n, tt := range []struct {
		breaks int // after so many lines; 0 for never
		err    error
		want   int // rows in all
	}{{10, errDisk, 10}, {25, errDisk, 25}, {0, nil, 31}, {0, nil, 31}} {
		list, err := survey.NewList(strings.NewReader(lines), "")
		if err != nil {
			t.Fatal(err)
		}
		w := &work.Work{Store: s, Survey: unlimited(&survey.Survey{Checker: internet.Checker()}), List: list, Again: true}
		if tt.breaks > 0 {
			w.List = &failing{list, tt.breaks}
		}
		w.Progress = work.NewProgress(31, store.Tally{}, false)
		before := len(outcomes(t, s))
		if err := w.Run(t.Context()); !errors.Is(err, tt.err) {
			t.Errorf("time %d: %v, want %v", n, err, tt.err)
		}
		if got := len(outcomes(t, s)); got != tt.want {
			t.Errorf("time %d: %d rows, want %d", n, got, tt.want)
		}
		if asked, _ := w.Progress.Done(); asked != tt.want-before {
			t.Errorf("time %d: %d were asked about, want %d", n, asked, tt.want-before)
		}
	}
}

// someDeaf is the DNS, of which nobody answers about domains with a name that begins with "deaf".
type someDeaf struct{}

func (someDeaf) Lookup(_ context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	if strings.HasPrefix(name, "deaf") {
		return nil, &upstream.CapabilityError{}
	}
	return &dnssec.Answer{Name: name, Type: qtype, RCode: dns.RcodeNameError, Status: dnssec.Secure}, nil
}

// TestDeaf: where the DNS answers about no domain any more, the list is not gone through to its end, and what was
// not answered is asked again. A few domains are no reason.
func TestDeaf(t *testing.T) {
	t.Parallel()
	good := func(n int) string { return strings.Repeat("good.example\n", n) }
	deaf := func(n int) string { return strings.Repeat("deaf.example\n", n) }
	for _, tt := range []struct {
		name, list string
		err        error
		rows, open int // open ones are without a verdict
	}{
		{"never", good(120), nil, 120, 0},
		{"from the beginning", deaf(2000), work.ErrDeaf, 0, 0},
		{"from the beginning, with lines that have no domain", strings.Repeat("deaf.example\nx,y\n..\n", 60), work.ErrDeaf, 98, 0},
		{"49 domains", deaf(49) + good(3), nil, 52, 49},
		{"a short list", deaf(49), nil, 49, 49},
		{"now and then", strings.Repeat(deaf(20)+good(1), 5), nil, 105, 100},
		{"from the middle, after pauses", good(60) + deaf(60), work.ErrDeaf, 60, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, l := newStore(t, tt.list)
			synctest.Test(t, func(t *testing.T) { // pauses for a lack take minutes
				checker := &dane.Checker{Verifier: &dane.Verifier{Resolver: someDeaf{}}}
				w := &work.Work{Store: s, Survey: unlimited(&survey.Survey{Checker: checker, Planned: true, Parallel: 1}), List: l}
				w.Progress = work.NewProgress(0, store.Tally{}, false)
				err := w.Run(t.Context())
				tally, failed := s.Tally("")
				if !errors.Is(err, tt.err) || failed != nil || tally.Rows != tt.rows || tally.NoVerdict != tt.open {
					t.Errorf("%v, %+v, %v; want %v, %d rows, %d without a verdict", err, tally, failed, tt.err, tt.rows, tt.open)
				}
				if done, _ := w.Progress.Done(); done != tt.rows {
					t.Errorf("%d are done, want %d", done, tt.rows)
				}
			})
		})
	}
}

// TestListIsWhole: a list that cannot be read to its end leaves no copy.
func TestListIsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broken := io.MultiReader(strings.NewReader("a.example\n"), &failingReader{})
	if _, err := work.CopyList(t.Context(), dir, "x", broken, ""); !errors.Is(err, errDisk) {
		t.Errorf("error %v", err)
	}
	if _, err := work.OpenList(dir, store.List{}, ""); err == nil {
		t.Error("there is a list")
	}
	about, err := work.CopyList(t.Context(), dir, "x", strings.NewReader("# c\n\na.example\nb,c,d\n"), "")
	want := store.List{Name: "x", Size: 21, SHA256: "", Entries: 2, Bad: 1,
		FirstBad: "line 4: \"b,c,d\": it has columns, and it is not said which one has the domain; -column NAME says it (b, c, d)"}
	digest := about.SHA256
	about.SHA256 = ""
	if err != nil || about != want || len(digest) != 64 {
		t.Errorf("%+v, %v; want %+v", about, err, want)
	}
}

// TestLead: a list in which nothing can be found is refused, and no octet is lost of any other.
func TestLead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, column, list, want string }{
		{"a domain", "", "a.example\nb.example\n", ""},
		{"after much garbage", "", strings.Repeat("x,y\n", 10000) + "a.example\n" + strings.Repeat("b.example\n", 10000), ""},
		{"a column", "mail", "id,mail\n1,me@a.example\n", ""},
		{"nothing", "", "", "the list is empty"},
		{"nothing but comments", "", "# none\n\n", "the list is empty"},
		{"nothing but names of columns", "mail", "id,mail\n", "the list is empty"},
		{"CSV", "", "# people\nid,name,email\n1,Me,me@a.example\n2,You,you@a.example\n",
			`no line has a domain: line 2: "id,name,email": it has columns, and it is not said which one has the domain; -column NAME says it (id, name, email)`},
		{"with semicolons", "", "id;name;\"e;mail\"\n", `not said which one has the domain; -column NAME says it (id, name, e;mail)`},
		{"with tabs", "", "id\tname\n1\tx\n", `-column NAME says it (id, name)`},
		{"words", "", "some words\nand more\n", `no line has a domain: line 1: "some words": there is no domain in it`},
		{"no such column", "x", "id,mail\n1,me@a.example\n", `no column is named "x"`},
		{"garbage without end", "", strings.Repeat("x,y\n", 1<<20), "none of the first "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := work.Lead(t.Context(), strings.NewReader(tt.list), tt.column)
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want %s", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if all, err := io.ReadAll(r); err != nil || string(all) != tt.list {
				t.Errorf("%d octets, want %d; %v", len(all), len(tt.list), err)
			}
		})
	}
}

type failingReader struct{}

func (*failingReader) Read([]byte) (int, error) { return 0, errDisk }

func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		before := store.Tally{Rows: 40, NoVerdict: 10, States: map[string]int{"ok": 30, "unknown": 10}, Open: map[string]int{"unknown": 10}}
		first, again, unknown := work.NewProgress(100, before, false), work.NewProgress(100, before, true), work.NewProgress(0, store.Tally{}, false)
		time.Sleep(10 * time.Second)
		for range 20 {
			for _, p := range []*work.Progress{first, again, unknown} {
				p.Count("broken", "mx-unsigned")
			}
		}
		first.Count("unknown", "not-a-domain") // is done, and says nothing about a domain
		for p, want := range map[*work.Progress]string{
			first:   "61 of 100 done (61 %), 2.1 a second, ends in about 19s: 30 ok, 0 warning, 20 broken, 0 none, 10 unknown",
			again:   "50 of 100 done (50 %), 2.0 a second, ends in about 25s: 30 ok, 0 warning, 20 broken, 0 none, 0 unknown",
			unknown: "20 done, 2.0 a second: 0 ok, 0 warning, 20 broken, 0 none, 0 unknown",
		} {
			if got := p.String(); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
		if got, want := work.NewProgress(100, before, false).String(), "40 of 100 done (40 %): 30 ok, 0 warning, 0 broken, 0 none, 10 unknown"; got != want {
			t.Errorf("at the start %s, want %s", got, want)
		}
		bad := store.Tally{Rows: 3, States: map[string]int{"ok": 1, "unknown": 2}, Findings: map[string]int{"not-a-domain": 1}}
		if got, want := work.NewProgress(3, bad, false).Short(), "100 % 3/3: 1 ok 0 warning 0 broken 0 none 1 unknown"; got != want {
			t.Errorf("with a line without a domain %s, want %s", got, want)
		}
		states := slices.Sorted(maps.Keys(before.States))
		if len(states) != 2 || before.States["broken"] != 0 {
			t.Errorf("what it began with was changed: %v", before.States)
		}
	})
}
