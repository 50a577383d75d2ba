package main

import (
	"container/list"
	"sync"
	"time"
)

// entryOctets is what an entry takes besides its texts: the entry, its places in list and map,
// and its timer. TestCacheMemory measures the whole.
const entryOctets = 512

// A cache keeps verdicts while they hold, in a bounded number of octets: the one that was not
// asked for for the longest goes first.
type cache struct {
	octets int
	// refresh is called for a verdict that was asked for since it was found, when it will end
	// soon, and when it ends. It is told for how long it held. It must not block. Nil is for
	// nobody.
	refresh func(t target, held time.Duration)

	mu      sync.Mutex
	used    int
	entries map[target]*list.Element
	recent  list.List // of *entry; the one asked for last is in front
}

type entry struct {
	target target
	found  found
	asked  bool          // since it was found
	due    bool          // to be refreshed as soon as somebody asks
	held   time.Duration // since it was found, at its end
	timer  *time.Timer
}

func (e *entry) size() int { return entryOctets + len(e.target.name) + len(e.found.reason) }

// get returns a verdict that holds at an instant.
func (c *cache) get(t target, now time.Time) (verdict, bool) {
	c.mu.Lock()
	at := c.entries[t]
	if at == nil || !now.Before(at.Value.(*entry).found.expires) {
		c.mu.Unlock()
		return verdict{}, false
	}
	e := at.Value.(*entry)
	v, held, due := e.found.verdict, e.held, e.due
	e.asked, e.due = true, false
	c.recent.MoveToFront(at)
	c.mu.Unlock()
	if due && c.refresh != nil {
		c.refresh(t, held)
	}
	return v, true
}

// put keeps a verdict until it expires. That of a lookup that failed is not kept in place of
// another that still holds.
func (c *cache) put(t target, f found, now time.Time) {
	e := &entry{target: t, found: f, held: f.expires.Sub(now)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.entries[t]; old != nil {
		known := old.Value.(*entry)
		if f.failure() && !known.found.failure() && now.Before(known.found.expires) {
			c.arm(old, now) // to try it again
			return
		}
		c.remove(old)
	}
	if !now.Before(f.expires) || e.size() > c.octets {
		return
	}
	if c.entries == nil {
		c.entries = make(map[target]*list.Element)
	}
	at := c.recent.PushFront(e)
	c.entries[t] = at
	c.used += e.size()
	for c.used > c.octets {
		c.remove(c.recent.Back())
	}
	c.arm(at, now)
}

// arm sets the timer of an entry: for when it is to be refreshed, or else for its end.
func (c *cache) arm(at *list.Element, now time.Time) {
	e := at.Value.(*entry)
	if e.timer != nil {
		e.timer.Stop()
	}
	left := e.found.expires.Sub(now)
	if early := ahead(left); early > 0 && !e.found.failure() {
		e.timer = time.AfterFunc(left-early, func() { c.soon(at) })
		return
	}
	e.timer = time.AfterFunc(left, func() { c.end(at) })
}

// ahead returns how long before its end a verdict is refreshed, if it holds for some time: a
// tenth of that, as Unbound has it (prefetch in unbound.conf(5)), but no less than a slow lookup
// takes, if there is as much. It is 0 for what is about to end. Where a refresh brings no more
// time, because a forwarder has the answer in a cache of its own, the next ones follow at shorter
// intervals, but only a few: each is at half of the time at least.
func ahead(left time.Duration) time.Duration {
	const slow, least = 5 * time.Second, 2 * time.Second
	if left < least {
		return 0
	}
	return min(max(left/10, slow), left/2)
}

// soon has an entry refreshed that was asked for, or will be.
func (c *cache) soon(at *list.Element) {
	c.mu.Lock()
	e := at.Value.(*entry)
	current, held := c.entries[e.target] == at, e.held
	if current {
		e.timer = time.AfterFunc(time.Until(e.found.expires), func() { c.end(at) })
		e.due = !e.asked
	}
	again := current && e.asked
	c.mu.Unlock()
	if again && c.refresh != nil {
		c.refresh(e.target, held)
	}
}

// end removes an entry whose time has come.
func (c *cache) end(at *list.Element) {
	c.mu.Lock()
	e := at.Value.(*entry)
	current := c.entries[e.target] == at
	if current {
		c.remove(at)
	}
	again, held := current && e.asked, e.held
	c.mu.Unlock()
	if again && c.refresh != nil {
		c.refresh(e.target, held)
	}
}

func (c *cache) remove(at *list.Element) {
	e := at.Value.(*entry)
	if e.timer != nil {
		e.timer.Stop()
	}
	c.recent.Remove(at)
	delete(c.entries, e.target)
	c.used -= e.size()
}

// clear forgets everything.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.recent.Len() > 0 {
		c.remove(c.recent.Back())
	}
}

// size returns the number of verdicts, and the octets they count for.
func (c *cache) size() (entries, octets int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len(), c.used
}
