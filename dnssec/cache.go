package dnssec

import (
	"container/list"
	"hash/maphash"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// cacheShards is how many parts the cache has, each with a lock of its own, so that
// lookups on many cores do not wait for each other.
const cacheShards = 16

// A cache keeps verdicts: the zero cache is empty. It is bounded by the memory they
// take, and forgets the least recently used first. It is safe for concurrent use.
type cache struct {
	shards [cacheShards]shard
}

type shard struct {
	mu      sync.Mutex
	entries map[question]*list.Element
	recent  list.List // of *cached, most recent first
	weight  int       // octets, roughly
}

// A cached verdict holds for the trust anchors of one generation.
type cached struct {
	question
	*verdict
	text       string // of the name
	generation int
	weight     int
}

// cacheSeed spreads names over the shards in a way that nobody can foresee.
var cacheSeed = maphash.MakeSeed()

// get returns what is known and has not expired.
func (c *cache) get(q question, now time.Time, generation int) *verdict {
	s := &c.shards[maphash.String(cacheSeed, string(q.name))%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if entry := s.use(s.entries[q], now, generation); entry != nil {
		return entry.verdict
	}
	return nil
}

// getWire is get for a name in wire form, without making a copy of it.
func (c *cache) getWire(name []byte, qtype uint16, now time.Time, generation int) *cached {
	s := &c.shards[maphash.Bytes(cacheSeed, name)%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.use(s.entries[question{canonical.Name(name), qtype}], now, generation)
}

// use returns the entry, if it may be used, as the most recent one.
func (s *shard) use(element *list.Element, now time.Time, generation int) *cached {
	if element == nil {
		return nil
	}
	entry := element.Value.(*cached)
	// What another lookup found after this one began is fine, but a clock that was set
	// back is not.
	if entry.generation != generation || entry.made.Sub(now) > flightLimit {
		return nil
	}
	if !now.Before(entry.expires) {
		s.remove(element)
		return nil
	}
	s.recent.MoveToFront(element)
	return entry
}

// put keeps a verdict, unless it takes more than its share of the memory.
func (c *cache) put(q question, v *verdict, generation int) {
	entry := &cached{question: q, verdict: v, text: q.name.String(), generation: generation}
	entry.weight = weigh(v) + excess(v.on) + 2*len(entry.text)
	if entry.weight > cacheBytes/100 {
		return
	}
	s := &c.shards[maphash.String(cacheSeed, string(q.name))%cacheShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		s.entries = make(map[question]*list.Element)
	}
	if element := s.entries[q]; element != nil {
		if element.Value.(*cached).generation > generation {
			return
		}
		s.remove(element)
	}
	s.entries[q] = s.recent.PushFront(entry)
	s.weight += entry.weight
	for s.weight > cacheBytes/cacheShards {
		s.remove(s.recent.Back())
	}
}

func (s *shard) remove(element *list.Element) {
	entry := element.Value.(*cached)
	delete(s.entries, entry.question)
	s.recent.Remove(element)
	s.weight -= entry.weight
}

// commonKeys is what the keys of an ordinary zone and their DS records weigh, at most.
const commonKeys = 4 << 10

// excess is the weight of the keys that a verdict rests on, beyond that. It counts for each
// that keeps them in memory, after they were forgotten themselves. Those of the zones above
// are few.
func excess(on *verdict) int { return max(weighKeys(on)-commonKeys, 0) }

// weighKeys is the weight of a zone's keys and of their DS records.
func weighKeys(keys *verdict) int {
	weight := 0
	for range 2 {
		if keys != nil {
			weight += weigh(keys)
			keys = keys.on
		}
	}
	return weight
}

// weigh estimates the memory that a verdict takes: names are kept as text, which
// takes up to four times their octets.
func weigh(v *verdict) int {
	const overhead, perRecord = 768, 128
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
