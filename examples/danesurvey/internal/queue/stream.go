package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// bestReplicas are those of a stream where a cluster can hold them: it loses nothing then when one node ends.
const bestReplicas = 3

// makeStream makes the stream and its consumers, or takes those that are there.
func (s *Server) makeStream(ctx context.Context) (err error) {
	if s.js, err = jetstream.New(s.Conn); err != nil {
		return err
	}
	var old *jetstream.StreamInfo
	err = s.api.ask(ctx, "which stream there is", func(ctx context.Context) error {
		stream, err := s.js.Stream(ctx, s.names.stream())
		if err == nil {
			old = stream.CachedInfo()
		}
		return err
	})
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		s.leases.began = time.Time{} // nobody can have been leased anything
	case err != nil:
		return fmt.Errorf("stream %s: %w", s.names.stream(), err)
	}
	replicas := s.Replicas
	if replicas == 0 {
		replicas = bestReplicas
		if old != nil {
			replicas = old.Config.Replicas
		}
	}
	stream, err := s.replicate(ctx, replicas)
	if s.Replicas == 0 && replicas > 1 && tooFewNodes(err) {
		replicas = 1
		stream, err = s.replicate(ctx, replicas)
	}
	if err != nil {
		return fmt.Errorf("stream %s, of %d replicas: %w", s.names.stream(), replicas, err)
	}
	s.Log.Info("the stream is ready", "stream", s.names.stream(), "replicas", replicas)
	s.mu.Lock()
	s.stream = stream // from now on there are metrics
	s.mu.Unlock()
	return s.makeConsumers(ctx)
}

// replicate makes the stream, with so many replicas.
func (s *Server) replicate(ctx context.Context, replicas int) (stream jetstream.Stream, err error) {
	config := jetstream.StreamConfig{
		Name: s.names.stream(), Description: "shards of a survey, by danesurvey serve",
		Subjects: []string{s.names.prefix() + "shard.>"}, Retention: jetstream.WorkQueuePolicy,
		Storage: jetstream.FileStorage, Replicas: replicas,
		MaxBytes: cmp.Or(s.MaxBytes, DefaultMaxBytes), MaxMsgsPerSubject: maxShards,
		Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, Duplicates: 2 * time.Minute,
	}
	err = s.api.ask(ctx, "a stream", func(ctx context.Context) (err error) {
		stream, err = s.js.CreateOrUpdateStream(ctx, config)
		return err
	})
	return stream, err
}

// tooFewNodes reports whether a stream cannot have as many replicas as were asked for.
func tooFewNodes(err error) bool {
	const (
		noPeers      = 10005 // no suitable peers for placement
		notClustered = 10074 // replicas > 1 not supported in non-clustered mode
	)
	e, ok := errors.AsType[*jetstream.APIError](err)
	return ok && (e.ErrorCode == noPeers || e.ErrorCode == notClustered)
}

// makeConsumers makes that of each vantage point.
func (s *Server) makeConsumers(ctx context.Context) error {
	for _, v := range s.Vantages {
		config := jetstream.ConsumerConfig{
			Durable: consumerName(v), FilterSubject: s.names.shards(v, "*"), AckPolicy: jetstream.AckExplicitPolicy,
			AckWait: s.ackWait, MaxDeliver: -1, MaxAckPending: 2 * maxShards,
		}
		err := s.api.ask(ctx, "a consumer", func(ctx context.Context) error {
			old, err := s.stream.Consumer(ctx, config.Durable)
			switch {
			case err == nil:
				config.PauseUntil = old.CachedInfo().Config.PauseUntil // who has paused it resumes it
			case !errors.Is(err, jetstream.ErrConsumerNotFound):
				return err
			}
			_, err = s.stream.CreateOrUpdateConsumer(ctx, config)
			return err
		})
		if err != nil {
			return fmt.Errorf("consumer %s: %w", config.Durable, err)
		}
	}
	return nil
}
