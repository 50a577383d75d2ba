package survey

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A limiter lets connections begin as the limits allow. Who has waited longest comes first,
// among those that may.
type limiter struct {
	limits [gateKinds]Limit
	pause  time.Duration

	mu      sync.Mutex
	gates   map[gateKey]*gate
	sweepAt int // gates
	waiting []*waiter
	timer   *time.Timer // runs while somebody waits for a time
}

// A waiter is one connection that may not begin yet.
type waiter struct {
	keys     []gateKey
	admitted chan struct{} // closed when it may begin, or need not wait any longer
	err      error         // is ErrBusy: it need not
}

func newLimiter(l Limits) *limiter {
	l = l.withDefaults()
	made := &limiter{pause: l.Pause, gates: make(map[gateKey]*gate), sweepAt: 1024}
	made.limits = [gateKinds]Limit{gateAddress: l.Address, gateNetwork: l.Network, gateProvider: l.Provider, gateDNS: l.DNS}
	return made
}

// try reports whether a connection may begin at once, and counts it if it may.
func (l *limiter) try(keys []gateKey) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, now := l.admit(keys, time.Now())
	return now
}

// wait counts a connection once it may begin. The error is that of ctx, or ErrBusy.
func (l *limiter) wait(ctx context.Context, keys []gateKey) error {
	w := &waiter{keys: keys, admitted: make(chan struct{})}
	l.mu.Lock()
	if g := l.gates[keys[0]]; g != nil && g.busy() && g.paused.After(time.Now()) {
		l.mu.Unlock()
		return ErrBusy
	}
	l.waiting = append(l.waiting, w)
	l.next()
	l.mu.Unlock()
	select {
	case <-w.admitted:
		return w.err
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.waiting, w); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	} else if w.err == nil {
		l.leave(keys) // it was let through meanwhile
	}
	l.next()
	return ctx.Err()
}

// done counts a connection that has ended.
func (l *limiter) done(keys []gateKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leave(keys)
	l.next()
}

func (l *limiter) leave(keys []gateKey) {
	for _, key := range keys {
		if g := l.gates[key]; g != nil {
			g.inFlight--
		}
	}
}

// refused leaves an address alone, and after too many times sends away who waits for it;
// accepted forgets that it was.
func (l *limiter) refused(key gateKey) {
	if l.pause < 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.gate(key)
	g.pause(l.pause, time.Now())
	if g.busy() {
		l.sendAway(key, ErrBusy)
	}
}

// sendAway has those who wait for an address, or a DNS server, wait no longer.
func (l *limiter) sendAway(key gateKey, err error) {
	l.waiting = slices.DeleteFunc(l.waiting, func(w *waiter) bool {
		if w.keys[0] != key {
			return false
		}
		w.err = err
		close(w.admitted)
		return true
	})
}

func (l *limiter) accepted(key gateKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.gates[key]; g != nil {
		g.refusals = 0
	}
}

// admit counts a connection if it may begin now. Otherwise it returns when it may, zero if that
// does not hang on time alone.
func (l *limiter) admit(keys []gateKey, now time.Time) (time.Time, bool) {
	var at time.Time
	for _, key := range keys {
		opens, known := l.gate(key).opens(now)
		if !known {
			return time.Time{}, false
		}
		if opens.After(at) {
			at = opens
		}
	}
	if at.After(now) {
		return at, false
	}
	for _, key := range keys {
		l.gate(key).enter(now)
	}
	return at, true
}

// next lets through who may, and sets the timer for who may later.
func (l *limiter) next() {
	now := time.Now()
	var soonest time.Time
	l.waiting = slices.DeleteFunc(l.waiting, func(w *waiter) bool {
		at, admitted := l.admit(w.keys, now)
		if admitted {
			close(w.admitted)
		} else if !at.IsZero() && (soonest.IsZero() || at.Before(soonest)) {
			soonest = at
		}
		return admitted
	})
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if !soonest.IsZero() {
		l.timer = time.AfterFunc(soonest.Sub(now), func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.next()
		})
	}
}

// gate returns that of a key.
func (l *limiter) gate(key gateKey) *gate {
	if g := l.gates[key]; g != nil {
		return g
	}
	if len(l.gates) >= l.sweepAt {
		l.sweep()
	}
	g := &gate{limit: l.limits[key.kind]}
	l.gates[key] = g
	return g
}

// sweep forgets gates that make no difference, and if that is not enough those that nobody is
// connected through.
func (l *limiter) sweep() {
	now := time.Now()
	for key, g := range l.gates {
		if g.idle(now) && (g.refusals == 0 || now.Sub(g.paused) > l.pause<<maxDoublings) {
			delete(l.gates, key)
		}
	}
	for key, g := range l.gates {
		if len(l.gates) <= maxGates/2 {
			break
		}
		if g.inFlight == 0 {
			delete(l.gates, key)
		}
	}
	l.sweepAt = max(1024, min(2*len(l.gates), maxGates))
}
