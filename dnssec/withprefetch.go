package dnssec

import (
	"context"
	"time"

	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

type prefetchKey struct{}

// WithPrefetch returns a context under which [Resolver.Lookup] takes from the cache only what
// holds for longer than the given time, and asks again for the rest: for the records, and for
// the keys, DS records and denials that they rest on. A caller that keeps what it looks up can
// so renew it before it expires, as the option prefetch of Unbound does, and never waits for
// what it asks often. A time that is not positive is the usual lookup.
//
// The cache keeps what comes of it for everybody. What fails is not put in the place of
// what still holds, which lookups without this go on to find; the lookup itself fails.
//
// It may be used by any number of lookups at once, with or without it, and at the same time for
// the same question: who asks for a question that is on its way waits for that. A forwarder may
// answer from a cache of its own, with the time that is left there: then the answer may hold no
// longer than the one before, and it is no use to ask again before that has expired.
// Other resolvers do not know of this.
func WithPrefetch(ctx context.Context, left time.Duration) context.Context {
	return context.WithValue(ctx, prefetchKey{}, left)
}

// prefetchFrom returns how long what the cache has must hold.
func prefetchFrom(ctx context.Context) time.Duration {
	left, _ := ctx.Value(prefetchKey{}).(time.Duration)
	return max(left, 0)
}

// lasts reports whether what is known holds for as long as the lookup wants it to. What has just
// been asked for counts, however soon it expires: see inflight.serves.
func (l *lookup) lasts(v *validate.Verdict) bool {
	return l.margin == 0 || l.judge.Now.Add(l.margin).Before(v.Expires)
}

// replaces reports whether a verdict is to be in the cache in place of what is there: the failure
// of a prefetch is not, while what was known before still holds.
func (l *lookup) replaces(q validate.Question, v *validate.Verdict) bool {
	if l.margin == 0 || !v.Failed() {
		return true
	}
	known := l.resolver.cache.get(q, l.judge.Now, l.judge.Anchors.Generation)
	return known == nil || known.Failed()
}
