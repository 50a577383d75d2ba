package anchor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// A Tracker keeps trust anchors up to date as their zones roll their keys over
// (RFC 5011), and is the source of anchors for a resolver that does so:
//
//	tracker := &anchor.Tracker{Store: &anchor.FileStore{Path: "/var/lib/mta/root.key"}}
//	resolver := &dnssec.Resolver{Anchors: tracker}
//
// It sends no queries and starts no goroutines: the resolver asks Next whose keys are to
// be queried, and hands what it receives to Observe.
//
// The zero Tracker starts from the built-in root keys and forgets at the end of the
// process what it has learned. A Tracker is safe for concurrent use, and must not be
// copied or changed after its first use.
type Tracker struct {
	// Store keeps the state. Nil keeps it in memory.
	Store Store

	// Start is the anchors to begin with when the store is empty. Nil means Root().
	// Those that are in force at the first use count.
	Start Set

	// Algorithms is what signatures may be made with. The zero value is all that is
	// supported.
	Algorithms rrsig.Algorithms

	// Trace is called after each Observe, by its caller's goroutine, with what has
	// changed and the error that it returns; several may run at once. Nil is not called.
	Trace func(zone string, changes []Change, err error)

	observing sync.Mutex // one writer; held while the store is waited for

	mu       sync.Mutex
	store    Store
	points   []*TrustPoint   // never changed, but replaced; nil until they are loaded
	set      Set             // of the points
	err      error           // why it cannot be used
	unsigned map[string]bool // zones whose last set was not signed by an anchor
}

// outdatedTime is how long a set that no anchor has signed is taken for a sign that the
// anchors are outdated. It may have been forged, so the zone must be given a chance to
// show another one.
const outdatedTime = time.Minute

// Anchors returns the anchors in use at an instant. The error says that there is no
// state that can be used: ErrRevoked or ErrOutdated, wrapped with the zone, or the
// store's.
func (t *Tracker) Anchors(now time.Time) (Set, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(now); err != nil {
		return nil, err
	}
	set, err := t.usable(now)
	if err == nil {
		return set, nil
	}
	// Somebody may have replaced them.
	if points, problem := t.store.Load(); problem == nil && len(points) > 0 {
		t.use(points)
		return t.usable(now)
	}
	return nil, err
}

// usable returns the set, or why there is none. t.mu is held. A zone below the root with
// outdated anchors is only bogus, and does not stop everything else.
func (t *Tracker) usable(now time.Time) (Set, error) {
	for _, p := range t.points {
		if p.Zone == "." && t.unsigned[p.Zone] && p.expired(now) && now.Sub(p.LastQueried) < outdatedTime {
			return nil, fmt.Errorf("anchor: zone %s: %w since %s", p.Zone, ErrOutdated, p.LastSuccess.UTC().Format(time.DateOnly))
		}
	}
	return t.set, t.err
}

// Expired reports whether the anchors of a zone were last validated so long ago that
// a rollover may have been missed. They should then be looked at before they are used.
func (t *Tracker) Expired(zone string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.load(now) == nil && slices.ContainsFunc(t.points, func(p *TrustPoint) bool {
		return p.Zone == zone && p.expired(now)
	})
}

// expired is after the shortest time in which a key can be replaced: the new one is
// trusted after the hold-down time, and then the old one may go.
func (p *TrustPoint) expired(now time.Time) bool {
	return !p.LastSuccess.IsZero() && now.Sub(p.LastSuccess) > addHoldDown
}

// Next returns the zone whose keys are to be queried first, and when. The instant is
// zero if there is none.
func (t *Tracker) Next(now time.Time) (zone string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.load(now) != nil {
		return "", time.Time{}
	}
	for _, p := range t.points {
		if due := p.due(now); !due.IsZero() && (at.IsZero() || due.Before(at)) {
			zone, at = p.Zone, due
		}
	}
	return zone, at
}

// TrustPoints returns the state of all zones, for the caller to keep.
func (t *Tracker) TrustPoints(now time.Time) ([]*TrustPoint, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(now); err != nil {
		return nil, err
	}
	return clones(t.points), nil
}

// Observe updates a zone's trust point by its DNSKEY records and their signatures, as
// they were received: they need not be validated. No records mean that a query was in
// vain. It returns nil where the zone is not tracked, and otherwise an error if the set
// is not signed by a trust anchor of the zone, which changes no anchor, or if the new
// state could not be stored, which is then used all the same.
func (t *Tracker) Observe(ctx context.Context, now time.Time, zone string, records []dns.RR) error {
	name, err := canonical.ParseName(zone)
	if err != nil {
		return fmt.Errorf("anchor: %q: %w", zone, err)
	}
	changes, err := t.observe(ctx, now, name, records)
	if t.Trace != nil {
		t.Trace(name.String(), changes, err)
	}
	return err
}

func (t *Tracker) observe(ctx context.Context, now time.Time, name canonical.Name, records []dns.RR) (changes []Change, err error) {
	t.observing.Lock()
	defer t.observing.Unlock()
	if _, err := t.TrustPoints(now); err != nil {
		return nil, err
	}
	var verdict error
	err = t.update(ctx, now, func(points []*TrustPoint) ([]*TrustPoint, bool) {
		at := slices.IndexFunc(points, func(p *TrustPoint) bool { return p.Zone == name.String() })
		if at < 0 || points[at].Revoked {
			return points, false
		}
		o := &observer{point: points[at], zone: name, algorithms: t.Algorithms, now: now}
		verdict = o.observe(records)
		changes = o.changes
		// Until a first success there is nothing to keep: the file stays as it was
		// configured.
		return points, len(changes) > 0 || !points[at].LastSuccess.IsZero()
	})
	if verdict != nil {
		verdict = fmt.Errorf("anchor: zone %s: %w", name, verdict)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.unsigned, name.String())
	if errors.Is(verdict, ErrUnsigned) {
		if t.unsigned == nil {
			t.unsigned = make(map[string]bool)
		}
		t.unsigned[name.String()] = true
	}
	return changes, errors.Join(verdict, err)
}

// Replace makes the anchors of a set that are in force now the ones that are trusted,
// whatever was known of their zones before, and stores them. It is the way on after
// ErrOutdated and ErrRevoked, and for a store that does not exist yet.
func (t *Tracker) Replace(ctx context.Context, now time.Time, set Set) error {
	inForce, err := set.Anchors(now)
	if err != nil {
		return err
	}
	t.observing.Lock()
	defer t.observing.Unlock()
	t.mu.Lock()
	t.setUp()
	clear(t.unsigned)
	t.mu.Unlock()
	return t.update(ctx, now, func(points []*TrustPoint) ([]*TrustPoint, bool) {
		for _, replaced := range trustPoints(inForce) {
			points = slices.DeleteFunc(points, func(p *TrustPoint) bool { return p.Zone == replaced.Zone })
			points = append(points, replaced)
		}
		return points, true
	})
}

// storeTime bounds the wait for other processes that write the state, each of which takes
// some milliseconds. A lookup may have to wait for it.
const storeTime = 2 * time.Second

// update changes what is stored and takes it over.
func (t *Tracker) update(ctx context.Context, now time.Time, change func([]*TrustPoint) ([]*TrustPoint, bool)) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	var updated []*TrustPoint
	err := t.store.Update(ctx, func(points []*TrustPoint) (_ []*TrustPoint, write bool) {
		if len(points) == 0 {
			points, _ = t.start(now)
		}
		points, write = change(points)
		updated = clones(points)
		return points, write
	})
	t.mu.Lock()
	defer t.mu.Unlock()
	if updated == nil { // the store cannot be read any more
		updated, _ = change(clones(t.points))
	}
	t.use(updated)
	return err
}

// setUp settles the store. t.mu is held.
func (t *Tracker) setUp() {
	switch {
	case t.store != nil:
	case t.Store != nil:
		t.store = t.Store
	default:
		t.store = new(memory)
	}
}

// load reads the store, until that succeeds once. t.mu is held.
func (t *Tracker) load(now time.Time) error {
	if t.points != nil {
		return nil
	}
	t.setUp()
	points, err := t.store.Load()
	if err != nil {
		return err
	}
	if len(points) == 0 {
		if points, err = t.start(now); err != nil {
			return err
		}
	}
	t.use(points)
	return nil
}

// start returns what an empty store stands for.
func (t *Tracker) start(now time.Time) ([]*TrustPoint, error) {
	start := t.Start
	if start == nil {
		start = Root()
	}
	inForce, err := start.Anchors(now)
	if err != nil {
		return nil, err
	}
	points := trustPoints(inForce)
	if len(points) == 0 {
		return nil, fmt.Errorf("anchor: %w", ErrNone)
	}
	return points, nil
}

// use takes over trust points. t.mu is held.
func (t *Tracker) use(points []*TrustPoint) {
	t.points = points
	if t.set, t.err = anchorsOf(points); t.err != nil {
		t.err = fmt.Errorf("anchor: %w", t.err)
	}
}
