package queue

import (
	"context"
	"encoding/json"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/survey"
)

// TestDNSLimit: all workers together have as many queries to a DNS server under way as one machine would have, and
// each has at least one.
func TestDNSLimit(t *testing.T) {
	t.Parallel()
	whole := survey.DefaultLimits().DNS.Connections
	for _, tt := range []struct {
		name    string
		limit   survey.Limit
		workers []int
		want    int
	}{
		{"one worker", survey.Limit{}, nil, whole},
		{"four", survey.Limit{}, []int{4}, whole / 4},
		{"four, of which three have ended", survey.Limit{}, []int{4, 1}, whole},
		{"a limit of one's own", survey.Limit{Connections: 6}, []int{3}, 2},
		{"more workers than queries", survey.Limit{Connections: 2}, []int{5}, 1},
		{"none that could be counted", survey.Limit{}, []int{0, -1}, whole},
		{"a rate", survey.Limit{Connections: -1, PerSecond: 60}, []int{3}, 20},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := NewDNSLimit(survey.Limits{DNS: tt.limit})
			for _, n := range tt.workers {
				l.divide(n)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
			defer cancel()
			got := 0
			for {
				if _, err := l.Admit(ctx, netip.MustParseAddr("192.0.2.53")); err != nil {
					break
				}
				got++
			}
			if got != tt.want {
				t.Errorf("%s: %d queries at once, want %d", tt.name, got, tt.want)
			}
		})
	}
}

// TestWorkersAreTold: each worker is told how many there are, as they come and go.
func TestWorkersAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := newFolder(t, w, 20000)
	st := f.create(t)
	defer st.Close()
	server, conn := embed(t, &Embedded{})
	ctx, cancel := context.WithCancel(t.Context())
	s := newServer(conn, st, f.dir)
	served, worked := make(chan error, 1), make(chan error, 1)
	go func() { served <- s.Run(ctx) }()
	one := newWorker(server.ClientURL(), "", &dane.Checker{Verifier: w.verifier()})
	one.DNS, one.Survey.Parallel = NewDNSLimit(one.Survey.Limits), 1
	go func() { worked <- one.Run(ctx) }()
	defer func() { cancel(); <-served; <-worked }()
	names, _ := newNames("test")
	for started := false; !started; time.Sleep(20 * time.Millisecond) {
		_, err := conn.Request(names.server("", opLease), []byte(`{"worker":"other"}`), time.Second)
		started = err == nil
	}
	other := func(leaving bool) {
		question, err := json.Marshal(leaseRequest{Worker: "other", Leaving: leaving})
		if err == nil {
			_, err = conn.Request(names.server("", opLease), question, 5*time.Second)
		}
		if err != nil {
			t.Error(err)
		}
	}
	await := func(workers int, do func()) {
		t.Helper()
		for until := time.Now().Add(20 * time.Second); one.DNS.workers() != workers; time.Sleep(100 * time.Millisecond) {
			if time.Now().After(until) {
				t.Fatalf("it is told of %d workers, want %d", one.DNS.workers(), workers)
			}
			do()
		}
	}
	await(2, func() { other(false) })
	other(true)
	await(1, func() {})
}
