package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/danesmtp/danesmtp/internal/printable"
)

// Auto asks the DNS servers of the system (see [System]) while one of them is capable of
// DNSSEC, and otherwise the servers of the zones themselves, by a [Recursor].
//
// A query goes to the system's servers first. If they turn out to be incapable of DNSSEC,
// or do not answer anything at all, it goes to the Recursor, and so do the queries of the
// next five minutes, or half a minute if there was no answer. Then the system's servers are
// tried again. A name for which a good server has no answer is not looked for elsewhere: it
// may be one that only that server knows.
//
// The file is read again when it has changed: whoever runs for long outlives the network that he
// began in. While it cannot be read, or names no server, the servers that it named before count.
//
// The zero Auto is ready to use. It is safe for concurrent use. It must not be copied or
// changed after its first use.
type Auto struct {
	// Recursor is asked where the system's servers are of no use. Nil means a new one.
	Recursor *Recursor

	// Private says that the DNS is not that of the built-in root servers. Then there is
	// no Recursor unless one is set, and the error of the system's servers counts.
	Private bool

	path string // of a file like resolv.conf; empty means that one
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	clock    clock
	mu       sync.Mutex
	pool     *Pool     // nil until the file is there
	file     string    // what the pool was made of
	read     time.Time // when the file was
	checking bool      // checkLater does
	recursor *Pool     // of one, by which its capability is judged
	unusable error     // why the system's servers are of no use
	until    time.Time // when that is to be found out again
}

// Exchange asks the system's servers as [Pool.Exchange] does, or else the Recursor; then the
// first error in Reply.PassedOver says why. If both fail, the error has both causes.
func (a *Auto) Exchange(ctx context.Context, q *Query) (*Reply, error) {
	pool, recursor, unusable := a.choose()
	if unusable == nil || recursor == nil && pool != nil {
		began := a.clock.now()
		reply, err := pool.Exchange(ctx, q)
		if err == nil || errors.Is(err, ErrExhausted) || isStarved(err) {
			return reply, err
		}
		_, incapable := errors.AsType[*CapabilityError](err)
		alive := ended(ctx) == nil && !incapable && pool.isAlive(ctx, q.Anchor)
		if ended(ctx) != nil && !alive {
			if recursor != nil && a.clock.now().Sub(began) >= probeDelay {
				a.checkLater(ctx, pool, q.Anchor, err)
			}
			return nil, err
		}
		if alive {
			return nil, err
		}
		unusable = err
		a.fallBack(pool, unusable, incapable)
	}
	if recursor == nil {
		return nil, unusable
	}
	reply, err := recursor.Exchange(ctx, q)
	switch {
	case errors.Is(err, ErrExhausted):
		return nil, err
	case err != nil:
		return nil, &autoError{system: unusable, recursor: err}
	}
	reply.PassedOver = append([]error{unusable}, reply.PassedOver...)
	return reply, nil
}

// Choice says in words for a human which servers are asked, and why if they are not
// the system's: "the system's DNS servers: 192.0.2.1:53, 192.0.2.2:53".
func (a *Auto) Choice() string {
	pool, recursor, unusable := a.choose()
	if unusable != nil {
		if recursor == nil {
			return text(unusable)
		}
		return "the servers of the zones, from the root down: " + text(unusable)
	}
	var names []string
	for _, e := range pool.Exchangers {
		names = append(names, fmt.Sprint(e))
	}
	return "the system's DNS servers: " + strings.Join(names, ", ")
}

// choose returns the system's servers, or why they are of no use.
func (a *Auto) choose() (pool, recursor *Pool, unusable error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.recursor == nil {
		switch {
		case a.Recursor != nil:
			a.recursor = &Pool{Exchangers: []Exchanger{a.Recursor}}
		case !a.Private:
			a.recursor = &Pool{Exchangers: []Exchanger{new(Recursor)}}
		}
	}
	if err := a.readFile(); err != nil && a.pool == nil {
		return nil, a.recursor, err
	}
	if a.clock.now().Before(a.until) {
		return a.pool, a.recursor, a.unusable
	}
	return a.pool, a.recursor, nil
}

// readFile makes a pool of the servers in the file, unless it did so for the same text or a short
// time ago. If there is no pool yet, it tries with each query: the file may come late, as the
// network does. The caller holds the lock.
func (a *Auto) readFile() error {
	now := a.clock.now()
	if a.pool != nil && now.Sub(a.read) < systemLife {
		return nil
	}
	path := cmp.Or(a.path, resolvConf)
	a.read = now
	text, err := readSystem(path)
	if err != nil || a.pool != nil && text == a.file {
		return err
	}
	pool, err := fromText(text, path)
	if err != nil {
		return err
	}
	for _, e := range pool.Exchangers {
		e.(*Client).Dial = a.dial
	}
	a.pool, a.file, a.unusable, a.until = pool, text, nil, time.Time{}
	return nil
}

// checkLater finds out whether the system's servers answer at all, for the queries to come, where
// one that waited for them has no time left for that.
func (a *Auto) checkLater(ctx context.Context, pool *Pool, anchor string, reason error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.checking {
		return
	}
	a.checking = true
	go func() { // ends with the context
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*probeTimeout)
		defer cancel()
		if !pool.isAlive(ctx, anchor) {
			a.fallBack(pool, reason, false)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.checking = false
	}()
}

// fallBack has queries go to the Recursor for some time, if the pool is still that of the file.
func (a *Auto) fallBack(pool *Pool, reason error, incapable bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if pool != a.pool || a.clock.now().Before(a.until) {
		return
	}
	life := backoffTime
	if incapable {
		life = incapableLife
	}
	a.unusable, a.until = reason, a.clock.now().Add(life)
}

// An autoError says why neither the system's servers nor a Recursor gave an answer.
type autoError struct{ system, recursor error }

func (e *autoError) Error() string {
	return printable.Line(e.system.Error() + "; and resolving from the root servers: " + text(e.recursor))
}

func (e *autoError) Unwrap() []error { return []error{e.system, e.recursor} }
