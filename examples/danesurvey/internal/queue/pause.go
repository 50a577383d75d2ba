package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// forever is longer than any survey.
const forever = 100 * 365 * 24 * time.Hour

// Pause has no more shards given out, or has it go on. It returns how many vantage points there
// are. What workers have they finish; JetStream remembers the pause.
func Pause(ctx context.Context, conn *nats.Conn, name string, pause bool) (int, error) {
	names, err := newNames(name)
	if err != nil {
		return 0, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return 0, err
	}
	stream, err := js.Stream(ctx, names.stream())
	if err != nil {
		return 0, fmt.Errorf("survey %s: %w", name, err)
	}
	n := 0
	consumers := stream.ConsumerNames(ctx)
	for consumer := range consumers.Name() {
		if pause {
			_, err = stream.PauseConsumer(ctx, consumer, time.Now().Add(forever))
		} else {
			_, err = stream.ResumeConsumer(ctx, consumer)
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, consumers.Err()
}
