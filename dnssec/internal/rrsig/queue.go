package rrsig

import (
	"runtime"
	"sync"

	"github.com/miekg/dns"
)

// A Queue verifies signatures in goroutines of its own, one for each processor at most, which end
// when there is nothing to verify. The check of a signature takes more stack than all that leads
// to it, and each question would have to grow its own: three hundredths of the CPU time of a sweep.
// The zero Queue is ready; a nil one verifies in the goroutine of the caller. It is safe for concurrent
// use.
type Queue struct {
	mu          sync.Mutex
	first, last *queued // in the order in which they came; nil if none wait
	running     int     // goroutines
}

// A queued signature is one that somebody waits for.
type queued struct {
	key  *Key
	data []byte
	sig  *dns.RRSIG
	next *queued

	done    chan struct{} // closed when problem is set
	problem error
}

// VerifyData is [Key.VerifyData].
func (q *Queue) VerifyData(key *Key, data []byte, sig *dns.RRSIG) error {
	if q == nil {
		return key.VerifyData(data, sig)
	}
	one := &queued{key: key, data: data, sig: sig, done: make(chan struct{})}
	if q.add(one) {
		go q.run()
	}
	<-one.done
	return one.problem
}

// add reports whether a further goroutine is to run.
func (q *Queue) add(one *queued) (more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last == nil {
		q.first = one
	} else {
		q.last.next = one
	}
	q.last = one
	if q.running >= runtime.GOMAXPROCS(0) {
		return false
	}
	q.running++
	return true
}

// run verifies until none are left.
func (q *Queue) run() {
	for one := q.take(); one != nil; one = q.take() {
		one.problem = one.key.VerifyData(one.data, one.sig)
		close(one.done)
	}
}

// take returns the one that has waited the longest, or nil, after which the goroutine has to end.
func (q *Queue) take() *queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	one := q.first
	if one == nil {
		q.running--
		return nil
	}
	if q.first = one.next; q.first == nil {
		q.last = nil
	}
	return one
}
