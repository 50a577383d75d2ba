package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestWhoComesGetsItsPartSoon: a worker that has just come does not wait until the one that has all partitions asks for
// its next lease, which here would be in a quarter of an hour.
func TestWhoComesGetsItsPartSoon(t *testing.T) {
	t.Parallel()
	const lease = time.Hour
	_, conn := embed(t, &Embedded{})
	names, err := newNames("test")
	if err != nil {
		t.Fatal(err)
	}
	all := newLeases(lease, time.Time{})
	if _, err := conn.Subscribe(names.server("", opLease), func(m *nats.Msg) {
		var q leaseRequest
		if err := json.Unmarshal(m.Data, &q); err != nil {
			t.Error(err)
		}
		grant, _ := all.renew("", q, time.Now())
		text, err := json.Marshal(leaseReply{Grant: grant, Lease: lease})
		if err != nil {
			t.Error(err)
		}
		m.Respond(text)
	}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	var holders []*holder
	for i := range 3 {
		h := &holder{conn: conn, names: names, worker: fmt.Sprint(i), log: testLog(), held: make(map[int]*held), finished: func() {}}
		running.Go(func() { h.run(ctx, lease) })
		holders = append(holders, h)
	}
	const part = partitions / 3
	for until := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		held, least := 0, partitions
		for _, h := range holders {
			h.mu.Lock()
			held, least = held+len(h.held), min(least, len(h.held))
			h.mu.Unlock()
		}
		if held == partitions && least >= part-2 {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%d partitions have an owner after a minute, and a worker has %d of them", held, least)
		}
	}
}
