package dnssec

import (
	"container/list"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// A question is a name and a type.
type question struct {
	name  canonical.Name
	qtype uint16
}

// A cache keeps verdicts: the zero cache is empty. It holds at most cacheEntries
// and forgets the least recently used first. It is safe for concurrent use.
type cache struct {
	mu      sync.Mutex
	entries map[question]*list.Element
	recent  list.List // of *cached, most recent first
}

type cached struct {
	question
	*verdict
}

// get returns what is known and has not expired.
func (c *cache) get(q question, now time.Time) *verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.entries[q]
	if element == nil {
		return nil
	}
	entry := element.Value.(*cached)
	if !now.Before(entry.expires) || now.Before(entry.made) {
		c.remove(element)
		return nil
	}
	c.recent.MoveToFront(element)
	return entry.verdict
}

func (c *cache) put(q question, v *verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil {
		c.entries = make(map[question]*list.Element)
	}
	if element := c.entries[q]; element != nil {
		c.remove(element)
	}
	if len(c.entries) >= cacheEntries {
		c.remove(c.recent.Back())
	}
	c.entries[q] = c.recent.PushFront(&cached{q, v})
}

func (c *cache) remove(element *list.Element) {
	delete(c.entries, element.Value.(*cached).question)
	c.recent.Remove(element)
}
