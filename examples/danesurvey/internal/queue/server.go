package queue

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/work"
)

const (
	// shardLines are the lines of a shard: some seconds of work.
	shardLines = 100
	// maxShards bounds those in the stream for each vantage point: as many lines are read ahead.
	maxShards = 1024
	// DefaultMaxBytes bounds the stream on its disk.
	DefaultMaxBytes = 64 << 20
)

// A Server has a list, and the store of its rows.
type Server struct {
	// Conn has all permissions for the survey.
	Conn *nats.Conn
	// Name of the survey.
	Name string
	// Vantages are those from which each line is asked about. Empty means one without a name.
	Vantages []string
	Store    *store.Store
	// List opens the list at its beginning.
	List func() (survey.Source, func() error, error)
	// Entries are how many the list has.
	Entries int
	// MaxBytes bounds the stream on its disk. 0 means DefaultMaxBytes.
	MaxBytes int64
	// Replicas of the stream. 0 means those that it has, or for a new one three, or else one, as the NATS servers
	// can hold.
	Replicas int
	// Progress is told of each row. Nil is not.
	Progress *work.Progress
	Log      *slog.Logger

	lease, ackWait time.Duration // 0 mean the defaults
	api            api

	names  names
	js     jetstream.JetStream
	stream jetstream.Stream
	leases *leases
	blamed *blamed
	run    string // makes identifiers of messages unlike those of an earlier run
	rows   chan *storing
	counts counts

	mu       sync.Mutex
	begun    map[begunKey]string // the worker that has a shard
	finished bool
}

type begunKey struct {
	vantage  string
	sequence uint64
}

// A storing is rows of a worker that are to be stored.
type storing struct {
	rows    []row.Row
	message *nats.Msg
}

// Run puts the list into the stream, and stores what comes back, until each line has a row from each
// vantage point, for nil, or ctx ends. Then it can be run again.
func (s *Server) Run(ctx context.Context) (err error) {
	if len(s.Vantages) == 0 {
		s.Vantages = []string{""}
	}
	if s.names, err = newNames(s.Name); err == nil {
		err = checkVantages(s.Vantages)
	}
	if err != nil {
		return err
	}
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	s.api.log = s.Log
	s.lease, s.ackWait = cmp.Or(s.lease, defaultLease), cmp.Or(s.ackWait, defaultAckWait)
	s.run = time.Now().UTC().Format("20060102T150405.000000000")
	s.leases, s.blamed = newLeases(s.lease, time.Now()), newBlamed()
	s.begun, s.rows = make(map[begunKey]string), make(chan *storing, 64)
	s.finished = false
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	s.Conn.SetErrorHandler(s.names.guard(s.Log, func(err error) {
		end(fmt.Errorf("a survey is served with the operator's key: %w", err))
	}))
	if err := s.makeStream(ctx); err != nil {
		return err
	}
	var running sync.WaitGroup
	running.Go(func() { s.storeRows(ctx, end) })
	defer running.Wait()
	defer end(nil)
	subs, err := s.subscribe()
	defer func() {
		for _, sub := range subs {
			sub.Unsubscribe()
		}
	}()
	if err != nil {
		return err
	}
	var feeding sync.WaitGroup
	for _, v := range s.Vantages {
		feeding.Go(func() {
			if err := s.feed(ctx, v); err != nil {
				end(err)
			}
		})
	}
	feeding.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return s.finish(ctx)
}

// subscribe answers workers.
func (s *Server) subscribe() (subs []*nats.Subscription, err error) {
	answers := map[operation]func(vantage string, m *nats.Msg){opLease: s.leased, opBegin: s.asked,
		opRows: s.received, opConnect: s.connects}
	for op, answer := range answers {
		sub, err := s.Conn.Subscribe(s.names.prefix()+"server.*."+string(op), func(m *nats.Msg) {
			name := strings.Split(m.Subject, ".")[3]
			for _, v := range s.Vantages {
				if token(v) == name {
					answer(v, m)
				}
			}
		})
		if err != nil {
			return subs, err
		}
		subs = append(subs, sub)
	}
	return subs, s.Conn.Flush()
}

// answer sends a reply.
func (s *Server) answer(m *nats.Msg, reply any) {
	text, err := json.Marshal(reply)
	if err == nil {
		err = m.Respond(text)
	}
	if err != nil {
		s.Log.Warn("an answer was not sent", "error", err)
	}
}

// leased answers who wants partitions.
func (s *Server) leased(vantage string, m *nats.Msg) {
	var q leaseRequest
	if json.Unmarshal(m.Data, &q) != nil || q.Worker == "" {
		return
	}
	now := time.Now()
	s.mu.Lock()
	finished := s.finished
	s.mu.Unlock()
	r := leaseReply{Lease: s.lease, Finished: finished}
	r.Grant, r.Fresh = s.leases.renew(vantage, q, now)
	r.Workers = s.leases.count(vantage, now)
	s.answer(m, r)
	if s.leases.heardOf(vantage, q.Worker, q.Deaf) {
		if q.Deaf {
			s.Log.Warn("no DNS server answers a worker, and it takes no shards", "worker", q.Worker, "vantage", vantage)
		} else {
			s.Log.Info("DNS answers a worker again", "worker", q.Worker, "vantage", vantage)
		}
	}
}

// received takes rows.
func (s *Server) received(vantage string, m *nats.Msg) {
	var rows []row.Row
	for text := range bytes.Lines(m.Data) {
		r, err := row.Parse(text)
		if err == nil && r.Vantage != vantage {
			err = fmt.Errorf("a row of vantage point %q comes from %q", r.Vantage, vantage)
		}
		if err == nil && r.Line > 0 {
			rows = append(rows, r)
			continue
		}
		s.Log.Error("a worker sends what is no row", "error", err)
		s.answer(m, rowsReply{Error: fmt.Sprint(err)})
		return
	}
	s.rows <- &storing{rows, m}
}

// storeRows stores what has come, all of it together, and then answers. An error of the store ends
// the run.
func (s *Server) storeRows(ctx context.Context, end context.CancelCauseFunc) {
	for {
		var batch []*storing
		select {
		case <-ctx.Done():
			return
		case one := <-s.rows:
			batch = append(batch, one)
		}
		for more := true; more && len(batch) < cap(s.rows); {
			select {
			case one := <-s.rows:
				batch = append(batch, one)
			default:
				more = false
			}
		}
		var rows []row.Row
		for _, one := range batch {
			rows = append(rows, one.rows...)
		}
		err := s.put(rows)
		for _, one := range batch {
			if err == nil {
				s.answer(one.message, rowsReply{})
			} else {
				s.answer(one.message, rowsReply{Error: err.Error()})
			}
		}
		if err != nil {
			end(fmt.Errorf("the store: %w", err))
			return
		}
	}
}

// put stores rows, and counts those that are new.
func (s *Server) put(rows []row.Row) error {
	fresh := make([]bool, len(rows))
	seen := make(map[begunKey]bool)
	for i, r := range rows {
		standing, err := s.Store.Standing(r.Vantage, r.Line)
		if err != nil {
			return err
		}
		key := begunKey{r.Vantage, uint64(r.Line)}
		fresh[i] = standing == store.Missing && !seen[key]
		seen[key] = true
	}
	if err := s.Store.Put(rows); err != nil {
		return err
	}
	for i, r := range rows {
		if !fresh[i] {
			s.counts.again.Add(1)
			continue
		}
		s.counts.rows.Add(1)
		if s.Progress != nil {
			s.Progress.Count(r.State, r.Finding)
		}
	}
	return nil
}

// finish lets the workers know.
func (s *Server) finish(ctx context.Context) error {
	s.mu.Lock()
	s.finished = true
	s.mu.Unlock()
	for range 40 {
		left := 0
		for _, v := range s.Vantages {
			left += s.leases.count(v, time.Now())
		}
		if left == 0 || !sleep(ctx, s.lease/20) {
			break
		}
	}
	err := s.api.ask(ctx, "an end of the stream", func(ctx context.Context) error {
		return s.js.DeleteStream(ctx, s.names.stream())
	})
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		s.Log.Warn("the stream is left", "error", err)
	}
	return ctx.Err()
}

// Workers returns how many there are.
func (s *Server) Workers() (n int) {
	for _, v := range s.Vantages {
		n += s.leases.count(v, time.Now())
	}
	return n
}
