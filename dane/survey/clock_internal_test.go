package survey

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// What is made from a clock ends with it, and by what it ends by.
func TestClockEndsContexts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(*clock, context.CancelFunc)
		want error
	}{
		{"the domain is done", func(c *clock, _ context.CancelFunc) { c.end(context.Canceled) }, context.Canceled},
		{"its time is over", func(*clock, context.CancelFunc) { time.Sleep(time.Minute) }, context.DeadlineExceeded},
		{"its time is over after a wait", func(c *clock, _ context.CancelFunc) {
			c.stand()
			time.Sleep(time.Hour)
			c.goOn()
			time.Sleep(time.Minute)
		}, context.DeadlineExceeded},
		{"its parent has ended", func(_ *clock, cancel context.CancelFunc) { cancel() }, context.Canceled},
	} {
		synctest.Test(t, func(t *testing.T) {
			parent, cancelParent := context.WithCancel(t.Context())
			defer cancelParent()
			c := newClock(parent, time.Minute)
			defer c.end(context.Canceled)
			made, cancel := context.WithCancel(c)
			defer cancel()
			of, cancelOf := context.WithTimeout(made, 24*time.Hour)
			defer cancelOf()
			time.Sleep(time.Minute / 2)
			c.stand()
			time.Sleep(time.Minute)
			c.goOn()
			if err := of.Err(); err != nil {
				t.Errorf("%s: %v before", tt.name, err)
			}
			tt.end(c, cancelParent)
			synctest.Wait()
			if c.Err() != tt.want || made.Err() != tt.want || of.Err() != tt.want {
				t.Errorf("%s: %v, %v, %v; want %v", tt.name, c.Err(), made.Err(), of.Err(), tt.want)
			}
		})
	}
}

// AfterFunc keeps what context.AfterFunc promises.
func TestClockAfterFunc(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClock(t.Context(), time.Minute)
		calls := make(map[string]int)
		called := func(name string) func() { return func() { calls[name]++ } }
		stop := c.AfterFunc(called("stopped"))
		stopLate := c.AfterFunc(called("not stopped"))
		if !stop() || stop() {
			t.Error("it is not the first stop that counts")
		}
		c.end(context.Canceled)
		synctest.Wait()
		stopTooLate := c.AfterFunc(called("after the end"))
		synctest.Wait()
		if stopLate() || stopTooLate() {
			t.Error("what was called has been stopped")
		}
		if calls["stopped"] != 0 || calls["not stopped"] != 1 || calls["after the end"] != 1 {
			t.Errorf("calls: %v", calls)
		}
	})
}
