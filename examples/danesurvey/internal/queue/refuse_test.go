package queue

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestRefusals: who may not do what it was started for says so and ends, where it would wait for a server that
// is there.
func TestRefusals(t *testing.T) {
	t.Parallel()
	url, conn, roots, keys := secured(t)
	s := &Server{Conn: conn, Name: "test", Vantages: []string{"west"}, Log: testLog()}
	s.names, _ = newNames("test")
	s.leases = newLeases(time.Second, time.Now())
	if err := s.makeStream(t.Context()); err != nil {
		t.Fatal(err)
	}
	work := func(key, survey, vantage string) error {
		w := newWorker(url, vantage, nil)
		w.Name, w.noVantage = survey, time.Second
		w.Options = []nats.Option{secure(roots), KeyOption(keys[key])}
		return w.Run(t.Context())
	}
	as := func(key string, f func(*nats.Conn) error) error {
		conn, err := nats.Connect(url, secure(roots), KeyOption(keys[key]))
		if err != nil {
			return err
		}
		defer conn.Close()
		return f(conn)
	}
	pause := func(name string) func(*nats.Conn) error {
		return func(conn *nats.Conn) error { _, err := Pause(t.Context(), conn, name, true); return err }
	}
	for _, tt := range []struct {
		name string
		do   func() error
		want string // "" for no error
	}{
		{"a worker of another vantage point", func() error { return work("east", "test", "west") }, `not for vantage point "west"`},
		{"a worker of another survey", func() error { return work("east", "other", "east") }, `of survey "other"`},
		{"a worker without a vantage point", func() error { return work("east", "test", "") }, `not for vantage point ""`},
		{"a worker of a vantage point that the survey does not have",
			func() error { return work("east", "test", "east") }, `no vantage point "east"`},
		{"a key that nobody knows", func() error { return work("stranger", "test", "east") }, "Authorization Violation"},
		{"a pause by a worker", func() error { return as("east", pause("test")) }, "only the operator's key"},
		{"a pause of a survey that is not there", func() error { return as("operator", pause("other")) }, `no survey "other"`},
		{"a pause by the operator", func() error { return as("operator", pause("test")) }, ""},
		{"a server with a worker's key", func() error {
			return as("east", func(conn *nats.Conn) error {
				return (&Server{Conn: conn, Name: "test"}).Run(t.Context())
			})
		}, "served with the operator's key"},
	} {
		began := time.Now()
		err := tt.do()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("%s: said after %v", tt.name, took)
		}
	}
}
