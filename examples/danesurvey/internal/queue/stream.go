package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// makeStream makes the stream and its consumers, or takes those that are there.
func (s *Server) makeStream(ctx context.Context) (err error) {
	if s.js, err = jetstream.New(s.Conn); err != nil {
		return err
	}
	if _, err := s.js.Stream(ctx, s.names.stream()); errors.Is(err, jetstream.ErrStreamNotFound) {
		s.leases.began = time.Time{} // nobody can have been leased anything
	}
	stream, err := s.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: s.names.stream(), Description: "shards of a survey, by danesurvey serve",
		Subjects: []string{s.names.prefix() + "shard.>"}, Retention: jetstream.WorkQueuePolicy,
		Storage:  jetstream.FileStorage,
		MaxBytes: cmp.Or(s.MaxBytes, DefaultMaxBytes), MaxMsgsPerSubject: maxShards,
		Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, Duplicates: 2 * time.Minute,
	})
	if err != nil {
		return fmt.Errorf("stream %s: %w", s.names.stream(), err)
	}
	s.mu.Lock()
	s.stream = stream // from now on there are metrics
	s.mu.Unlock()
	for _, v := range s.Vantages {
		config := jetstream.ConsumerConfig{
			Durable: consumerName(v), FilterSubject: s.names.shards(v, "*"), AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: s.ackWait, MaxDeliver: -1, MaxAckPending: 2 * maxShards,
		}
		if old, err := s.stream.Consumer(ctx, config.Durable); err == nil {
			config.PauseUntil = old.CachedInfo().Config.PauseUntil // who has paused it resumes it
		}
		if _, err := s.stream.CreateOrUpdateConsumer(ctx, config); err != nil {
			return fmt.Errorf("consumer %s: %w", config.Durable, err)
		}
	}
	return nil
}
