package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/dnssec"
)

const (
	// maxLookups bounds the targets that are looked up at a time; others wait.
	maxLookups = 256
	// maxWaiting bounds those that are looked up or wait, which takes some 10 kB each.
	maxWaiting = 16384
	// maxRefreshes is how many lookups there may be for a refresh to begin: beyond, those go first
	// that somebody waits for.
	maxRefreshes = maxLookups / 2
	// lookupTimeout is how long a lookup may take, and how long it may wait to begin. Who waits
	// for it gives up before, and finds the verdict with the next message.
	lookupTimeout = 30 * time.Second
)

var errBusy = errors.New("too many destinations are being looked up")

// A finder gives verdicts: from the cache, or by lookups that all who ask for a target share.
type finder struct {
	lookUp  func(context.Context, target, time.Time) found
	cache   cache
	log     *slog.Logger
	metrics *metrics

	ctx     context.Context // of all lookups
	slots   chan struct{}
	running sync.WaitGroup

	mu      sync.Mutex
	flights map[target]*flight
}

// A flight is a lookup that is on its way.
type flight struct {
	done    chan struct{} // closed when it is over
	verdict verdict
}

// newFinder returns a finder whose lookups end with the context.
func newFinder(ctx context.Context, octets int, log *slog.Logger, m *metrics, lookUp func(context.Context, target, time.Time) found) *finder {
	f := &finder{lookUp: lookUp, log: log, metrics: m, ctx: ctx, slots: make(chan struct{}, maxLookups), flights: make(map[target]*flight)}
	f.cache.octets, f.cache.refresh = octets, f.refresh
	return f
}

// find returns the verdict on a target. The error is that of the context, or errBusy.
func (f *finder) find(ctx context.Context, t target) (verdict, error) {
	if v, kept := f.cache.get(t, time.Now()); kept {
		f.metrics.hits.Add(1)
		return v, nil
	}
	f.metrics.misses.Add(1)
	flight := f.join(t, 0, maxWaiting)
	if flight == nil {
		return verdict{}, errBusy
	}
	select {
	case <-flight.done:
		return flight.verdict, nil
	case <-ctx.Done():
		return verdict{}, ctx.Err()
	}
}

// refresh looks a target up for whoever will ask for it next, whose verdict held for some time.
// What the resolver has in its cache must hold for half as long, or is asked for again: by less,
// the next verdict could be a short one, and by more, what domains have in common, such as the
// hosts of a provider, would be asked for again for each.
func (f *finder) refresh(t target, held time.Duration) {
	if f.ctx.Err() == nil && f.join(t, held/2, maxRefreshes) != nil {
		f.metrics.refreshes.Add(1)
	}
}

// join returns the flight for a target, which it begins if there is none: with records that hold
// for longer than a margin. It returns nil if there are too many.
func (f *finder) join(t target, margin time.Duration, most int) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if flight := f.flights[t]; flight != nil {
		return flight
	}
	if len(f.flights) >= most {
		return nil
	}
	one := &flight{done: make(chan struct{})}
	f.flights[t] = one
	f.running.Go(func() { f.fly(t, margin, one) })
	return one
}

func (f *finder) fly(t target, margin time.Duration, one *flight) {
	start := time.Now()
	result := found{verdict: verdict{reason: "too many destinations are being looked up"}}
	patience := time.NewTimer(lookupTimeout)
	defer patience.Stop()
	select {
	case f.slots <- struct{}{}:
		// Whoever had to wait has as much time as others.
		ctx, cancel := context.WithTimeout(dnssec.WithPrefetch(f.ctx, margin), lookupTimeout)
		result = f.lookUp(ctx, t, time.Now())
		cancel()
		<-f.slots
	case <-patience.C:
	case <-f.ctx.Done():
	}
	// Kept before the flight is over, so that nobody falls in between.
	f.cache.put(t, result, time.Now())
	one.verdict = result.verdict
	f.mu.Lock()
	delete(f.flights, t)
	f.mu.Unlock()
	close(one.done)
	f.metrics.lookups.Add(1)
	f.metrics.lookupSeconds.add(time.Since(start))
	f.log.Debug("looked up", "target", t.String(), "reason", result.reason, "holds", time.Until(result.expires), "took", time.Since(start))
}

// inFlight returns the number of lookups that are on their way.
func (f *finder) inFlight() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.flights)
}
