package queue

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// lossy is the URL of a NATS server whose JetStream answers the first request of each kind never, as a cluster does
// that is about to choose a leader.
func lossy(t *testing.T) string {
	t.Helper()
	_, real := embed(t, &Embedded{})
	front, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	front.Start()
	t.Cleanup(front.Shutdown)
	if !front.ReadyForConnections(10 * time.Second) {
		t.Fatal("no server")
	}
	conn, err := nats.Connect(front.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	var lost sync.Map
	_, err = conn.Subscribe("$JS.API.>", func(m *nats.Msg) {
		if _, before := lost.LoadOrStore(m.Subject, true); !before {
			return
		}
		if r, err := real.Request(m.Subject, m.Data, 10*time.Second); err == nil {
			m.Respond(r.Data)
		}
	})
	if err == nil {
		err = conn.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return front.ClientURL()
}

// TestLostRequests: a request that is never answered is sent again, however long the context would have waited.
func TestLostRequests(t *testing.T) {
	t.Parallel()
	url := lossy(t)
	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s := &Server{Conn: conn, Name: "test", Vantages: []string{""}, Log: testLog(), api: api{wait: 500 * time.Millisecond}}
	s.names, _ = newNames(s.Name)
	s.leases = newLeases(time.Second, time.Now())
	if err := s.makeStream(ctx); err != nil {
		t.Fatalf("the server: %v", err)
	}
	w := newWorker(url, "", nil)
	w.names, w.conn, w.api = s.names, conn, s.api
	if err := w.find(ctx); err != nil {
		t.Fatalf("a worker: %v", err)
	}
}

// TestAsk: what JetStream has decided stands, and what it could not decide is asked again until patience ends.
func TestAsk(t *testing.T) {
	t.Parallel()
	unavailable := &jetstream.APIError{Code: 503, ErrorCode: 10008}
	for _, tt := range []struct {
		name   string
		errs   []error // the last one again and again
		asked  int
		wanted error
	}{
		{"an answer", []error{nil}, 1, nil},
		{"a refusal", []error{jetstream.ErrStreamNotFound}, 1, jetstream.ErrStreamNotFound},
		{"no leader at first", []error{unavailable, nats.ErrNoResponders, context.DeadlineExceeded, nil}, 4, nil},
		{"a refusal in the end", []error{unavailable, jetstream.ErrConsumerNotFound}, 2, jetstream.ErrConsumerNotFound},
		{"no leader for ever", []error{unavailable}, int(2 + apiPatience/(apiWait/10)), unavailable},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			err := api{}.ask(t.Context(), "a test", func(context.Context) error {
				asked++
				return tt.errs[min(asked, len(tt.errs))-1]
			})
			if !errors.Is(err, tt.wanted) || asked != tt.asked {
				t.Errorf("%s: %v, asked %d times, want %v and %d", tt.name, err, asked, tt.wanted, tt.asked)
			}
		})
	}
}
