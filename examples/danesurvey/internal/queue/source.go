package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/danesmtp/danesmtp/dane/survey"
)

// maxOpen bounds the shards that a worker has at a time: some have domains whose servers hang, and
// the others go on.
const maxOpen = 16

// A source takes shards from the stream when lines are wanted.
type source struct {
	*Worker
	lines    []line
	alone    atomic.Pointer[open] // a shard that nothing else is worked on beside
	finished chan struct{}
	once     sync.Once
	lasting  complaint // that there are no shards
}

func newSource(w *Worker) *source {
	return &source{Worker: w, finished: make(chan struct{}), lasting: complaint{log: w.Log, after: 2 * time.Second}}
}

// finish says that there will be no more shards.
func (s *source) finish() { s.once.Do(func() { close(s.finished) }) }

// forget leaves what it has of a shard.
func (s *source) forget() {
	s.lines = nil
	s.alone.Store(nil)
}

func (s *source) isAlone() bool { return s.alone.Load() != nil }

// Next returns the next line of the shard, or of another one. It is io.EOF when all are done.
func (s *source) Next(ctx context.Context) (survey.Entry, error) {
	for len(s.lines) == 0 {
		if err := s.next(ctx); err != nil {
			return survey.Entry{}, err
		}
	}
	l := s.lines[0]
	s.lines = s.lines[1:]
	return l.entry(), nil
}

// next takes a shard, if there is one.
func (s *source) next(ctx context.Context) error {
	if s.alone.Load() != nil {
		if err := s.tracker.wait(ctx, func() bool { return s.tracker.openShards() == 0 }); err != nil {
			return err
		}
		s.alone.Store(nil)
	}
	if err := s.tracker.wait(ctx, func() bool { return s.tracker.openShards() < maxOpen }); err != nil {
		return err
	}
	m, err := s.fetch(ctx)
	if err != nil || m == nil {
		return err
	}
	o, err := s.begin(ctx, m)
	if err != nil || o == nil {
		return err
	}
	if err := s.foretell(ctx, o); err != nil {
		return err
	}
	s.lines = o.shard.Lines
	return nil
}

// fetch returns the next message; nil if there is none now.
func (s *source) fetch(ctx context.Context) (jetstream.Msg, error) {
	select {
	case <-s.finished:
		return nil, io.EOF
	default:
	}
	m, err := s.consumer.Next(jetstream.FetchMaxWait(2 * time.Second))
	switch {
	case ctx.Err() != nil:
		if m != nil {
			m.Nak()
		}
		return nil, ctx.Err()
	case err == nil:
		s.lasting.over("shards can be asked for again")
		return m, nil
	case errors.Is(err, nats.ErrTimeout), errors.Is(err, jetstream.ErrNoMessages): // or a cluster has lost the question
		return nil, nil
	}
	s.lasting.tell("shards cannot be asked for", "error", err)
	sleep(ctx, time.Second)
	return nil, nil
}

// begin asks the Server what is to be done with a message; nil if it is nothing.
func (s *source) begin(ctx context.Context, m jetstream.Msg) (*open, error) {
	meta, err := m.Metadata()
	if err != nil {
		return nil, err
	}
	o := &open{message: m, left: make(map[int]bool)}
	if err := json.Unmarshal(m.Data(), &o.shard); err != nil {
		m.Term()
		return nil, fmt.Errorf("a shard: %w", err)
	}
	s.tracker.add(o)
	if o.shard.suspect() { // nothing else may be what this worker dies of, once the Server knows that it has this
		s.alone.Store(o)
		if err := s.tracker.wait(ctx, func() bool { return s.tracker.openShards() == 1 }); err != nil {
			return nil, err
		}
	}
	question, err := json.Marshal(beginRequest{Worker: s.id, Sequence: meta.Sequence.Stream, Delivered: meta.NumDelivered})
	if err != nil {
		return nil, err
	}
	var r beginReply
	if err := s.request(ctx, opBegin, question, &r); err != nil {
		return nil, err
	}
	if r.Error != "" {
		s.Log.Warn("a shard cannot be begun", "error", r.Error)
		s.tracker.remove(o)
		m.NakWithDelay(5 * time.Second)
		return nil, nil
	}
	if r.Drop {
		o.shard.Lines = nil
	}
	o.shard.Lines = slices.DeleteFunc(o.shard.Lines, func(l line) bool { return slices.Contains(r.Done, l.Line) })
	if s.tracker.begin(o) {
		return nil, nil
	}
	return o, nil
}

// foretell sends what DNS says about a line that has ended two workers, as a row without a verdict. If this
// one ends, too, it is what is known. Else it gives way to the row that comes.
func (s *source) foretell(ctx context.Context, o *open) error {
	if len(o.shard.Lines) != 1 || len(o.shard.Ends) < maxEnds-1 || s.Survey.Planned {
		return nil
	}
	e := o.shard.Lines[0].entry()
	r := s.plan(ctx, e.Domain)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.Entry = e
	setAside(&r, o.shard.Ends)
	return s.tracker.send(ctx, &r)
}
