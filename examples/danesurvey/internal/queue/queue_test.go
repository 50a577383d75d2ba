package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
)

// runWorkers runs the workers until the server is done.
func runWorkers(t *testing.T, s *Server, workers ...*Worker) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var running sync.WaitGroup
	for _, w := range workers {
		running.Go(func() {
			if err := w.Run(ctx); err != nil {
				t.Errorf("worker: %v", err)
			}
		})
	}
	if err := s.Run(ctx); err != nil {
		t.Errorf("server: %v", err)
		cancel()
	}
	running.Wait()
}

// TestTwoWorkers: each line has one row from each vantage point, with the verdict of a machine apart;
// what servers showed is shared within a vantage point, and not between them.
func TestTwoWorkers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := newFolder(t, w, 600)
	f.lines[17], f.lines[250] = "no domain,at,all", "1,also,not"
	st := f.create(t)
	defer st.Close()
	server, conn := embed(t, &Embedded{})
	s := newServer(conn, st, f.dir)
	s.Vantages = []string{"east", "west"}
	var workers []*Worker
	for _, v := range []string{"east", "east", "west", "west"} {
		workers = append(workers, newWorker(server.ClientURL(), v, &dane.Checker{Verifier: w.verifier()}))
	}
	before := w.dials.Load()
	runWorkers(t, s, workers...)
	states := w.states(t)
	states[f.lines[17]], states[f.lines[250]] = "unknown not-a-domain", "unknown not-a-domain"
	checkRows(t, st, f, states, "east", "west")
	// Each of the nine servers is connected to once for each vantage point, or twice where it is
	// without TLS; and perhaps once more where an owner has changed.
	if dials := w.dials.Load() - before; dials > 2*3*int64(len(w.Servers)) {
		t.Errorf("%d connections for %d servers and two vantage points", dials, len(w.Servers))
	}
	if n := workers[0].rows.Load() * workers[1].rows.Load() * workers[2].rows.Load() * workers[3].rows.Load(); n == 0 {
		t.Error("a worker has done nothing")
	}
}

// TestOneOwnerConnects: of workers who have the same addresses and providers, never two connect to
// one address at a time, and the limits hold over all of them, as leases move from one to another.
func TestOneOwnerConnects(t *testing.T) {
	t.Parallel()
	customer := dnssectest.Zone{Records: "@ MX 10 mx1.provider.example.\n@ MX 20 mx2.provider.example."}
	domains := []danetest.Domain{{Name: "provider.example", Hosts: []danetest.Host{
		{Name: "mx1", TLSA: []string{"3 1 1"}}, {Name: "mx2", TLSA: []string{"3 1 1"}}}}}
	for i := range 20 {
		domains = append(domains, danetest.Domain{Name: fmt.Sprintf("c%d.example", i), Zone: customer})
	}
	w := newWorld(t, domains...)
	w.linger = 20 * time.Millisecond
	f := newFolder(t, w, 60)
	st := f.create(t)
	defer st.Close()
	server, conn := embed(t, &Embedded{})
	s := newServer(conn, st, f.dir)
	var workers []*Worker
	for range 3 {
		one := newWorker(server.ClientURL(), "", &dane.Checker{Verifier: w.verifier()})
		one.Survey.Share = -1 // so that there is something to limit
		one.Survey.Limits = survey.Limits{
			Address: survey.Limit{Connections: 1, PerSecond: 40}, Network: survey.Limit{Connections: -1, PerSecond: -1},
			Provider: survey.Limit{Connections: 2, PerSecond: -1},
		}
		workers = append(workers, one)
	}
	began := time.Now()
	go func() { // one comes later, and one leaves
		time.Sleep(3 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		newcomer := *newWorker(server.ClientURL(), "", &dane.Checker{Verifier: w.verifier()})
		newcomer.Survey.Share, newcomer.Survey.Limits = -1, workers[0].Survey.Limits
		newcomer.Run(ctx)
	}()
	runWorkers(t, s, workers...)
	checkRows(t, st, f, w.states(t), "")
	took := time.Since(began)
	w.mu.Lock()
	defer w.mu.Unlock()
	for address, most := range w.most {
		if most > 1 {
			t.Errorf("%d connections to %s at a time", most, address)
		}
	}
	if rate := float64(w.dials.Load()) / took.Seconds(); rate > 2*40+10 || w.dials.Load() < 60 {
		t.Errorf("%d connections to two addresses in %v", w.dials.Load(), took)
	}
}

// TestPause: no shards are given out meanwhile.
func TestPause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := newFolder(t, w, 2000)
	st := f.create(t)
	defer st.Close()
	server, conn := embed(t, &Embedded{})
	s := newServer(conn, st, f.dir)
	slow := w.verifier()
	one := newWorker(server.ClientURL(), "", &dane.Checker{Verifier: slow})
	one.Survey.Parallel = 2
	var doing sync.WaitGroup
	doing.Go(func() {
		for st.About().List.Entries == 0 || rowsOf(t, st, "") == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		if n, err := Pause(t.Context(), conn, "test", true); n != 1 || err != nil {
			t.Errorf("pause: %d, %v", n, err)
		}
		// What the worker has it finishes, however busy this machine is; then no rows come, although lines are left.
		before, after := -1, rowsOf(t, st, "")
		for before != after {
			time.Sleep(3 * time.Second)
			before, after = after, rowsOf(t, st, "")
		}
		if after == len(f.lines) {
			t.Errorf("all %d rows have come", after)
		}
		if n, err := Pause(t.Context(), conn, "test", false); n != 1 || err != nil {
			t.Errorf("resume: %d, %v", n, err)
		}
	})
	runWorkers(t, s, one)
	doing.Wait()
	checkRows(t, st, f, w.states(t), "")
}

func rowsOf(t *testing.T, st *store.Store, vantage string) int {
	tally, err := st.Tally(vantage)
	if err != nil {
		t.Error(err)
	}
	return tally.Rows
}

// TestSmallStream: the list waits where the stream is full, and what has got lost is asked about again.
func TestSmallStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := newFolder(t, w, 1200)
	st := f.create(t)
	defer st.Close()
	server, conn := embed(t, &Embedded{})
	s := newServer(conn, st, f.dir)
	s.MaxBytes = 12 << 10 // two shards
	var lost sync.Once
	go func() {
		for t.Context().Err() == nil {
			time.Sleep(20 * time.Millisecond)
			if rowsOf(t, st, "") > 0 {
				lost.Do(func() { s.stream.Purge(t.Context()) })
				return
			}
		}
	}()
	runWorkers(t, s, newWorker(server.ClientURL(), "", &dane.Checker{Verifier: w.verifier()}))
	checkRows(t, st, f, w.states(t), "")
}

// TestServerIsStartedAgain: it goes on, without asking again about what is done or in the stream. Rows that it has
// stored and not answered come again.
func TestServerIsStartedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := newFolder(t, w, 1200)
	st := f.create(t)
	defer st.Close()
	server, conn := embed(t, &Embedded{})
	one := newWorker(server.ClientURL(), "", &dane.Checker{Verifier: w.verifier()})
	one.Survey.Parallel = 2
	var working sync.WaitGroup
	working.Go(func() {
		if err := one.Run(t.Context()); err != nil {
			t.Error(err)
		}
	})
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		s := newServer(conn, st, f.dir)
		err := s.Run(ctx)
		cancel()
		if again := s.counts.again.Load(); again > 2*shardLines {
			t.Errorf("%d rows came again", again)
		}
		if err == nil {
			break
		}
		if ctx.Err() == nil || t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
	working.Wait()
	checkRows(t, st, f, w.states(t), "")
}

// TestWorkerThatWasNotTold: one that has heard nothing of the end, here since its Server was killed, ends all the same
// when the stream is gone.
func TestWorkerThatWasNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server, conn := embed(t, &Embedded{})
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	f := newFolder(t, w, 2000)
	st := f.create(t)
	defer st.Close()
	s := newServer(conn, st, f.dir)
	names, err := newNames(s.Name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, kill := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() { s.Run(ctx) })
	one := newWorker(server.ClientURL(), "", &dane.Checker{Verifier: w.verifier()})
	ended := make(chan error, 1)
	go func() { ended <- one.Run(t.Context()) }()
	for at := int64(0); at == 0; time.Sleep(20 * time.Millisecond) { // until it has a shard
		if c, err := js.Consumer(t.Context(), names.stream(), consumerName("")); err == nil {
			at = int64(c.CachedInfo().NumAckPending)
		}
	}
	kill()
	serving.Wait()
	if err := js.DeleteStream(t.Context(), names.stream()); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * goneTimes * lookEvery):
		t.Fatal("it goes on for ever")
	}
}

// TestWhatIsWrong says what is wrong before anything is done.
func TestWhatIsWrong(t *testing.T) {
	t.Parallel()
	_, conn := embed(t, &Embedded{})
	for _, tt := range []struct {
		name     string
		survey   string
		vantages []string
		want     string
	}{
		{"a name that is more than a token", "a.b", nil, "letters, digits"},
		{"a vantage point that is more than a token", "test", []string{"a", ">"}, "letters, digits"},
		{"two vantage points of which one has no name", "test", []string{"a", ""}, "no name"},
		{"one vantage point twice", "test", []string{"a", "a"}, "twice"},
	} {
		s := &Server{Conn: conn, Name: tt.survey, Vantages: tt.vantages}
		if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	for _, listen := range []string{"192.0.2.1:4222", "0.0.0.0:4222", "localhost:4222"} {
		if err := (&Embedded{Listen: listen}).Check(); err == nil {
			t.Errorf("%s is taken without TLS and keys", listen)
		}
	}
}
