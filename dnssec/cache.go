package dnssec

import (
	"container/list"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/dnssec/internal/weight"
)

// cacheShards is how many parts the cache has, each with a lock of its own, so that
// lookups on many cores do not wait for each other.
const cacheShards = 16

// cacheBytes is the memory that a Resolver keeps verdicts in, in octets of the heap: each is an
// RRset or denial of typically two kilobytes. One that takes more than a hundredth of it is not
// kept.
const cacheBytes = 28 << 20

// A cache keeps verdicts: the zero cache is empty. It is bounded by the memory that they
// and all they rest on take, and forgets the least recently used first. It is safe for
// concurrent use.
type cache struct {
	shards [cacheShards]shard
	weight atomic.Int64  // octets
	oldest atomic.Uint32 // the shard that forgot something last
}

type shard struct {
	mu      sync.Mutex
	entries map[validate.Question]*list.Element
	recent  list.List // of *cached, most recent first
}

// A cached verdict holds for the trust anchors of one generation.
type cached struct {
	validate.Question
	*validate.Verdict
	text       string // of the name
	generation int
	weight     int64 // without the verdict
}

// perEntry is what an entry takes besides its name: itself, with its places in the list and
// in the map, which may be half empty.
const perEntry = 256

// cacheSeed spreads names over the shards in a way that nobody can foresee.
var cacheSeed = maphash.MakeSeed()

// get returns what is known and has not expired.
func (c *cache) get(q validate.Question, now time.Time, generation int) *validate.Verdict {
	s := &c.shards[maphash.String(cacheSeed, string(q.Name))%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if entry := s.use(c, s.entries[q], now, generation); entry != nil {
		return entry.Verdict
	}
	return nil
}

// getWire is get for a name in wire form, without making a copy of it.
func (c *cache) getWire(name []byte, qtype uint16, now time.Time, generation int) *cached {
	s := &c.shards[maphash.Bytes(cacheSeed, name)%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.use(c, s.entries[validate.Question{Name: canonical.Name(name), Type: qtype}], now, generation)
}

// use returns the entry, if it may be used, as the most recent one.
func (s *shard) use(c *cache, element *list.Element, now time.Time, generation int) *cached {
	if element == nil {
		return nil
	}
	entry := element.Value.(*cached)
	// What another lookup found after this one began is fine, but a clock that was set
	// back is not.
	if entry.generation != generation || entry.Made.Sub(now) > validate.QuestionTime {
		return nil
	}
	if !now.Before(entry.Expires) {
		s.remove(c, element)
		return nil
	}
	s.recent.MoveToFront(element)
	return entry
}

// put keeps a verdict, unless it takes more than its share of the memory. text is the name.
func (c *cache) put(q validate.Question, text string, v *validate.Verdict, generation int) {
	entry := &cached{Question: q, Verdict: v, text: text, generation: generation}
	entry.weight = int64(perEntry + weight.Rounded(len(q.Name)) + weight.Rounded(len(entry.text)))
	if v.Size()+entry.weight > cacheBytes/100 {
		return
	}
	c.hold(v)
	c.weight.Add(entry.weight)
	if !c.shards[maphash.String(cacheSeed, string(q.Name))%cacheShards].put(c, entry) {
		c.drop(entry)
	}
	for c.weight.Load() > cacheBytes && c.forgetOldest() {
	}
}

// put reports whether the entry is kept: it is not in place of one of a later generation.
func (s *shard) put(c *cache, entry *cached) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		s.entries = make(map[validate.Question]*list.Element)
	}
	if element := s.entries[entry.Question]; element != nil {
		if element.Value.(*cached).generation > entry.generation {
			return false
		}
		s.remove(c, element)
	}
	s.entries[entry.Question] = s.recent.PushFront(entry)
	return true
}

func (s *shard) remove(c *cache, element *list.Element) {
	entry := element.Value.(*cached)
	delete(s.entries, entry.Question)
	s.recent.Remove(element)
	c.drop(entry)
}

// drop counts an entry no longer.
func (c *cache) drop(entry *cached) {
	c.weight.Add(-entry.weight)
	c.release(entry.Verdict)
}

// forgetOldest removes the least recently used entry of one of the shards, which take turns,
// and reports whether there was one.
func (c *cache) forgetOldest() bool {
	for range cacheShards {
		s := &c.shards[c.oldest.Add(1)%cacheShards]
		s.mu.Lock()
		last := s.recent.Back()
		if last != nil {
			s.remove(c, last)
		}
		s.mu.Unlock()
		if last != nil {
			return true
		}
	}
	return false
}

// hold counts a verdict that is kept, and what it rests on, which is in memory as long: each
// once, however many rest on it.
func (c *cache) hold(v *validate.Verdict) {
	for ; v != nil && v.Hold(); v = v.RestsOn {
		c.weight.Add(v.Size())
	}
}

// release undoes hold.
func (c *cache) release(v *validate.Verdict) {
	for ; v != nil && v.Release(); v = v.RestsOn {
		c.weight.Add(-v.Size())
	}
}
