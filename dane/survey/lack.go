package survey

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/internal/localfault"
)

// lacks are what this machine has too little of, now and then. As long as it lacks something,
// all wait.
type lacks struct {
	mu     sync.Mutex
	pause  time.Duration // the last one; 0 if there is no lack
	until  time.Time
	able   bool            // a domain had a verdict, so that nothing was lacked then
	routes map[family]bool // families that there was a connection over
}

type family bool // IPv6

// wait returns once nothing is lacked, or ctx has ended.
func (l *lacks) wait(ctx context.Context) {
	for {
		l.mu.Lock()
		left := time.Until(l.until)
		l.mu.Unlock()
		if left <= 0 || ctx.Err() != nil {
			return
		}
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

func (l *lacks) pausing() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.until)
}

// connected tells that this machine has a route.
func (l *lacks) connected(addr netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.routes == nil {
		l.routes = make(map[family]bool)
	}
	l.routes[family(addr.Unmap().Is6())] = true
}

// again reports whether a domain must be tried once more, after a pause for all.
func (l *lacks) again(row *Row, try int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case row.Verdict():
		l.able, l.pause = true, 0
		return false
	case row.Result == nil || !l.passes(row.Result):
		return false
	case try == maxLackTries:
		l.able, l.pause = false, 0 // it does not pass
		return false
	}
	if now := time.Now(); !l.until.After(now) { // others have seen the same lack
		l.pause = min(max(firstLackPause, 2*l.pause), maxLackPause)
		l.until = now.Add(l.pause)
	}
	return true
}

// passes reports whether what is lacked was there before. That there has never been a route to
// addresses of a family, or a DNS server that is capable, or a descriptor, is how things are.
func (l *lacks) passes(r *dane.Result) bool {
	switch {
	case !l.able:
		return false
	case r.Unresolved, r.Local && localfault.IsExhausted(r.Err):
		return true
	case !r.Local:
		return false
	}
	for _, h := range r.Hosts {
		for _, a := range h.Attempts {
			if localfault.Is(a.Err) && l.routes[family(a.Addr.Addr().Unmap().Is6())] {
				return true
			}
		}
	}
	return false
}
