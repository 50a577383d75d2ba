package survey_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// sourceFunc is a Source of what a function returns for the first call, the second, and so on.
type sourceFunc func(ctx context.Context, n int) (survey.Entry, error)

func (f sourceFunc) run(ctx context.Context, s *survey.Survey, sink survey.Sink) error {
	return s.Run(ctx, &counted{next: f}, sink)
}

type counted struct {
	next  sourceFunc
	calls int
}

func (c *counted) Next(ctx context.Context) (survey.Entry, error) {
	c.calls++
	return c.next(ctx, c.calls)
}

// TestOrderOfRows: as they are ready, or as the source has them.
func TestOrderOfRows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		inOrder bool
		want    []int
	}{
		{false, []int{2, 3, 1}},
		{true, []int{1, 2, 3}},
	} {
		synctest.Test(t, func(t *testing.T) {
			stage := newStage(t, func(s *smtptest.Server) {
				s.Delays = map[smtptest.Stage]time.Duration{smtptest.AtGreeting: 2 * time.Minute}
			})
			s := stage.survey()
			s.InOrder = tt.inOrder
			var lines []int
			sink := sinkFunc(func(row survey.Row) error {
				lines = append(lines, row.Line)
				return nil
			})
			source := sourceFunc(func(_ context.Context, n int) (survey.Entry, error) {
				switch n {
				case 1:
					return survey.Entry{Line: 1, Domain: "a.example"}, nil
				case 2:
					time.Sleep(time.Second)
					return survey.Entry{Line: 2, Domain: "absent.example"}, nil
				case 3:
					time.Sleep(time.Second)
					return survey.Entry{Line: 3, Err: errors.New("it has no domain")}, nil
				}
				return survey.Entry{}, io.EOF
			})
			if err := source.run(t.Context(), s, sink); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines); diff != "" {
				t.Errorf("in order %t (-want +got):\n%s", tt.inOrder, diff)
			}
		})
	}
}

// TestRowsHeldInOrderAreBounded: one domain that takes an hour does not make the others pile up.
func TestRowsHeldInOrderAreBounded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ parallel, held int }{{2, 32}, {100, 1024}, {2000, 2000}} {
		synctest.Test(t, func(t *testing.T) {
			stage := newStage(t, nil)
			s := stage.survey()
			s.Parallel, s.InOrder, s.Share = tt.parallel, true, -1
			s.Limits.Address = survey.Limit{PerSecond: 1. / 3600}
			s.Verify(t.Context(), "a.example") // so that the next one waits for an hour
			var begun atomic.Int64
			source := sourceFunc(func(_ context.Context, n int) (survey.Entry, error) {
				begun.Store(int64(n))
				switch n {
				case 1:
					return survey.Entry{Line: n, Domain: "b.example"}, nil
				case 5001:
					return survey.Entry{}, io.EOF
				}
				return survey.Entry{Line: n, Err: errors.New("it has no domain")}, nil
			})
			began := time.Now()
			var looked atomic.Bool
			time.AfterFunc(time.Minute, func() {
				looked.Store(true)
				if got := begun.Load(); got != int64(tt.held) {
					t.Errorf("%d at a time: %d rows are held, want %d", tt.parallel, got, tt.held)
				}
			})
			var got rows
			if err := source.run(t.Context(), s, &got); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); !looked.Load() || took != time.Hour {
				t.Errorf("took %v", took)
			}
			if len(got) != 5000 || !slices.IsSortedFunc(got, func(a, b survey.Row) int { return a.Line - b.Line }) {
				t.Errorf("%d at a time: %d rows, or out of order", tt.parallel, len(got))
			}
		})
	}
}

// TestFinish: what a caller makes of a row is made for several at a time, and reaches the sink.
func TestFinish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, nil).survey()
		s.Parallel = 10
		s.Finish = func(_ context.Context, row *survey.Row) {
			time.Sleep(time.Minute)
			row.Extra = fmt.Sprintf("%s, %v", row.Domain, row.Result.Outcome)
		}
		began := time.Now()
		sink := sinkFunc(func(row survey.Row) error {
			if want := row.Domain + ", success"; row.Extra != want {
				t.Errorf("%v reaches the sink, want %s", row.Extra, want)
			}
			return nil
		})
		if err := s.Run(t.Context(), listOf(strings.Repeat("a.example b.example ", 20)), sink); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 4*time.Minute {
			t.Errorf("40 rows, 10 at a time, took %v, want a minute for each ten", took)
		}
	})
}

// TestSlowSourceTakesNoPlace: a list that comes slowly holds up nobody who has waited.
func TestSlowSourceTakesNoPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := newStage(t, nil)
		s := stage.survey()
		s.Parallel, s.Share = 1, -1
		s.Limits.Address = survey.Limit{PerSecond: 0.1}
		s.Verify(t.Context(), "a.example") // so that the next one waits
		began := time.Now()
		source := sourceFunc(func(ctx context.Context, n int) (survey.Entry, error) {
			if n == 1 {
				return survey.Entry{Line: 1, Domain: "a.example"}, nil
			}
			time.Sleep(time.Hour)
			return survey.Entry{}, io.EOF
		})
		sink := sinkFunc(func(survey.Row) error {
			if took := time.Since(began); took != 10*time.Second {
				t.Errorf("the row came after %v", took)
			}
			return nil
		})
		if err := source.run(t.Context(), s, sink); err != nil {
			t.Fatal(err)
		}
	})
}

// TestEndWhileOneWaits: the place of a domain that waits is there for it to end, whatever the
// source does at that moment.
func TestEndWhileOneWaits(t *testing.T) {
	t.Parallel()
	for range 20 { // the order of what happens at one instant is by chance
		synctest.Test(t, func(t *testing.T) {
			stage := newStage(t, nil)
			s := stage.survey()
			s.Parallel, s.Share = 1, -1
			s.Limits.Address = survey.Limit{PerSecond: 1. / 3600}
			s.Verify(t.Context(), "a.example")
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Minute, cancel)
			source := sourceFunc(func(ctx context.Context, n int) (survey.Entry, error) {
				if n > 1 {
					<-ctx.Done()
				}
				return survey.Entry{Line: n, Domain: "b.example"}, nil
			})
			if err := source.run(ctx, s, new(rows)); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	}
}
