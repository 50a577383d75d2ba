package dnssec

import (
	"sync/atomic"
	"time"
)

// LastReply is when a DNS server has last replied to a query of the Resolver, whatever it said, and
// the zero time if none has. Who gets no answer about a name finds out by it whether others were
// answered meanwhile, or the network may be gone.
func (r *Resolver) LastReply() time.Time {
	if at := r.replied.at.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// A replyTime is when a reply came. It is noted once in replyGrain: there may be thousands.
type replyTime struct{ at atomic.Pointer[time.Time] }

const replyGrain = 10 * time.Millisecond

func (t *replyTime) note(now time.Time) {
	if at := t.at.Load(); at == nil || now.Sub(*at) >= replyGrain {
		kept := now // so that what is not kept is not on the heap
		t.at.Store(&kept)
	}
}
