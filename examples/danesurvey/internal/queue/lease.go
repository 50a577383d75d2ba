package queue

import (
	"slices"
	"sync"
	"time"
)

// leases are who owns which partition, of all vantage points. What the Server forgets when it is
// started again it learns from the owners: nobody gets a partition until a lease has passed.
type leases struct {
	length time.Duration

	mu      sync.Mutex
	began   time.Time
	members map[memberKey]*member
	owners  map[string]*owners // of a vantage point
}

// owners are the workers that have partitions.
type owners struct {
	of    [partitions]string
	taken [partitions]bool // has had an owner
	first time.Time        // when a worker was heard of for the first time
}

// gather is how long those who come first are waited for where nobody has anything yet, so that workers that are
// started together get their parts at once.
const gather = 2 * askSoon

type memberKey struct{ vantage, worker string }

// A member is a worker that was heard of.
type member struct {
	seen time.Time
	left bool
	deaf bool // no DNS server answers it
}

// maxMembers bounds the workers that are remembered. Those that have not been heard of for the
// longest time are forgotten.
const maxMembers = 10_000

func newLeases(length time.Duration, now time.Time) *leases {
	return &leases{length: length, began: now, members: make(map[memberKey]*member),
		owners: make(map[string]*owners)}
}

// renew returns the partitions that a worker may have, which has said which it has. They are fresh if those that
// it has not had have never had an owner.
func (l *leases) renew(vantage string, q leaseRequest, now time.Time) (grant []int, fresh bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.owners[vantage]
	if all == nil {
		all = &owners{first: now}
		l.owners[vantage] = all
	}
	if !l.seen(memberKey{vantage, q.Worker}, q.Leaving, now) {
		return nil, false
	}
	owners := &all.of
	for p, owner := range owners {
		switch {
		case owner == q.Worker && !slices.Contains(q.Holds, p): // it was told, and did not hear it, or has let go
			owners[p] = ""
		case owner != "" && owner != q.Worker && !l.alive(memberKey{vantage, owner}, now):
			owners[p] = ""
		}
	}
	if q.Leaving {
		return nil, false
	}
	share := l.share(vantage, now)
	for _, p := range q.Holds {
		if p < 0 || p >= partitions {
			continue
		}
		if owners[p] == "" {
			owners[p], all.taken[p] = q.Worker, true // since before the Server was started
		}
		if owners[p] == q.Worker && len(grant) < share && !slices.Contains(grant, p) {
			grant = append(grant, p)
		}
	}
	fresh = l.began.IsZero()
	if now.Sub(l.began) < l.length || fresh && now.Sub(all.first) < gather {
		return grant, false
	}
	for p := range owners {
		if owners[p] == "" && len(grant) < share {
			owners[p] = q.Worker
			grant = append(grant, p)
			fresh = fresh && !all.taken[p]
			all.taken[p] = true
		}
	}
	return grant, fresh
}

// seen notes that a worker was heard of. It is false if there are too many.
func (l *leases) seen(key memberKey, left bool, now time.Time) bool {
	m := l.members[key]
	if m == nil {
		if len(l.members) >= maxMembers && !l.forget(now) {
			return false
		}
		m = new(member)
		l.members[key] = m
	}
	m.seen, m.left = now, m.left || left
	return true
}

// forget makes room for a member.
func (l *leases) forget(now time.Time) bool {
	var oldest memberKey
	for key, m := range l.members {
		if o := l.members[oldest]; o == nil || m.seen.Before(o.seen) {
			oldest = key
		}
	}
	if l.alive(oldest, now) {
		return false
	}
	delete(l.members, oldest)
	return true
}

// alive reports whether a worker may have what was leased to it.
func (l *leases) alive(key memberKey, now time.Time) bool {
	m := l.members[key]
	return m != nil && !m.left && now.Sub(m.seen) <= l.length
}

// lives reports the same of one that may have left.
func (l *leases) lives(key memberKey, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.alive(key, now)
}

// share is how many partitions each worker of a vantage point gets at most.
func (l *leases) share(vantage string, now time.Time) int {
	return (partitions + max(1, l.workers(vantage, now)) - 1) / max(1, l.workers(vantage, now))
}

func (l *leases) workers(vantage string, now time.Time) (n int) {
	for key := range l.members {
		if key.vantage == vantage && l.alive(key, now) {
			n++
		}
	}
	return n
}

// heardOf notes whether a worker is deaf, and reports whether that is new.
func (l *leases) heardOf(vantage, worker string, deaf bool) (fresh bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.members[memberKey{vantage, worker}]
	if m == nil || m.deaf == deaf {
		return false
	}
	m.deaf = deaf
	return true
}

// deaf returns how many workers take no shards, as no DNS server answers them.
func (l *leases) deaf(vantage string, now time.Time) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, m := range l.members {
		if key.vantage == vantage && m.deaf && l.alive(key, now) {
			n++
		}
	}
	return n
}

// count returns how many workers there are.
func (l *leases) count(vantage string, now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.workers(vantage, now)
}

// died reports whether a worker was known, has not said that it leaves, and is not heard of any
// more; and when it was for the last time.
func (l *leases) died(vantage, worker string, now time.Time) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := memberKey{vantage, worker}
	m := l.members[key]
	if m == nil || m.left || l.alive(key, now) {
		return time.Time{}, false
	}
	return m.seen, true
}

// heard notes that a worker is there.
func (l *leases) heard(vantage, worker string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen(memberKey{vantage, worker}, false, now)
}
