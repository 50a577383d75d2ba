package dane_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
)

// TestSlowServers: a tarpit is no failure as long as the caller waits.
func TestSlowServers(t *testing.T) {
	t.Parallel()
	const held = 50 * time.Second
	for name, tt := range map[string]struct {
		probe, deadline time.Duration
		want            dane.Outcome
	}{
		"as long as senders wait":    {0, 10 * time.Minute, dane.OutcomeSuccess},
		"a shorter probe":            {30 * time.Second, 10 * time.Minute, dane.OutcomeFailure},
		"the deadline of the caller": {0, 40 * time.Second, dane.OutcomeFailure},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				internet := danetest.NewInternet(danetest.Domain{Name: "slow.example", Hosts: []danetest.Host{{
					Name: "mail", TLSA: []string{"3 1 1"}, Server: func(s *smtptest.Server) {
						s.Delays = map[smtptest.Stage]time.Duration{smtptest.AtGreeting: held}
					},
				}}})
				defer internet.Close()
				v := internet.Verifier()
				v.AttemptTimeout = tt.probe
				ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
				defer cancel()
				if r, err := checker(v).Verify(ctx, "slow.example"); err != nil || r.Outcome != tt.want {
					t.Errorf("outcome %v, error %v; want %v\n%s", r.Outcome, err, tt.want, r)
				}
			})
		})
	}
}
