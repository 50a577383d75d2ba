package upstream

import (
	"sync"
	"sync/atomic"
	"time"
)

// A clock says how much time has passed, for what is kept for a while. The clock of a process that
// Go measures time by stands still while the machine sleeps (golang.org/issue/24595), and so would
// have kept for a day what was learned before a week of sleep. That of the wall runs on, but may be
// set back, and then what was to be kept for seconds would stay for as long. So this one runs as
// the former does, and makes up for what the latter was ahead. It never runs back, and it is no time
// of day. The zero value is ready to use.
type clock struct {
	read atomic.Pointer[reading] // the last one that was kept
	mu   sync.Mutex              // of who keeps the next one
}

// A reading is what the clock of Go was at some time, and what it had missed by then.
type reading struct {
	at    time.Time
	slept time.Duration
}

const (
	// leastSleep is from when on the difference of both clocks is taken for sleep: wall clocks that
	// are slewed gain less than that from one reading to the next.
	leastSleep = time.Second
	// readingLife is for how long a reading serves, so that most calls take no lock. Who slews a wall
	// clock makes far less than leastSleep of it in that time.
	readingLife = time.Second
)

func (c *clock) now() time.Time {
	now := time.Now()
	last := c.read.Load()
	if last == nil || !last.serves(now) {
		last = c.keep(last)
	}
	return now.Add(last.slept)
}

// serves reports whether it is so short a time since the reading that nothing is missed without a
// new one, and the machine has not slept.
func (r *reading) serves(now time.Time) bool {
	return now.Sub(r.at) < readingLife && r.sleep(now) == 0
}

// sleep is how long the machine has slept since the reading.
func (r *reading) sleep(now time.Time) time.Duration {
	return asleep(now.Round(0).Sub(r.at.Round(0)), now.Sub(r.at))
}

// asleep is how long the machine has slept if so much time has passed by the wall's clock and by
// that of the process.
func asleep(wall, process time.Duration) time.Duration {
	if slept := wall - process; slept >= leastSleep {
		return slept
	}
	return 0
}

// keep makes a new reading, unless somebody else did so after last.
func (c *clock) keep(last *reading) *reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	if newer := c.read.Load(); newer != last {
		return newer
	}
	next := &reading{at: time.Now()}
	if last != nil {
		next.slept = last.slept + last.sleep(next.at)
	}
	c.read.Store(next)
	return next
}
