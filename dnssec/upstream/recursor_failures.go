package upstream

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/internal/localfault"
)

// A failureCache keeps resolution failures: questions that no server of a zone answered a
// short time ago (RFC 9520 §3.2). Each is about one name and type, since servers that do
// not answer for one type may answer for others. The zero value is empty.
type failureCache struct {
	mu    sync.Mutex
	known map[failureKey]cachedFailure
	size  int
	swept time.Time // when expired ones were dropped last
}

// A failureKey is a question to a zone. A minimised question is put to few servers, so its
// failure says nothing about the same question in its own right.
type failureKey struct {
	zone      string
	question  dns.Question
	minimised bool
}

// A cachedFailure is the error for a question, as text, which takes less memory. It is a
// context.DeadlineExceeded if the servers did not reply in time.
type cachedFailure struct {
	text    string
	timeout bool
	until   time.Time
}

func (s cachedFailure) Error() string        { return s.text }
func (s cachedFailure) Timeout() bool        { return s.timeout }
func (s cachedFailure) Is(target error) bool { return s.timeout && target == context.DeadlineExceeded }

// failureOverhead is the memory that a failure takes beside its strings, in octets: the
// place in a map and rounding included.
const failureOverhead = 432

// size is the memory that a failure takes, in octets.
func (k failureKey) size(s cachedFailure) int {
	return failureOverhead + len(k.zone) + len(k.question.Name) + len(s.text)
}

// put keeps the error. If there are too many, it drops others.
func (s *failureCache) put(key failureKey, err error, now time.Time) {
	text := err.Error()
	kept := cachedFailure{strings.Clone(text[:min(len(text), maxFailureText)]), isTimeout(err), now.Add(failureLife)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = make(map[failureKey]cachedFailure)
	}
	if now.Sub(s.swept) >= failureLife {
		s.swept = now
		for other, old := range s.known {
			if !now.Before(old.until) {
				s.drop(other)
			}
		}
	}
	s.drop(key)
	s.size += key.size(kept)
	for other := range s.known {
		if s.size <= maxFailuresSize {
			break
		}
		s.drop(other)
	}
	s.known[key] = kept
}

// forget drops a failure.
func (s *failureCache) forget(key failureKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(key)
}

// drop forgets a failure. The caller holds the lock.
func (s *failureCache) drop(key failureKey) {
	if old, ok := s.known[key]; ok {
		s.size -= key.size(old)
		delete(s.known, key)
	}
}

// get returns why no server of a zone answered a question a short time ago, or nil.
func (s *failureCache) get(key failureKey, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.known[key]
	if key.minimised && !ok {
		key.minimised = false
		known, ok = s.known[key]
	}
	if ok && now.Before(known.until) {
		return known
	}
	return nil
}

func (z *zoneQuery) failureKey() failureKey { return failureKey{z.zone.name, z.question, z.minimised} }

// isOwnFailure reports whether a failure is that of this machine, or of Recursor.Admit, and so says
// nothing about any server (RFC 9520 §2).
func isOwnFailure(err error) bool { return localfault.Is(err) || errors.Is(err, errNotAdmitted) }

// isStarved reports whether this process lacked what any query needs, descriptors above all. A
// query that was given up lacked nothing.
func isStarved(err error) bool {
	return localfault.IsExhausted(err) && !errors.Is(err, context.Canceled)
}
