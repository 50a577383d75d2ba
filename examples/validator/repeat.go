package main

import (
	"sync"
	"time"
)

const (
	// maxRepeats and maxRepeatedQuery bound what is kept for repetition: with replies of up to
	// ednsSize octets, six megabytes.
	maxRepeats       = 4096
	maxRepeatedQuery = 256
)

// Repeats are replies that are sent again to the same query, octet by octet, in the second in
// which they were made. When thousands come a second, most are such; and to unpack each, to
// copy its answer from the cache and to pack it would take half of the time. No reply is here
// longer than it is true, and none says that it is true for more than a second too long.
// The zero Repeats is empty, and safe for concurrent use.
type repeats struct {
	mu      sync.RWMutex
	second  int64             // that it is
	replies map[string][]byte // by the query; both without the ID, which is in front
}

// idSize is that of a message's ID (RFC 1035 §4.1.1).
const idSize = 2

// get returns the reply to a query, in out if it has room there; nil if there is none.
func (r *repeats) get(query, out []byte, now time.Time) []byte {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.second != now.Unix() {
		return nil
	}
	reply := r.replies[string(query[idSize:])]
	if reply == nil {
		return nil
	}
	return append(append(out[:0], query[:idSize]...), reply...)
}

// put keeps a reply that is true until an instant.
func (r *repeats) put(query, reply []byte, until, now time.Time) {
	second := now.Unix()
	if len(query) > maxRepeatedQuery || until.Unix() <= second {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.second != second {
		r.second, r.replies = second, make(map[string][]byte)
	}
	if len(r.replies) < maxRepeats {
		r.replies[string(query[idSize:])] = append([]byte(nil), reply[idSize:]...)
	}
}
