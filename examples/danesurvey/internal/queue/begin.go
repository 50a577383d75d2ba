package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
)

// maxEnds is how many processes may die of one thing. Then it is left alone.
const maxEnds = 3

// partLines are the lines of the parts that a shard is cut into whose worker has died. They are worked on
// alone, and if the next worker dies, too, line by line.
const partLines = 10

func entryRow(e survey.Entry) *survey.Row { return &survey.Row{Entry: e} }

// asked answers a worker that has been given a shard.
func (s *Server) asked(vantage string, m *nats.Msg) {
	var q beginRequest
	if json.Unmarshal(m.Data, &q) != nil || q.Worker == "" {
		return
	}
	now := time.Now()
	s.leases.heard(vantage, q.Worker, now)
	key := begunKey{vantage, q.Sequence}
	s.mu.Lock()
	before := s.begun[key]
	s.begun[key] = q.Worker
	s.mu.Unlock()
	if q.Delivered <= 1 {
		s.answer(m, beginReply{})
		return
	}
	s.counts.redelivered.Add(1)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := s.beginAgain(ctx, vantage, q, before, now)
	if err != nil {
		s.mu.Lock()
		s.begun[key] = before
		s.mu.Unlock()
		r = beginReply{Error: err.Error()}
		s.Log.Warn("a shard that comes again", "error", err)
	}
	s.answer(m, r)
}

// beginAgain says what to do with a shard that somebody else had before.
func (s *Server) beginAgain(ctx context.Context, vantage string, q beginRequest, before string,
	now time.Time) (r beginReply, err error) {
	m, err := s.stream.GetMsg(ctx, q.Sequence)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return beginReply{Drop: true}, nil
	}
	var old shard
	if err == nil {
		err = json.Unmarshal(m.Data, &old)
	}
	if err != nil {
		return r, err
	}
	left, err := s.left(vantage, &old)
	if err != nil || len(left) == 0 {
		return beginReply{Drop: true}, err
	}
	seen, died := s.leases.died(vantage, before, now)
	if before == "" || before == q.Worker || !died {
		for _, l := range old.Lines {
			if !slices.ContainsFunc(left, func(other line) bool { return other.Line == l.Line }) {
				r.Done = append(r.Done, l.Line)
			}
		}
		return r, nil
	}
	ends := append(slices.Clip(old.Ends), end{before, seen})
	s.Log.Warn("a worker has ended, and others go on with what it had", "worker", before, "vantage", vantage,
		"lines", len(left), "ends", len(ends))
	if len(ends) >= maxEnds {
		return beginReply{Drop: true}, s.setAside(vantage, left, ends)
	}
	size := partLines
	if len(ends) > 1 {
		size = 1
	}
	for part := range slices.Chunk(left, size) {
		again := &shard{Lines: part, Ends: ends}
		if err := s.tryPublish(ctx, vantage, kindAgain, again, fmt.Sprint("again ", q.Sequence)); err != nil {
			// those that are in the stream already are known there by their identifiers
			return r, fmt.Errorf("a part of a shard: %w", err)
		}
	}
	return beginReply{Drop: true}, nil
}

// left returns the lines of a shard that have no row. One that is foretold is not done.
func (s *Server) left(vantage string, old *shard) (left []line, err error) {
	for _, l := range old.Lines {
		standing, err := s.Store.Standing(vantage, l.Line)
		if err != nil {
			return nil, err
		}
		if standing == store.Missing || standing == store.NoVerdict && len(old.Ends) >= maxEnds-1 {
			left = append(left, l)
		}
	}
	return left, nil
}

// setAside stores rows without a verdict of lines that have none.
func (s *Server) setAside(vantage string, lines []line, ends []end) error {
	var rows []row.Row
	for _, l := range lines {
		s.Log.Error("set aside, as workers have ended while they asked about it", "vantage", vantage, "line", l.Line,
			"domain", l.Domain)
		s.counts.setAside.Add(1)
		standing, err := s.Store.Standing(vantage, l.Line)
		if err != nil {
			return err
		}
		if standing != store.Missing {
			continue // what DNS said
		}
		own := entryRow(l.entry())
		setAside(own, ends)
		r, err := row.Of(own, row.Options{Vantage: vantage})
		if err != nil {
			return err
		}
		rows = append(rows, r)
	}
	return s.put(rows)
}
