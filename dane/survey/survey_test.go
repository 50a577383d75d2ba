package survey_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

func TestWhatAServerShowedIsShared(t *testing.T) {
	t.Parallel()
	refused := func(string) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	fault := func(stage smtptest.Stage, fault smtptest.Fault) func(*smtptest.Server) {
		return func(s *smtptest.Server) { s.Faults = map[smtptest.Stage]smtptest.Fault{stage: fault} }
	}
	says := func(stage smtptest.Stage, reply string) func(*smtptest.Server) {
		return func(s *smtptest.Server) { s.Replies = map[smtptest.Stage]string{stage: reply} }
	}
	tests := []struct {
		name    string
		server  func(*smtptest.Server)
		records []string
		change  func(*survey.Survey, *stage)
		hellos  []string // names in EHLO for the two
		// connections for two domains at the same server, one after the other
		connections int
		outcome     dane.Outcome
	}{
		{name: "a server that matches is connected to once", connections: 1, outcome: dane.OutcomeSuccess},
		{
			name: "and so is one that does not: nobody was verified in the handshake", connections: 1,
			records: []string{"3 1 1 " + strings.Repeat("00", 32)},
		},
		{name: "a refusal of EHLO is the server's word", server: fault(smtptest.AtHello, smtptest.Permanent), connections: 1},
		{name: "so is that it has no STARTTLS", server: func(s *smtptest.Server) { s.NoStartTLS = true }, connections: 1},
		{name: "so is a refused connection", change: func(_ *survey.Survey, s *stage) { s.dial = refused }, connections: 1},
		{name: "421 is for the moment; Verify asks twice", server: says(smtptest.AtGreeting, "421 4.7.0 Too many"), connections: 4},
		{name: "421 to EHLO over TLS, too", server: says(smtptest.AtHelloTLS, "421 4.7.0 Too many"), connections: 4},
		{name: "a connection that breaks says nothing", server: fault(smtptest.AtGreeting, smtptest.Close), connections: 2},
		{name: "a server that hangs says nothing", server: fault(smtptest.AtGreeting, smtptest.Hang), connections: 2},
		{
			name: "another name in EHLO is another client", connections: 2, outcome: dane.OutcomeSuccess,
			hellos: []string{"one.example", "two.example"},
		},
		{
			name: "nothing is shared on request", connections: 2, outcome: dane.OutcomeSuccess,
			change: func(s *survey.Survey, _ *stage) { s.Share = -1 },
		},
		{
			name: "nor where there is no room", connections: 2, outcome: dane.OutcomeSuccess,
			change: func(s *survey.Survey, _ *stage) { s.Memory = 1 },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stage := newStage(t, tt.server, tt.records...)
				s := stage.survey()
				if tt.change != nil {
					tt.change(s, stage)
				}
				for i, domain := range []string{"a.example", "b.example"} {
					if tt.hellos != nil {
						stage.verifier.Hello = tt.hellos[i]
					}
					row := s.Verify(t.Context(), domain)
					if row.Err != nil || row.Result.Outcome != tt.outcome {
						t.Errorf("%s: %v, %v", domain, row.Result.Outcome, row.Result.Err)
					}
					if want := i == 1 && tt.connections == 1; (row.Shared > 0) != want || row.Seen.IsZero() == want {
						t.Errorf("%s: %d connections were not made, seen %v", domain, row.Shared, row.Seen)
					}
				}
				if got := stage.connections(); got != tt.connections {
					t.Errorf("%d connections, want %d", got, tt.connections)
				}
			})
		})
	}
}

func TestWhatWasSeenGrowsOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := newStage(t, nil)
		s := stage.survey()
		s.Share = 10 * time.Minute
		began := time.Now()
		s.Verify(t.Context(), "a.example")
		time.Sleep(9 * time.Minute)
		if row := s.Verify(t.Context(), "b.example"); !row.Seen.Equal(began) || row.Shared != 1 {
			t.Errorf("seen %v, want %v", row.Seen, began)
		}
		time.Sleep(time.Minute)
		if row := s.Verify(t.Context(), "b.example"); row.Shared != 0 || stage.connections() != 2 {
			t.Errorf("%d connections after ten minutes, want another one", stage.connections())
		}
	})
}

// TestManyAtOnce: those who want to know the same wait for the first.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := newStage(t, func(s *smtptest.Server) {
			s.Delays = map[smtptest.Stage]time.Duration{smtptest.AtGreeting: time.Minute}
		})
		s := stage.survey()
		var got rows
		domains := strings.Repeat("a.example b.example ", 50)
		if err := s.Run(t.Context(), listOf(domains), &got); err != nil {
			t.Fatal(err)
		}
		for _, row := range got {
			if row.Result.Outcome != dane.OutcomeSuccess || row.Input != strings.Fields(domains)[row.Line-1] {
				t.Errorf("line %d: %s, %v", row.Line, row.Input, row.Result.Err)
			}
		}
		if len(got) != 100 || stage.connections() != 1 {
			t.Errorf("%d rows, %d connections", len(got), stage.connections())
		}
	})
}

// TestBusyServersAreLeftAlone: 421 at first, and then no more.
func TestBusyServersAreLeftAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := newStage(t, func(s *smtptest.Server) {
			s.Replies = map[smtptest.Stage]string{smtptest.AtGreeting: "421 4.7.0 Too many"}
		})
		s := stage.survey()
		s.Limits.Pause = time.Minute
		began := time.Now()
		var times []time.Duration
		stage.dial = func(string) error {
			times = append(times, time.Since(began))
			return nil
		}
		s.Timeout = 5 * time.Second // for the work, not for the wait
		row := s.Verify(t.Context(), "a.example")
		if failure := row.Result.Failure(); failure.Code != "4.7.0" {
			t.Errorf("failure %+v", failure)
		}
		s.Verify(t.Context(), "b.example")
		if diff := cmp.Diff([]time.Duration{0, time.Minute, 3 * time.Minute, 7 * time.Minute}, times); diff != "" {
			t.Errorf("connections at (-want +got):\n%s", diff)
		}
	})
}

// TestServersThatStayBusy do not hold a list up for ever: their domains get rows that are no
// verdicts, and one of them tries again after each pause.
func TestServersThatStayBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := newStage(t, func(s *smtptest.Server) {
			s.Replies = map[smtptest.Stage]string{smtptest.AtGreeting: "421 4.7.0 Too many"}
		})
		s := stage.survey()
		s.Limits.Pause = time.Minute
		began, busy := time.Now(), 0
		sink := sinkFunc(func(row survey.Row) error {
			if row.Busy {
				busy++
				if row.Verdict() || row.Result.Outcome != dane.OutcomeFailure || row.Result.Local || !strings.Contains(row.Result.Err.Error(), survey.ErrBusy.Error()) {
					t.Errorf("%s: verdict %t, local %t, %v", row.Domain, row.Verdict(), row.Result.Local, row.Result.Err)
				}
			}
			return nil
		})
		if err := s.Run(t.Context(), listOf(strings.Repeat("a.example b.example ", 500)), sink); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); busy < 900 || took > 2*time.Hour {
			t.Errorf("%d of 1000 rows after %v", busy, took)
		}
		time.Sleep(2 * time.Hour)
		connections := stage.connections()
		if row := s.Verify(t.Context(), "a.example"); stage.connections() != connections+1 || !row.Busy {
			t.Errorf("%d connections after the pause, want one", stage.connections()-connections)
		}
	})
}

// TestWaitingTakesNoPlace: one busy server does not hold up the others, although it has more
// domains than there are places.
func TestWaitingTakesNoPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := newStage(t, nil)
		s := stage.survey()
		s.Limits.Address = survey.Limit{PerSecond: 0.001}
		s.Share, s.Parallel = -1, 1
		began := time.Now()
		var ended []string
		sink := sinkFunc(func(row survey.Row) error {
			ended = append(ended, row.Domain)
			if row.Domain == "absent.example" && time.Since(began) > time.Minute {
				t.Errorf("%s has waited for others: %v", row.Domain, time.Since(began))
			}
			return nil
		})
		if err := s.Run(t.Context(), listOf("a.example b.example a.example absent.example"), sink); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"a.example", "absent.example"}, ended[:2]); diff != "" || len(ended) != 4 {
			t.Errorf("%v", ended)
		}
	})
}

// TestHeldDomainsAreBounded: a list of which all wait for one server is not read on.
func TestHeldDomainsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := newStage(t, nil)
		s := stage.survey()
		s.Limits.Address = survey.Limit{Connections: 1}
		s.Share, s.Parallel = -1, 2
		stage.verifier.AttemptTimeout = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stage.dial = func(string) error {
			<-ctx.Done()
			return ctx.Err()
		}
		source := listOf(strings.Repeat("a.example ", 1000))
		time.AfterFunc(time.Minute, cancel)
		if err := s.Run(ctx, source, new(rows)); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if source.next != 2*16 {
			t.Errorf("%d domains are held, want 16 for each of 2 places", source.next)
		}
	})
}

// TestFailuresGrowOldSooner: somebody may have mended it.
func TestFailuresGrowOldSooner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := newStage(t, func(s *smtptest.Server) { s.NoStartTLS = true })
		s := stage.survey()
		s.Verify(t.Context(), "a.example")
		time.Sleep(9 * time.Minute)
		s.Verify(t.Context(), "b.example")
		time.Sleep(time.Minute)
		before := stage.connections()
		s.Verify(t.Context(), "b.example")
		if before != 1 || stage.connections() != 2 {
			t.Errorf("%d connections in ten minutes, and %d after", before, stage.connections())
		}
	})
}

type sinkFunc func(survey.Row) error

func (f sinkFunc) Put(_ context.Context, row survey.Row) error { return f(row) }

// TestLacksOfThisMachine are no verdicts: all wait, and try again.
func TestLacksOfThisMachine(t *testing.T) {
	t.Parallel()
	errno := func(e syscall.Errno) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", e)}
	}
	for _, tt := range []struct {
		name  string
		err   error
		first bool          // there was a connection before
		lasts time.Duration // and then the lack is gone
		took  time.Duration
		local bool
	}{
		{"no descriptor for five seconds", errno(syscall.EMFILE), true, 5 * time.Second, 7 * time.Second, false},
		{"no descriptor at all, until we give up", errno(syscall.EMFILE), true, time.Hour, 4*time.Minute + 3*time.Second, true},
		{"no descriptor, as it has always been", errno(syscall.EMFILE), false, time.Hour, 0, true},
		{"no route, as it has always been", errno(syscall.ENETUNREACH), false, time.Hour, 0, true},
		{"no route, where there was one before", errno(syscall.ENETUNREACH), true, 20 * time.Second, 31 * time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stage := newStage(t, nil)
				s := stage.survey()
				s.Share = -1
				if tt.first {
					s.Verify(t.Context(), "b.example")
				}
				began := time.Now()
				stage.dial = func(string) error {
					if time.Since(began) < tt.lasts {
						return tt.err
					}
					return nil
				}
				row := s.Verify(t.Context(), "a.example")
				if row.Result.Local != tt.local || row.Verdict() == tt.local {
					t.Errorf("outcome %v, local %t: %v", row.Result.Outcome, row.Result.Local, row.Result.Err)
				}
				if took := time.Since(began); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

func TestRunEnds(t *testing.T) {
	t.Parallel()
	full := errors.New("no space")
	broken := errors.New("read error")
	for _, tt := range []struct {
		name string
		run  func(ctx context.Context, s *survey.Survey, cancel func(), got *rows) error
		want error
		rows int
	}{
		{"with the list", func(ctx context.Context, s *survey.Survey, _ func(), got *rows) error {
			return s.Run(ctx, listOf("a.example b.example"), got)
		}, nil, 2},
		{"with a sink that is full", func(ctx context.Context, s *survey.Survey, _ func(), _ *rows) error {
			return s.Run(ctx, listOf("a.example b.example"), sinkFunc(func(survey.Row) error { return full }))
		}, full, 0},
		{"with a list that cannot be read, after what was read", func(ctx context.Context, s *survey.Survey, _ func(), got *rows) error {
			return s.Run(ctx, &failing{listOf("a.example"), broken}, got)
		}, broken, 1},
		{"with its context, without rows that were cut short", func(ctx context.Context, s *survey.Survey, cancel func(), got *rows) error {
			time.AfterFunc(time.Minute, cancel)
			return s.Run(ctx, listOf("absent.example a.example"), got)
		}, context.Canceled, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stage := newStage(t, func(s *smtptest.Server) {
					s.Delays = map[smtptest.Stage]time.Duration{smtptest.AtGreeting: 2 * time.Minute}
				})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				var got rows
				err := tt.run(ctx, stage.survey(), cancel, &got)
				if !errors.Is(err, tt.want) || len(got) != tt.rows {
					t.Errorf("%d rows, error %v", len(got), err)
				}
			})
		})
	}
}

// failing is a Source that breaks.
type failing struct {
	*list
	err error
}

func (f *failing) Next(ctx context.Context) (survey.Entry, error) {
	e, err := f.list.Next(ctx)
	if err != nil {
		err = f.err
	}
	return e, err
}

// TestBadLines come back as they are.
func TestBadLines(t *testing.T) {
	t.Parallel()
	bad := errors.New("no domain")
	entries := []survey.Entry{{Line: 7, Input: "###", Err: bad}}
	var got rows
	var s survey.Survey
	if err := s.Run(t.Context(), &fixed{entries}, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Line != 7 || got[0].Input != "###" || got[0].Entry.Err != bad || got[0].Verdict() {
		t.Errorf("%+v", got)
	}
}

type fixed struct{ entries []survey.Entry }

func (f *fixed) Next(context.Context) (survey.Entry, error) {
	if len(f.entries) == 0 {
		return survey.Entry{}, io.EOF
	}
	e := f.entries[0]
	f.entries = slices.Delete(f.entries, 0, 1)
	return e, nil
}
