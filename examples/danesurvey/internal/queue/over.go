package queue

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// How a worker that was not told finds out that there is nothing to be done any more: the stream
// is gone each time that it looks. A Server that has lost its stream makes it again before.
const (
	lookEvery = 5 * time.Second
	goneTimes = 3
)

// errOver ends a worker whose survey is over.
var errOver = errors.New("the survey is over")

// watch looks whether the stream is there until ctx ends, and calls over once it is gone for good. Without a
// connection nothing is known of it.
func (w *Worker) watch(ctx context.Context, over func()) {
	for gone := 0; gone < goneTimes; {
		if !sleep(ctx, lookEvery) {
			return
		}
		looking, cancel := context.WithTimeout(ctx, lookEvery)
		_, err := w.consumer.Info(looking)
		cancel()
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrConsumerNotFound):
			gone++
		default:
			gone = 0
		}
	}
	w.Log.Warn("the survey is not there any more")
	over()
}
