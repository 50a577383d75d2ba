package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	conn.SetErrorHandler(names.guard(slog.New(slog.DiscardHandler), end))
	n, err := pauseAll(ctx, js, names, pause)
	if cause := context.Cause(ctx); errors.Is(cause, ErrNotAllowed) {
		return n, fmt.Errorf("only the operator's key may have a survey paused or go on (-nkey DIR/operator.nk): %w", cause)
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = fmt.Errorf("the server has no survey %q: %w", name, err)
	}
	return n, err
}

// pauseAll is Pause for all vantage points.
func pauseAll(ctx context.Context, js jetstream.JetStream, names names, pause bool) (n int, err error) {
	stream, err := js.Stream(ctx, names.stream())
	if err != nil {
		return 0, err
	}
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
