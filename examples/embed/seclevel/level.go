package seclevel

import (
	"crypto/tls"
	"sync"

	"github.com/danesmtp/danesmtp/dane"
)

// A Level is how well a connection is protected.
type Level int

// From worst to best.
const (
	Clear Level = iota
	Encrypted
	Authenticated
)

// String returns the level in words.
func (l Level) String() string {
	return []string{"in clear", "encrypted", "authenticated"}[l]
}

// levelOf says what a connection to a host is worth once it is known to be what the host demands.
func levelOf(h *dane.Host, state tls.ConnectionState) Level {
	switch {
	case !state.HandshakeComplete:
		return Clear
	case h.Action == dane.MustAuthenticate:
		return Authenticated
	}
	return Encrypted
}

// Levels remembers the best level of each domain. It is ready to use, and safe for concurrent
// use. A real one is kept on disk, and forgets in time: a domain may give its TLSA records up.
type Levels struct {
	mu   sync.Mutex
	best map[string]Level
}

// Allow says whether the domain may be sent to with that level.
func (l *Levels) Allow(domain string, level Level) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return level >= l.best[domain]
}

// Raise remembers that a message was delivered with that level.
func (l *Levels) Raise(domain string, level Level) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.best == nil {
		l.best = make(map[string]Level)
	}
	l.best[domain] = max(level, l.best[domain])
}
