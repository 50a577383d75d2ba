package dnssec

import (
	"container/list"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// A cache keeps verdicts: the zero cache is empty. It is bounded by entries and by
// the memory they take, and forgets the least recently used first. It is safe for
// concurrent use.
type cache struct {
	mu         sync.Mutex
	anchors    anchor.Set // that the verdicts rest on
	generation int        // changes with them
	entries    map[question]*list.Element
	recent     list.List // of *cached, most recent first
	weight     int       // octets, roughly
}

type cached struct {
	question
	*verdict
	weight int
}

// follow empties the cache when the anchors are others than before, since then its
// verdicts need not hold, and returns the generation to read and write by.
func (c *cache) follow(anchors anchor.Set) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.anchors.Equal(anchors) {
		c.anchors = anchors
		c.generation++
		clear(c.entries)
		c.recent.Init()
		c.weight = 0
	}
	return c.generation
}

// get returns what is known and has not expired.
func (c *cache) get(q question, now time.Time, generation int) *verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.entries[q]
	if element == nil || generation != c.generation {
		return nil
	}
	entry := element.Value.(*cached)
	if now.Before(entry.made) {
		return nil // another lookup is ahead, or the clock was set back
	}
	if !now.Before(entry.expires) {
		c.remove(element)
		return nil
	}
	c.recent.MoveToFront(element)
	return entry.verdict
}

func (c *cache) put(q question, v *verdict, generation int) {
	entry := &cached{q, v, weigh(v)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation != c.generation || entry.weight > cacheBytes/100 {
		return
	}
	if c.entries == nil {
		c.entries = make(map[question]*list.Element)
	}
	if element := c.entries[q]; element != nil {
		c.remove(element)
	}
	c.entries[q] = c.recent.PushFront(entry)
	c.weight += entry.weight
	for len(c.entries) > cacheEntries || c.weight > cacheBytes {
		c.remove(c.recent.Back())
	}
}

func (c *cache) remove(element *list.Element) {
	entry := element.Value.(*cached)
	delete(c.entries, entry.question)
	c.recent.Remove(element)
	c.weight -= entry.weight
}

// weigh estimates the memory that a verdict takes: names are kept as text, which
// takes up to four times their octets.
func weigh(v *verdict) int {
	const overhead, perRecord = 512, 128
	weight := overhead
	weigh := func(rr dns.RR) { weight += perRecord + len(rr.Header().Name) + 4*dns.Len(rr) }
	if len(v.proof) == 0 {
		for _, rr := range v.records {
			weigh(rr)
		}
	}
	for _, set := range v.proof { // the records are among them
		for _, rr := range set.records {
			weigh(rr)
		}
		weigh(set.sig)
	}
	return weight
}
