package daemon

import (
	"sync"
	"time"
)

// Of lines about the same, seldomBurst are let through at once, and then one every seldomEvery.
const (
	seldomEvery = time.Second
	seldomBurst = 20
)

// Seldom keeps what strangers do, as often as they like, from filling the log: of many lines about
// it one a second is written, with the number of those that were not. The zero Seldom is ready to
// use, and safe for concurrent use.
type Seldom struct {
	mu   sync.Mutex
	next time.Time // at the earliest; up to a burst ago
	left int
}

// Now reports whether a line is to be written, and how many were left out since the last one.
func (s *Seldom) Now() (leftOut int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.next) {
		s.left++
		return 0, false
	}
	if oldest := now.Add(-(seldomBurst - 1) * seldomEvery); s.next.Before(oldest) {
		s.next = oldest
	}
	leftOut, s.left, s.next = s.left, 0, s.next.Add(seldomEvery)
	return leftOut, true
}
