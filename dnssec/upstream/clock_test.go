package upstream

import (
	"testing"
	"testing/synctest"
	"time"
)

// sleep has the machine sleep: for the process no time passes.
func (c *clock) sleep(d time.Duration) {
	read := *c.keep(c.read.Load())
	read.slept += d
	c.read.Store(&read)
}

func TestClock(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	for _, tt := range []struct {
		name          string
		wall, process time.Duration // that pass
		want          time.Duration
	}{
		{"awake", hour, hour, hour},
		{"asleep for three hours of four", 4 * hour, hour, 4 * hour},
		{"the wall's clock is slewed", hour + leastSleep/2, hour, hour},
		{"the wall's clock is set forward", 24 * hour, hour, 24 * hour},
		{"the wall's clock is set back", -24 * hour, hour, hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.process + asleep(tt.wall, tt.process); got != tt.want {
				t.Errorf("%s have passed, want %s", got, tt.want)
			}
		})
	}
}

// A laptop that has slept for days asks the zones above for what has become of those that it
// knew, and its servers get another chance.
func TestSleepCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		servers := internet(nil)
		net := newNet(t, servers)
		r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
		askRecursor(t, r, "example.test. MX")
		servers["192.0.2.2"] = authority("test.\n@ TXT gone")
		r.clock.sleep(3 * 24 * time.Hour)
		if _, got := askRecursor(t, r, "example.test. MX"); got != "NXDOMAIN, a. b. 1 2 3 4 60" {
			t.Errorf("three days after a delegation of one hour: %s", got)
		}

		pool := newNet(t, map[string]behaviour{"192.0.2.1": silent}).pool("192.0.2.1")
		askPool := func() { pool.Exchange(t.Context(), &Query{Msg: question("signed.test.", 1)}) }
		askPool()
		if pool.backoffReason(pool.servers[0], pool.now()) == nil {
			t.Error("a silent server is not in backoff")
		}
		pool.clock.sleep(time.Hour)
		if err := pool.backoffReason(pool.servers[0], pool.now()); err != nil {
			t.Errorf("an hour later: %v", err)
		}
	})
}
