package upstream

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// silences are the questions that no server of a zone answered a short time ago (RFC
// 9520 §3.2). Each is of the one question: servers that drop one type may be good for
// others. The zero value has none.
type silences struct {
	mu    sync.Mutex
	known map[silenceKey]silence
	size  int
	swept time.Time // when those that are over were dropped last
}

type silenceKey struct {
	zone     string
	question dns.Question
}

// A silence is the error for a question, as text, which takes less memory. It is a
// context.DeadlineExceeded where the servers were.
type silence struct {
	text    string
	timeout bool
	until   time.Time
}

func (s silence) Error() string        { return s.text }
func (s silence) Timeout() bool        { return s.timeout }
func (s silence) Is(target error) bool { return s.timeout && target == context.DeadlineExceeded }

// silenceOverhead is the memory that a silence takes beside its strings, in octets: the
// place in a map and rounding included.
const silenceOverhead = 416

func (k silenceKey) size(s silence) int {
	return silenceOverhead + len(k.zone) + len(k.question.Name) + len(s.text)
}

// put keeps the error. Where there are too many, others give way.
func (s *silences) put(zone string, question dns.Question, err error, now time.Time) {
	text := err.Error()
	key := silenceKey{zone, question}
	kept := silence{strings.Clone(text[:min(len(text), maxSilenceText)]), isTimeout(err), now.Add(failureLife)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = make(map[silenceKey]silence)
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
		if s.size <= maxSilencesSize {
			break
		}
		s.drop(other)
	}
	s.known[key] = kept
}

func (s *silences) drop(key silenceKey) {
	if old, ok := s.known[key]; ok {
		s.size -= key.size(old)
		delete(s.known, key)
	}
}

// on returns why no server of a zone answers a question, nil if that is not known.
func (s *silences) on(zone string, question dns.Question, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.known[silenceKey{zone, question}]; ok && now.Before(known.until) {
		return known
	}
	return nil
}
