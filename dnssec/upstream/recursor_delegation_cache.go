package upstream

import (
	"sync"
	"time"
)

// A delegationCache keeps delegations by the name of the zone, up to maxDelegationsSize. The
// zero value is empty.
type delegationCache struct {
	mu    sync.Mutex
	zones map[string]*delegation
	size  int       // of all
	swept time.Time // when those that had expired were dropped last
}

// getOrPut keeps a delegation and returns it. If another resolution has just found the same
// one, it returns that instead, so that both share what they learn about its servers.
func (c *delegationCache) getOrPut(d *delegation, now time.Time) *delegation {
	weight := d.size()
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.zones[d.name]; old != nil && now.Before(old.expires) && now.Sub(old.made) < minDelegationLife && old.isLike(d) {
		return old
	}
	c.keep(d, weight, now)
	return d
}

// put keeps a delegation.
func (c *delegationCache) put(d *delegation, now time.Time) {
	weight := d.size()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(d, weight, now)
}

// keep keeps a delegation, and drops the old one of the same zone. A full cache drops others,
// in no particular order: each is found again by one query. The caller holds the lock.
func (c *delegationCache) keep(d *delegation, weight int, now time.Time) {
	if !now.Before(d.expires) {
		return
	}
	if c.zones == nil {
		c.zones = make(map[string]*delegation)
	}
	if now.Sub(c.swept) >= sweepInterval {
		c.swept = now
		for _, other := range c.zones {
			if !now.Before(other.expires) {
				c.drop(other)
			}
		}
	}
	if old := c.zones[d.name]; old != nil {
		c.drop(old)
	}
	c.zones[d.name] = d
	c.weigh(d, weight)
}

// resized counts the memory of what was learned about a zone since it was put.
func (c *delegationCache) resized(d *delegation) {
	weight := d.size()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.zones[d.name] == d {
		c.weigh(d, weight)
	}
}

// weigh counts the memory of a delegation in the cache, and makes room for it. The caller
// holds the lock.
func (c *delegationCache) weigh(d *delegation, weight int) {
	c.size += weight - d.weight
	d.weight = weight
	for _, other := range c.zones {
		if c.size <= maxDelegationsSize {
			return
		}
		if other != d {
			c.drop(other)
		}
	}
}

// drop forgets a delegation. The caller holds the lock.
func (c *delegationCache) drop(d *delegation) {
	delete(c.zones, d.name)
	c.size -= d.weight
	d.weight = 0
}

// get returns the delegation of a zone, or nil.
func (c *delegationCache) get(name string, now time.Time) *delegation {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.zones[name]
	if d != nil && !now.Before(d.expires) {
		c.drop(d)
		return nil
	}
	return d
}
