package upstream

import (
	"sync"
	"time"
)

// A cutCache keeps delegations by the name of the zone. The zero cache is empty.
type cutCache struct {
	mu    sync.Mutex
	zones map[string]*delegation
}

// put keeps a delegation. A full cache drops others, in no particular order: each is
// found again by one query.
func (c *cutCache) put(d *delegation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.zones == nil {
		c.zones = make(map[string]*delegation)
	}
	for name := range c.zones {
		if len(c.zones) < maxDelegations {
			break
		}
		delete(c.zones, name)
	}
	c.zones[d.name] = d
}

// get returns the delegation of a zone, or nil.
func (c *cutCache) get(name string, now time.Time) *delegation {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.zones[name]
	if d != nil && !now.Before(d.expires) {
		delete(c.zones, name)
		return nil
	}
	return d
}

// closest returns the closest known zone that encloses a name: the root at last.
func (r *Recursor) closest(name string) *delegation {
	now := r.now()
	for ; name != "."; name = parent(name) {
		if d := r.cuts.get(name, now); d != nil {
			return d
		}
	}
	return r.root(now)
}
