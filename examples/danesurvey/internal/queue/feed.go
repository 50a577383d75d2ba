package queue

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/row"
	"github.com/danesmtp/danesmtp/examples/danesurvey/internal/store"
)

// feed puts the lines of the list into the stream that have no row from a vantage point, again and again
// until all have one.
func (s *Server) feed(ctx context.Context, vantage string) error {
	for pass := 1; ; pass++ {
		if err := s.pass(ctx, vantage, pass); err != nil {
			return err
		}
		if err := s.idle(ctx, vantage); err != nil {
			return err
		}
		tally, err := s.Store.Tally(vantage)
		if err != nil {
			return err
		}
		if tally.Rows >= s.Entries {
			return nil
		}
		s.counts.lost.Add(int64(s.Entries - tally.Rows))
		s.Log.Warn("lines have got lost on their way, and are asked about again", "vantage", vantage, "lines",
			s.Entries-tally.Rows)
	}
}

// pass goes through the list once.
func (s *Server) pass(ctx context.Context, vantage string, pass int) error {
	queued, err := s.queued(ctx, vantage)
	if err != nil {
		return err
	}
	list, closeList, err := s.List()
	if err != nil {
		return err
	}
	defer closeList()
	var lines []line
	var bad []row.Row
	for {
		e, err := list.Next(ctx)
		if err != nil && err != io.EOF {
			return err
		}
		last := err == io.EOF
		if !last && !queued[e.Line] {
			standing, err := s.Store.Standing(vantage, e.Line)
			if err != nil {
				return err
			}
			switch {
			case standing != store.Missing:
			case e.Err != nil:
				r, err := row.Of(entryRow(e), row.Options{Vantage: vantage})
				if err != nil {
					return err
				}
				bad = append(bad, r)
			default:
				lines = append(lines, lineOf(e))
			}
		}
		if len(lines) == shardLines || last && len(lines) > 0 {
			if err := s.publish(ctx, vantage, kindNew, &shard{Lines: lines}, fmt.Sprint(pass)); err != nil {
				return err
			}
			lines = nil
		}
		if len(bad) == shardLines || last && len(bad) > 0 {
			if err := s.put(bad); err != nil {
				return err
			}
			bad = nil
		}
		if last {
			return nil
		}
	}
}

// queued returns the lines that are in the stream, as after a restart.
func (s *Server) queued(ctx context.Context, vantage string) (map[int]bool, error) {
	lines := make(map[int]bool)
	for sequence := uint64(1); ; sequence++ {
		var m *jetstream.RawStreamMsg
		err := s.api.ask(ctx, "what is in the stream", func(ctx context.Context) (err error) {
			m, err = s.stream.GetMsg(ctx, sequence, jetstream.WithGetMsgSubject(s.names.shards(vantage, "*")))
			return err
		})
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return lines, nil
		}
		if err != nil {
			return nil, fmt.Errorf("what is in the stream: %w", err)
		}
		var q shard
		if err := json.Unmarshal(m.Data, &q); err != nil {
			return nil, fmt.Errorf("what is in the stream: %w", err)
		}
		for _, l := range q.Lines {
			lines[l.Line] = true
		}
		sequence = m.Sequence
	}
}

// publish puts a shard into the stream, once there is room.
func (s *Server) publish(ctx context.Context, vantage, kind string, q *shard, pass string) error {
	lasting := &complaint{log: s.Log}
	for {
		err := s.tryPublish(ctx, vantage, kind, q, pass)
		if err == nil || ctx.Err() != nil {
			lasting.over("shards get into the stream again")
			return ctx.Err()
		}
		if !isFull(err) {
			lasting.tell("a shard does not get into the stream", "error", err)
		}
		if !sleep(ctx, 250*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// tryPublish puts a shard into the stream, where it is but once however often that is tried.
func (s *Server) tryPublish(ctx context.Context, vantage, kind string, q *shard, pass string) error {
	text, err := json.Marshal(q)
	if err != nil {
		return err
	}
	id := fmt.Sprintf("%s %s %x", s.run, pass, sha256.Sum256(append([]byte(vantage+"\n"), text...)))
	return s.api.once(ctx, func(ctx context.Context) error {
		_, err := s.js.Publish(ctx, s.names.shards(vantage, kind), text, jetstream.WithMsgID(id),
			jetstream.WithRetryAttempts(0))
		return err
	})
}

// isFull reports whether a stream takes no more for now.
func isFull(err error) bool {
	const storeFailed = 10077 // its text says which limit it is
	e, ok := errors.AsType[*jetstream.APIError](err)
	return ok && e.ErrorCode == storeFailed
}

// idle returns when the stream is empty: nothing waits, and nobody works on anything.
func (s *Server) idle(ctx context.Context, vantage string) error {
	lasting := &complaint{log: s.Log, after: lookEvery}
	for {
		var info *jetstream.ConsumerInfo
		err := s.api.once(ctx, func(ctx context.Context) error {
			consumer, err := s.stream.Consumer(ctx, consumerName(vantage))
			if err == nil {
				info = consumer.CachedInfo()
			}
			return err
		})
		if err != nil && ctx.Err() == nil {
			lasting.tell("it cannot be seen what is left in the stream", "error", err)
		}
		if err == nil {
			lasting.over("it can be seen again what is left in the stream")
			if info.NumPending == 0 && info.NumAckPending == 0 {
				return nil
			}
			s.prune(ctx)
		}
		if !sleep(ctx, min(time.Second, s.ackWait/4)) {
			return context.Cause(ctx)
		}
	}
}

// prune forgets who has shards that are no more in the stream.
func (s *Server) prune(ctx context.Context) {
	var info *jetstream.StreamInfo
	if s.api.once(ctx, func(ctx context.Context) (err error) { info, err = s.stream.Info(ctx); return err }) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.begun {
		if key.sequence < info.State.FirstSeq {
			delete(s.begun, key)
		}
	}
}
