package dnssec

import (
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
// RRset or denial of typically 600 octets. One that takes more than a hundredth of it is not
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
	mu             sync.Mutex
	entries        map[place]*cached
	newest, oldest *cached // of a list in order of use
}

// A cached verdict holds for the trust anchors of one generation.
type cached struct {
	name       canonical.Name
	qtype      uint16
	generation int32
	text       string // the name
	*validate.Verdict
	newer, older *cached // in order of use
}

func (e *cached) question() validate.Question {
	return validate.Question{Name: e.name, Type: e.qtype}
}

// weight is what an entry takes without its verdict.
func (e *cached) weight() int64 {
	return int64(perEntry + weight.Rounded(len(e.name)) + weight.Rounded(len(e.text)))
}

// perEntry is what an entry takes besides its name and verdict: itself, and its place in the map,
// which may be half empty.
const perEntry = 112

// cacheSeed spreads questions over the shards, and over the places in them, in a way that nobody
// can foresee.
var cacheSeed = maphash.MakeSeed()

// A place is where a question has its entry: its hash. Of two questions that have the same, in 64
// bits, only the last is kept.
type place uint64

func placeOf(q validate.Question) place {
	return place(maphash.String(cacheSeed, string(q.Name)) ^ uint64(q.Type))
}

func (c *cache) shard(at place) *shard { return &c.shards[at%cacheShards] }

// get returns what is known and has not expired.
func (c *cache) get(q validate.Question, now time.Time, generation int) *validate.Verdict {
	at := placeOf(q)
	s := c.shard(at)
	s.mu.Lock()
	defer s.mu.Unlock()
	entry := s.entries[at]
	if entry == nil || entry.question() != q || !s.use(c, at, now, generation) {
		return nil
	}
	return entry.Verdict
}

// getWire is get for a name in wire form, without making a copy of it.
func (c *cache) getWire(name []byte, qtype uint16, now time.Time, generation int) *cached {
	at := place(maphash.Bytes(cacheSeed, name) ^ uint64(qtype))
	s := c.shard(at)
	s.mu.Lock()
	defer s.mu.Unlock()
	entry := s.entries[at]
	if entry == nil || string(entry.name) != string(name) || entry.qtype != qtype || !s.use(c, at, now, generation) {
		return nil
	}
	return entry
}

// use reports whether the entry at a place may be used, and makes it the most recent one.
func (s *shard) use(c *cache, at place, now time.Time, generation int) bool {
	entry := s.entries[at]
	// What another lookup found after this one began is fine, but a clock that was set
	// back is not.
	if int(entry.generation) != generation || entry.Made.Sub(now) > validate.QuestionTime {
		return false
	}
	if !now.Before(entry.Expires) {
		s.remove(c, at)
		return false
	}
	s.unlink(entry)
	s.link(entry)
	return true
}

// put keeps a verdict, unless it takes more than its share of the memory. text is the name.
func (c *cache) put(q validate.Question, text string, v *validate.Verdict, generation int) {
	if len(v.Records) > 0 && v.Records[0].Header().Name == text {
		text = v.Records[0].Header().Name // one string is enough
	}
	entry := &cached{name: q.Name, qtype: q.Type, generation: int32(generation), text: text, Verdict: v}
	if v.Size()+entry.weight() > cacheBytes/100 {
		return
	}
	c.hold(v)
	c.weight.Add(entry.weight())
	at := placeOf(q)
	if !c.shard(at).put(c, at, entry) {
		c.drop(entry)
	}
	for c.weight.Load() > cacheBytes && c.forgetOldest() {
	}
}

// put reports whether the entry is kept: it is not in place of one of a later generation.
func (s *shard) put(c *cache, at place, entry *cached) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		s.entries = make(map[place]*cached)
	}
	if old := s.entries[at]; old != nil {
		if old.generation > entry.generation {
			return false
		}
		s.remove(c, at)
	}
	s.entries[at] = entry
	s.link(entry)
	return true
}

func (s *shard) remove(c *cache, at place) {
	entry := s.entries[at]
	delete(s.entries, at)
	s.unlink(entry)
	c.drop(entry)
}

// link makes an entry the most recently used.
func (s *shard) link(entry *cached) {
	entry.older = s.newest
	if s.newest != nil {
		s.newest.newer = entry
	} else {
		s.oldest = entry
	}
	s.newest = entry
}

// unlink takes an entry out of the order of use.
func (s *shard) unlink(entry *cached) {
	if entry.newer != nil {
		entry.newer.older = entry.older
	} else {
		s.newest = entry.older
	}
	if entry.older != nil {
		entry.older.newer = entry.newer
	} else {
		s.oldest = entry.newer
	}
	entry.newer, entry.older = nil, nil
}

// drop counts an entry no longer.
func (c *cache) drop(entry *cached) {
	c.weight.Add(-entry.weight())
	c.release(entry.Verdict)
}

// forgetOldest removes the least recently used entry of one of the shards, which take turns,
// and reports whether there was one.
func (c *cache) forgetOldest() bool {
	for range cacheShards {
		s := &c.shards[c.oldest.Add(1)%cacheShards]
		s.mu.Lock()
		oldest := s.oldest
		if oldest != nil {
			s.remove(c, placeOf(oldest.question()))
		}
		s.mu.Unlock()
		if oldest != nil {
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
