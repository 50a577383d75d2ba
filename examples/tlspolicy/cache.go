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
	// expired is called when a verdict ends that was asked for since it was found. It must not
	// block. Nil is for nobody.
	expired func(target)

	mu      sync.Mutex
	used    int
	entries map[target]*list.Element
	recent  list.List // of *entry; the one asked for last is in front
}

type entry struct {
	target target
	found  found
	asked  bool // since it was found
	timer  *time.Timer
}

func (e *entry) size() int { return entryOctets + len(e.target.name) + len(e.found.reason) }

// get returns a verdict that holds at an instant.
func (c *cache) get(t target, now time.Time) (verdict, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.entries[t]
	if at == nil {
		return verdict{}, false
	}
	e := at.Value.(*entry)
	if !now.Before(e.found.expires) {
		return verdict{}, false
	}
	e.asked = true
	c.recent.MoveToFront(at)
	return e.found.verdict, true
}

// put keeps a verdict until it expires.
func (c *cache) put(t target, f found, now time.Time) {
	left := f.expires.Sub(now)
	e := &entry{target: t, found: f}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.entries[t]; old != nil {
		c.remove(old)
	}
	if left <= 0 || e.size() > c.octets {
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
	e.timer = time.AfterFunc(left, func() { c.end(at) })
}

// end removes an entry whose time has come.
func (c *cache) end(at *list.Element) {
	c.mu.Lock()
	e := at.Value.(*entry)
	current := c.entries[e.target] == at
	if current {
		c.remove(at)
	}
	again := current && e.asked
	c.mu.Unlock()
	if again && c.expired != nil {
		c.expired(e.target)
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
