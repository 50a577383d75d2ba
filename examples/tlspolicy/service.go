package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/danesmtp/danesmtp/dane"
)

// A service answers keys. It is safe for concurrent use.
type service struct {
	finder  *finder
	mixed   level
	timeout time.Duration // of one answer; shorter than the 100 s of Postfix
	policy  atomic.Pointer[dane.Policy]
	check   *check // of the resolver that Postfix has; nil if nobody looks
	log     *slog.Logger
	metrics *metrics
}

// answer returns what Postfix gets for a key, and why.
func (s *service) answer(ctx context.Context, key string) (reply, string) {
	start := time.Now()
	answer, why := s.decide(ctx, key)
	s.metrics.count(answer)
	level := slog.LevelDebug
	if answer.status == temp || answer.status == perm {
		level = slog.LevelWarn
	}
	attrs := []any{"key", key, "status", string(answer.status), "text", answer.text}
	if why != answer.text {
		attrs = append(attrs, "why", why)
	}
	s.log.Log(ctx, level, "answer", append(attrs, "took", time.Since(start))...)
	return answer, why
}

func (s *service) decide(ctx context.Context, key string) (reply, string) {
	t, applies := parseKey(key)
	if !applies {
		return reply{status: notFound}, "the key is not the name of a domain or host"
	}
	profile := s.policy.Load().For(t.name)
	if profile.DANE == dane.DANENone {
		return heed(profile, nil, reply{}, "")
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	v, err := s.finder.find(ctx, t)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return reply{temp, fmt.Sprintf("the DNS has not answered within %s", s.timeout)}, "no answer in time"
	case err != nil:
		return reply{temp, err.Error()}, "no verdict"
	}
	answer, why := decide(v, profile, s.mixed)
	if lack := s.check.lack(); lack != "" && (answer.text == string(levelDANE) || answer.text == string(levelDANEOnly)) && answer.status == ok {
		return reply{temp, "Postfix would not heed " + answer.text + ": " + lack}, why
	}
	return answer, why
}
