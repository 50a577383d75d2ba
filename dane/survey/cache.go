package survey

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// A cache has what servers have shown, bounded in octets: what was used longest ago gives way.
type cache struct {
	limit int           // octets
	ttl   time.Duration // with 0 or less nobody comes here

	mu       sync.Mutex
	octets   int
	entries  map[serverKey]*list.Element
	recent   *list.List // of *cached
	inFlight map[serverKey]chan struct{}
}

type cached struct {
	key    serverKey
	seen   *sighting
	octets int
}

func newCache(limit int, ttl time.Duration) *cache {
	return &cache{
		limit: limit, ttl: ttl,
		entries: make(map[serverKey]*list.Element), recent: list.New(), inFlight: make(map[serverKey]chan struct{}),
	}
}

// sight returns what a server shows: what is known, or else what look finds. The first who wants
// to know looks, and the others wait, by wait; if what he saw is for nobody else, each of them
// looks for himself.
func (c *cache) sight(ctx context.Context, key serverKey, wait func(func()), look func() (*sighting, error)) (s *sighting, shared bool, err error) {
	c.mu.Lock()
	if s := c.get(key); s != nil {
		c.mu.Unlock()
		return s, true, nil
	}
	if other := c.inFlight[key]; other != nil {
		c.mu.Unlock()
		wait(func() {
			select {
			case <-other:
			case <-ctx.Done():
			}
		})
		c.mu.Lock()
		s := c.get(key)
		c.mu.Unlock()
		if s != nil {
			return s, true, nil
		}
		s, err = look()
		c.put(key, s, nil)
		return s, false, err
	}
	done := make(chan struct{})
	c.inFlight[key] = done
	c.mu.Unlock()
	defer func() { c.put(key, s, done) }()
	s, err = look()
	return s, false, err
}

// get returns what is known and recent enough.
func (c *cache) get(key serverKey) *sighting {
	element := c.entries[key]
	if element == nil {
		return nil
	}
	s := element.Value.(*cached).seen
	ttl := c.ttl
	if s.err != nil {
		ttl = min(ttl, maxFailureShare)
	}
	if time.Since(s.at) >= ttl {
		c.remove(element)
		return nil
	}
	c.recent.MoveToFront(element)
	return s
}

// put keeps what will not change soon, and lets those go on who have waited for it.
func (c *cache) put(key serverKey, s *sighting, done chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if done != nil {
		delete(c.inFlight, key)
		defer close(done)
	}
	if s == nil || !s.lasting() {
		return
	}
	if old := c.entries[key]; old != nil {
		c.remove(old)
	}
	entry := &cached{key, s, s.octets() + len(key.hello) + len(key.sni) + len(key.offer)}
	c.entries[key] = c.recent.PushFront(entry)
	c.octets += entry.octets
	for c.octets > c.limit {
		c.remove(c.recent.Back())
	}
}

func (c *cache) remove(element *list.Element) {
	entry := c.recent.Remove(element).(*cached)
	delete(c.entries, entry.key)
	c.octets -= entry.octets
}
