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

// A Tracker keeps trust anchors up to date while their zones roll their keys over (RFC
// 5011):
//
//	tracker := &anchor.Tracker{Store: &anchor.FileStore{Path: "/var/lib/mta/root.key"}}
//	resolver := &dnssec.Resolver{Anchors: tracker}
//
// It sends no queries and starts no goroutines. The resolver takes the anchors from
// [Tracker.Anchors], asks [Tracker.Next] whose keys are to be queried and when, and hands
// what it receives to [Tracker.Observe]. That takes each key through the states of RFC 5011
// §4.2, and stores the result.
//
// The zero Tracker starts from the built-in root keys, and what it learns is lost at the end
// of the process. A Tracker is safe for concurrent use. It must not be copied or changed
// after its first use.
type Tracker struct {
	// Store keeps the state. Nil keeps it in memory.
	Store Store

	// Start has the anchors to begin with if the store is empty. Nil means Root(). Only
	// those count that are in force at the first use.
	Start Set

	// Algorithms is what signatures may be made with. The zero value is all that is
	// supported. That of a Resolver converts to it.
	Algorithms Algorithms

	// Trace is called at the end of each Observe, in the goroutine of its caller, with
	// what has changed and the error that Observe returns. Several calls may run at the
	// same time. It may be nil.
	Trace func(zone string, changes []Change, err error)

	observing sync.Mutex // one writer; held while the store is waited for

	mu       sync.Mutex
	store    Store
	points   []*TrustPoint   // never changed, but replaced; nil until they are loaded
	set      Set             // of the points
	err      error           // why it cannot be used
	unsigned map[string]bool // zones whose last set was not signed by an anchor
}

// outdatedTime is how long anchors are taken to be outdated after a set that they have not
// signed. The set may have been forged, so the zone must have a chance to show another one.
const outdatedTime = time.Minute

// Anchors returns the anchors that are trusted at an instant. Without a usable state there is
// an error: [ErrRevoked] or [ErrOutdated], wrapped with the zone, or the store's.
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
	// Another process may have replaced them.
	if points, problem := t.store.Load(); problem == nil && len(points) > 0 {
		t.use(points)
		return t.usable(now)
	}
	return nil, err
}

// usable returns the set, or why it cannot be used. t.mu is held. A zone below the root with
// outdated anchors is bogus, and does not stop everything else.
func (t *Tracker) usable(now time.Time) (Set, error) {
	for _, p := range t.points {
		if p.Zone == "." && t.unsigned[p.Zone] && p.expired(now) && now.Sub(p.LastQueried) < outdatedTime {
			return nil, fmt.Errorf("anchor: zone %s: %w since %s", p.Zone, ErrOutdated, p.LastSuccess.UTC().Format(time.DateOnly))
		}
	}
	return t.set, t.err
}

// Expired reports whether the keys of a zone were last validated so long ago that a rollover
// may have been missed. They should then be queried before the anchors are used.
func (t *Tracker) Expired(zone string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.load(now) == nil && slices.ContainsFunc(t.points, func(p *TrustPoint) bool {
		return p.Zone == zone && p.expired(now)
	})
}

// expired is Expired for one trust point. The shortest time in which a key can be replaced is
// the hold-down time: then the new key is trusted, and the old one may go.
func (p *TrustPoint) expired(now time.Time) bool {
	return !p.LastSuccess.IsZero() && now.Sub(p.LastSuccess) > addHoldDown
}

// Next returns the zone whose keys are to be queried next, and when. The instant is zero if
// there is no such zone.
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

// TrustPoints returns the state of all zones. It is a copy that the caller may change, except
// for the records in it.
func (t *Tracker) TrustPoints(now time.Time) ([]*TrustPoint, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.load(now); err != nil {
		return nil, err
	}
	return clones(t.points), nil
}

// Observe updates a zone's trust point by its DNSKEY records and their signatures, as they
// were received: they need not be validated. No records mean that a query failed. For a zone
// that is not tracked, Observe does nothing.
//
// The error wraps [ErrUnsigned] if no trust anchor of the zone has signed the set, and
// [ErrNoKeys] if there is no set; no new key becomes an anchor then. If the new state could
// not be stored, that is an error, too, and the state is used all the same.
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
		o := &observer{point: points[at], zone: name, algorithms: rrsig.Algorithms(t.Algorithms), now: now}
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

// Replace trusts the anchors of a set that are in force now, in place of what was known of
// their zones, and stores them. It is the way on after [ErrOutdated] and [ErrRevoked], and
// fills a store that does not exist yet.
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

// storeTime bounds the wait for other processes that write the state. Each takes some
// milliseconds. A lookup may have to wait that long.
const storeTime = 2 * time.Second

// update changes what is stored, and uses the result.
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

// setUp chooses the store. t.mu is held.
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

// start returns the trust points to begin with if the store is empty.
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

// use makes trust points the ones that count. t.mu is held.
func (t *Tracker) use(points []*TrustPoint) {
	t.points = points
	if t.set, t.err = anchorsOf(points); t.err != nil {
		t.err = fmt.Errorf("anchor: %w", t.err)
	}
}
