package dnssec

import (
	"context"
	"sync"
	"time"
)

// An inflightContext is the context of a question in flight: it has the values of that of whoever
// began it, but a limit and an end of its own. Being part of the inflight it takes less than those of
// package context, above all where its end is waited for by AfterFunc, as for each query. It must
// begin before it is used, and is safe for concurrent use then.
type inflightContext struct {
	context.Context // for the values
	deadline        time.Time
	timer           *time.Timer

	mu    sync.Mutex
	err   error         // why it has ended; nil until then
	done  chan struct{} // made for the first who asks for it
	after []func()      // to be called at its end; nil where that is not wanted any more
	room  [1]func()     // for after
}

// begin sets the time that is left.
func (c *inflightContext) begin(values context.Context, limit time.Duration) {
	c.Context, c.deadline, c.after = context.WithoutCancel(values), time.Now().Add(limit), c.room[:0]
	c.timer = time.AfterFunc(limit, func() { c.end(context.DeadlineExceeded) })
}

// cancel ends it, unless it has ended.
func (c *inflightContext) cancel() {
	c.timer.Stop()
	c.end(context.Canceled)
}

func (c *inflightContext) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	if c.done != nil {
		close(c.done)
	}
	for _, f := range c.after {
		if f != nil {
			go f()
		}
	}
	c.after = nil
}

// Deadline is when it ends by itself.
func (c *inflightContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Err is nil until it ends.
func (c *inflightContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Done is closed when it ends.
func (c *inflightContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

// AfterFunc calls f in its own goroutine at the end, unless stop is called before. Package context
// uses it, too, where it would need a goroutine otherwise: see [context.AfterFunc]. The place of one that
// was stopped is not used again, since stop may be called twice; there is one for each query.
func (c *inflightContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	at := len(c.after)
	c.after = append(c.after, f)
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		stopped := c.err == nil && c.after[at] != nil
		if stopped {
			c.after[at] = nil
		}
		return stopped
	}
}
