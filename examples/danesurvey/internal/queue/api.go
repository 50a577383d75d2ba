package queue

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Times of a request to JetStream. A server drops those that come while its cluster has no leader yet, without an error
// until ten seconds have passed, and nats.go waits for the answer as long as the context has: nats-server 2.15.3 and
// nats.go 1.55.0 took 25 seconds to fail with a leader that was there after one, and a request a second later took
// none. So it is sent again.
const (
	apiWait     = 5 * time.Second
	apiPatience = 30 * time.Second
)

// An api asks JetStream. The zero value uses the constants, and has no log.
type api struct {
	wait, patience time.Duration
	log            *slog.Logger
}

// once has f ask, and bounds how long it waits for an answer.
func (a api) once(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(a.wait, apiWait))
	defer cancel()
	return f(ctx)
}

// ask has f ask until there is an answer that stands. The error is that one, or that of ctx, or what was wrong for
// as long as its patience lasts.
func (a api) ask(ctx context.Context, what string, f func(context.Context) error) error {
	until := time.Now().Add(cmp.Or(a.patience, apiPatience))
	lasting := &complaint{log: a.log}
	for {
		err := a.once(ctx, f)
		if err == nil {
			lasting.over("JetStream answers again", "to", what)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !unanswered(err) || time.Now().After(until) {
			return err
		}
		lasting.tell("JetStream does not answer, and is asked again", "to", what, "error", err)
		if !sleep(ctx, cmp.Or(a.wait, apiWait)/10) {
			return context.Cause(ctx)
		}
	}
}

// unanswered reports whether an error says nothing about what was asked: a cluster that chooses leaders loses
// requests, or says that it is unavailable for now.
func unanswered(err error) bool {
	const (
		notAvailable  = 10008 // JetStream system temporarily unavailable
		leaderNotHere = 10009 // JetStream cluster can not handle request
	)
	if e, ok := errors.AsType[*jetstream.APIError](err); ok {
		return e.ErrorCode == notAvailable || e.ErrorCode == leaderNotHere
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) ||
		errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse)
}

// tellEvery is how often a fault is told that lasts.
const tellEvery = time.Minute

// A complaint tells a fault when it begins, each minute while it lasts, and when it is over. After is how long it must
// have lasted before anything is told.
type complaint struct {
	log   *slog.Logger
	after time.Duration
	every time.Duration // 0 means tellEvery

	began, told time.Time
}

func (c *complaint) tell(text string, args ...any) {
	now := time.Now()
	if c.began.IsZero() {
		c.began = now
	}
	if c.log == nil || now.Sub(c.began) < c.after || !c.told.IsZero() && now.Sub(c.told) < cmp.Or(c.every, tellEvery) {
		return
	}
	c.told = now
	c.log.Warn(text, args...)
}

func (c *complaint) over(text string, args ...any) {
	if !c.told.IsZero() && c.log != nil {
		c.log.Info(text, args...)
	}
	c.began, c.told = time.Time{}, time.Time{}
}
