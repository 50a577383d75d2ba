package dnssec

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

type testKey struct{}

// What package context promises of its contexts holds for that of a question in flight.
func TestInflightContextEnds(t *testing.T) {
	t.Parallel()
	for label, tt := range map[string]struct {
		cancel bool
		after  time.Duration
		want   error
	}{
		"by its limit":        {want: context.DeadlineExceeded, after: time.Minute},
		"when it is canceled": {cancel: true, want: context.Canceled},
		"when nobody waits":   {cancel: true, after: time.Second, want: context.Canceled},
	} {
		t.Run(label, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parent, endParent := context.WithCancelCause(context.WithValue(t.Context(), testKey{}, "value"))
				var c inflightContext
				start := time.Now()
				c.begin(parent, time.Minute)
				endParent(errors.New("the caller's"))
				synctest.Wait()
				if deadline, ok := c.Deadline(); !ok || deadline.Sub(start) != time.Minute {
					t.Errorf("the deadline is %s, %v", deadline, ok)
				}
				if c.Value(testKey{}) != "value" || c.Err() != nil || context.Cause(&c) != nil {
					t.Errorf("it has %v, and has ended by %v, %v", c.Value(testKey{}), c.Err(), context.Cause(&c))
				}
				child, endChild := context.WithCancel(&c)
				defer endChild()
				var called atomic.Int32
				c.AfterFunc(func() { called.Add(1) })
				context.AfterFunc(child, func() { called.Add(1) })
				if tt.cancel {
					time.Sleep(tt.after)
					c.cancel()
				}
				<-c.Done()
				<-child.Done()
				synctest.Wait()
				if got := time.Since(start); got != tt.after {
					t.Errorf("it ended after %s, want %s", got, tt.after)
				}
				if called.Load() != 2 || c.Err() != tt.want || context.Cause(&c) != tt.want || child.Err() != tt.want {
					t.Errorf("called %d times; %v, %v, its child by %v, want %v",
						called.Load(), c.Err(), context.Cause(&c), child.Err(), tt.want)
				}
				time.Sleep(2 * time.Minute)
				c.cancel()
				if c.Err() != tt.want {
					t.Errorf("the error has become %v", c.Err())
				}
			})
		})
	}
}

// What is asked for after the end is there at once.
func TestInflightContextHasEnded(t *testing.T) {
	t.Parallel()
	var c inflightContext
	c.begin(t.Context(), time.Minute)
	c.cancel()
	<-c.Done()
	called := make(chan struct{})
	if stop := c.AfterFunc(func() { close(called) }); stop() {
		t.Error("what was called at once could be stopped")
	}
	<-called
	child, endChild := context.WithCancel(&c)
	defer endChild()
	if child.Err() != context.Canceled {
		t.Errorf("a child has %v", child.Err())
	}
}

// What is stopped is not called, and a context that ends leaves nothing at its parent.
func TestInflightContextForgets(t *testing.T) {
	t.Parallel()
	var c inflightContext
	c.begin(t.Context(), time.Minute)
	defer c.cancel()
	var stops []func() bool
	for range 3 {
		stops = append(stops, c.AfterFunc(func() { t.Error("called") }))
	}
	_, endChild := context.WithCancel(&c) // which would take a goroutine if it did not know AfterFunc
	if len(c.after) != 4 {
		t.Errorf("%d functions wait for the end, want 4", len(c.after))
	}
	endChild()
	for _, stop := range stops {
		if !stop() || stop() {
			t.Error("it is not stopped once")
		}
	}
	for i, f := range c.after {
		if f != nil {
			t.Errorf("function %d is left", i)
		}
	}
}

// Each function is either called or stopped, whatever happens at once.
func TestInflightContextIsShared(t *testing.T) {
	t.Parallel()
	for range 50 {
		var c inflightContext
		c.begin(t.Context(), time.Millisecond)
		var count atomic.Int32
		var all, called sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				called.Add(1)
				stop := c.AfterFunc(func() { count.Add(1); called.Done() })
				if i%2 == 0 && stop() {
					count.Add(1)
					called.Done()
				}
				if i == 5 {
					c.cancel()
				}
				<-c.Done()
				if c.Err() == nil {
					t.Error("it is done without an error")
				}
			})
		}
		all.Wait()
		called.Wait()
		if count.Load() != 8 {
			t.Errorf("%d functions were called or stopped, of 8", count.Load())
		}
	}
}
