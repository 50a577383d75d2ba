package survey_test

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// TestOneConnectsForOthers: several processes have the connections made by one of them, and judge
// what it has seen each for its own domain.
func TestOneConnectsForOthers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		records     []string
		server      func(*smtptest.Server)
		outcome     dane.Outcome
		connections int // for four questions
	}{
		{name: "a server that matches", connections: 1, outcome: dane.OutcomeSuccess},
		{name: "a server that does not", records: []string{"3 1 1 " + strings.Repeat("00", 32)}, connections: 1, outcome: dane.OutcomeFailure},
		{name: "a server without STARTTLS", server: func(s *smtptest.Server) { s.NoStartTLS = true }, connections: 1, outcome: dane.OutcomeFailure},
		{
			name: "a connection that breaks is for nobody else", connections: 4, outcome: dane.OutcomeFailure,
			server: func(s *smtptest.Server) {
				s.Faults = map[smtptest.Stage]smtptest.Fault{smtptest.AtGreeting: smtptest.Close}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stage := newStage(t, tt.server, tt.records...)
				alone := stage.survey().Verify(t.Context(), "a.example")
				apart := stage.survey()
				apart.Share, apart.Look = -1, stage.survey().Sight
				if row := apart.Verify(t.Context(), "a.example"); row.Result.Failure() != alone.Result.Failure() {
					t.Errorf("where nothing is shared: %+v, want %+v", row.Result.Failure(), alone.Result.Failure())
				}
				before := stage.connections()
				owner := stage.survey()
				for i := range 2 {
					s := stage.survey()
					s.Look = owner.Sight
					for j, domain := range []string{"a.example", "b.example"} {
						row := s.Verify(t.Context(), domain)
						if row.Err != nil || row.Result.Outcome != tt.outcome || strings.ReplaceAll(row.Result.Failure().Text, domain, "a.example") != alone.Result.Failure().Text {
							t.Errorf("%s: %v, %s, want %s", domain, row.Result.Outcome, row.Result.Failure().Text, alone.Result.Failure().Text)
						}
						if want := i+j > 0 && tt.connections == 1; (row.Shared > 0) != want || row.Seen.IsZero() == want {
							t.Errorf("process %d, %s: shared %d, seen %v", i, domain, row.Shared, row.Seen)
						}
					}
				}
				if got := stage.connections() - before; got != tt.connections {
					t.Errorf("%d connections, want %d", got, tt.connections)
				}
			})
		})
	}
}

// TestWaitingForSomebodyElse takes no time of the domain, and no place.
func TestWaitingForSomebodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := newStage(t, nil)
		owner, s := stage.survey(), stage.survey()
		s.Timeout, s.Parallel = time.Minute, 1
		s.Look = func(ctx context.Context, p *dane.Probe) (survey.Sighting, error) {
			time.Sleep(time.Hour)
			return owner.Sight(ctx, p)
		}
		var got rows
		if err := s.Run(t.Context(), listOf("a.example absent.example"), &got); err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || got[0].Domain != "absent.example" || got[1].Result.Outcome != dane.OutcomeSuccess {
			t.Errorf("rows %+v", got)
		}
	})
}

// TestSomebodyElseHasNoConnection: then the row is no verdict, if that is for a server that is
// busy, and the error is a failure to connect otherwise.
func TestSomebodyElseHasNoConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stage := newStage(t, nil)
		for _, cause := range []error{survey.ErrBusy, errors.New("gone")} {
			s := stage.survey()
			s.Look = func(context.Context, *dane.Probe) (survey.Sighting, error) { return survey.Sighting{}, cause }
			row := s.Verify(t.Context(), "a.example")
			if busy := cause == survey.ErrBusy; row.Busy != busy || row.Verdict() == busy || !errors.Is(row.Result.Hosts[0].Attempts[0].Err, cause) {
				t.Errorf("%v: busy %t, verdict %t, %v", cause, row.Busy, row.Verdict(), row.Result.Err)
			}
		}
		// A hook of one's own cannot be asked by somebody else.
		s := stage.survey()
		s.Look = stage.survey().Sight
		stage.verifier.TLS = &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
		if row := s.Verify(t.Context(), "a.example"); stage.connections() != 0 || row.Result.Outcome != dane.OutcomeFailure {
			t.Errorf("%d connections, %v", stage.connections(), row.Result.Outcome)
		}
	})
}
