package upstream

import (
	"sync"
	"time"
)

// A clock says how much time has passed, for what is kept for a while. The clock of a process that
// Go measures time by stands still while the machine sleeps (golang.org/issue/24595), and so would
// have kept for a day what was learned before a week of sleep. That of the wall runs on, but may be
// set back, and then what was to be kept for seconds would stay for as long. So this one runs as
// the former does, and makes up for what the latter was ahead. It never runs back, and it is no time
// of day. The zero value is ready to use.
type clock struct {
	mu    sync.Mutex
	last  time.Time     // that of Go when it was read last
	slept time.Duration // what it had missed by then
}

// leastSleep is from when on the difference is taken for sleep: wall clocks that are slewed gain
// less than that from one reading to the next.
const leastSleep = time.Second

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now() // here, so that readings have an order
	if !c.last.IsZero() {
		c.pass(now.Round(0).Sub(c.last.Round(0)), now.Sub(c.last))
	}
	c.last = now
	return now.Add(c.slept)
}

// pass notes how much time has passed by the wall's clock and by that of the process.
func (c *clock) pass(wall, process time.Duration) {
	if slept := wall - process; slept >= leastSleep {
		c.slept += slept
	}
}
