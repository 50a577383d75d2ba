package survey

import (
	"context"
	"sync"
	"time"
)

// A clock is the context of one domain. It ends when the time for the domain is used up, of
// which waiting for a turn takes nothing. So it is a context of its own: those of the
// standard library cannot be stopped. While it stands it has no deadline that anybody may
// rely on, and no work of the domain ends by it.
type clock struct {
	parent context.Context
	detach func() bool

	mu    sync.Mutex
	left  time.Duration // at since
	since time.Time     // it runs; zero while it stands
	waits int
	timer *time.Timer
	ended chan struct{}
	err   error
	after []func() // to be called when it ends; nil where that is not wanted any more
}

func newClock(parent context.Context, limit time.Duration) *clock {
	c := &clock{parent: parent, left: limit, ended: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.detach = context.AfterFunc(parent, func() { c.end(parent.Err()) })
	c.run()
	return c
}

func (c *clock) run() {
	c.since = time.Now()
	c.timer = time.AfterFunc(c.left, func() {
		c.mu.Lock()
		over := c.waits == 0 && !c.since.IsZero() && time.Since(c.since) >= c.left
		c.mu.Unlock()
		if over {
			c.end(context.DeadlineExceeded)
		}
	})
}

// stand stops the clock until as many have called go on.
func (c *clock) stand() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waits++; c.waits == 1 {
		c.timer.Stop()
		c.left -= time.Since(c.since)
		c.since = time.Time{}
	}
}

func (c *clock) goOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waits--; c.waits == 0 && c.err == nil {
		c.run()
	}
}

// end is also the end of what was begun with the clock.
func (c *clock) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	c.timer.Stop()
	c.detach()
	close(c.ended)
	for _, f := range c.after {
		if f != nil {
			go f()
		}
	}
}

// AfterFunc is what package context ends a context by that is made from the clock. Without it each of
// them takes a goroutine.
func (c *clock) AfterFunc(f func()) (stop func() bool) {
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
		c.after[at] = nil
		return stopped
	}
}

func (c *clock) Deadline() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	earliest, ok := c.parent.Deadline()
	if c.since.IsZero() {
		return earliest, ok
	}
	if own := c.since.Add(c.left); !ok || own.Before(earliest) {
		return own, true
	}
	return earliest, ok
}

func (c *clock) Done() <-chan struct{} { return c.ended }

func (c *clock) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *clock) Value(key any) any { return c.parent.Value(key) }
