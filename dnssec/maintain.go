package dnssec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
)

// An AnchorTracker is an [AnchorSource] whose anchors follow their zones (RFC 5011).
// [anchor.Tracker] is one. A [Resolver] that has one as its Anchors queries the keys for it
// when a lookup finds them due, and shows it those that lookups need anyway.
type AnchorTracker interface {
	AnchorSource

	// Next returns the zone whose keys are to be queried first, and when: the zero
	// instant if no zone is due at any time.
	Next(now time.Time) (zone string, at time.Time)

	// Expired reports whether the zone's keys are to be queried before its anchors are
	// used.
	Expired(zone string, now time.Time) bool

	// Observe takes the DNSKEY records of a zone and their signatures as they were
	// received, and no records if the query was in vain. The error says why they are of no use.
	Observe(ctx context.Context, now time.Time, zone string, records []dns.RR) error
}

// refreshTime bounds the refresh of anchors by lookups, and of one zone's by others: about
// as long as one server that does not answer takes. A lookup that fails waits for it no
// longer than refreshPatience.
const refreshTime, refreshPatience = 5 * time.Second, time.Second

// ErrNotTracked says that the anchors of a [Resolver] do not change.
var ErrNotTracked = errors.New("dnssec: the trust anchors are not tracked")

// RefreshAnchors queries the keys of every zone whose trust anchors are due to be looked
// at, and returns when to call it again, the zero instant for never. The error is that
// of the zones whose keys could not be had, were not good, or could not be stored; what
// was trusted before is trusted still. Without an [AnchorTracker] it is [ErrNotTracked].
func (r *Resolver) RefreshAnchors(ctx context.Context) (next time.Time, err error) {
	r.once.Do(r.setUp)
	if r.tracker == nil {
		return time.Time{}, ErrNotTracked
	}
	select { // one at a time
	case r.refreshing <- struct{}{}:
		defer func() { <-r.refreshing }()
	case <-ctx.Done():
		return r.now(), ctx.Err()
	}
	var refreshed []string
	for {
		now := r.now()
		zone, at := r.tracker.Next(now)
		if at.IsZero() || now.Before(at) || slices.Contains(refreshed, zone) {
			return at, err
		}
		refreshed = append(refreshed, zone)
		err = errors.Join(err, r.refresh(ctx, zone))
		if ctx.Err() != nil {
			return at, err
		}
	}
}

// MaintainAnchors calls [Resolver.RefreshAnchors] whenever it is time to, until ctx is done, and
// returns the context's error. It is for programs that may make no lookup for a long
// time: lookups keep the anchors up to date otherwise. failed, unless it is nil, gets the
// errors in between. Without an [AnchorTracker] it returns [ErrNotTracked].
func (r *Resolver) MaintainAnchors(ctx context.Context, failed func(error)) error {
	// maxWait is how soon a clock that was set is noticed, and anchors that were
	// replaced.
	const minWait, maxWait = time.Minute, time.Hour
	for {
		next, err := r.RefreshAnchors(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrNotTracked):
			return err
		case err != nil && failed != nil:
			failed(err)
		}
		wait := maxWait
		if !next.IsZero() {
			wait = min(max(next.Sub(r.now()), minWait), maxWait)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// dueZone returns the zone whose anchors are due first, if any are.
func (r *Resolver) dueZone(now time.Time) (zone string, due bool) {
	zone, at := r.tracker.Next(now)
	return zone, !at.IsZero() && !now.Before(at)
}

// refreshExpired refreshes anchors that are not to be used as they are.
func (r *Resolver) refreshExpired(ctx context.Context, now time.Time) {
	if r.tracker == nil {
		return
	}
	if zone, due := r.dueZone(now); due && r.tracker.Expired(zone, now) {
		ctx, cancel := context.WithTimeout(ctx, refreshTime)
		defer cancel()
		_, _ = r.RefreshAnchors(ctx) // the tracker reports errors, and the lookup meets them
	}
}

// refreshDue refreshes anchors that are due still after a lookup, unless somebody else is
// at it. It need not be waited for: it goes on for refreshTime at most, and done is closed
// at its end. It is nil if nothing is refreshed.
func (r *Resolver) refreshDue(ctx context.Context, now time.Time) (done <-chan struct{}) {
	if r.tracker == nil || len(r.refreshing) > 0 {
		return nil
	}
	if _, due := r.dueZone(now); !due {
		return nil
	}
	ended := make(chan struct{})
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTime)
	go func() {
		defer close(ended)
		defer cancel()
		_, _ = r.RefreshAnchors(ctx) // the tracker reports errors
	}()
	return ended
}

// refresh queries the keys of a zone and hands them to the tracker. As for any answer,
// one wrong server does not count.
func (r *Resolver) refresh(ctx context.Context, zone string) error {
	name, err := canonical.ParseName(zone)
	if err != nil {
		return fmt.Errorf("dnssec: %q: %w", zone, err)
	}
	set, _ := r.tracker.Anchors(r.now()) // empty if they are of no use any more
	r.chooseUpstream(set)
	limited, cancel := context.WithTimeout(ctx, refreshTime)
	defer cancel()
	var avoid []string
	var failure error
	start := time.Now()
	for range 1 + maxOtherServers {
		reply, err := exchange(limited, r.upstream, newQuery(validate.Question{Name: name, Type: dns.TypeDNSKEY}, zone, avoid))
		switch {
		case ctx.Err() != nil && time.Since(start) < refreshPatience:
			return ctx.Err() // which says nothing about the zone
		case err != nil && len(avoid) > 0:
			return failure
		case err != nil:
			return errors.Join(fmt.Errorf("dnssec: zone %s: %w", zone, err), r.tracker.Observe(context.WithoutCancel(ctx), r.now(), zone, nil))
		}
		var records []dns.RR
		if !validate.Refuses(reply.Msg) {
			records = reply.Msg.Answer
		}
		failure = r.tracker.Observe(ctx, r.now(), zone, records)
		if !errors.Is(failure, anchor.ErrUnsigned) && !errors.Is(failure, anchor.ErrNoKeys) {
			return failure // no other server would be of more use
		}
		avoid = append(avoid, reply.Server)
	}
	return failure
}

// observe shows the tracker the keys of a trust anchor's zone. It judges them by itself:
// a key may be revoked without any other.
func (r *Resolver) observe(ctx context.Context, now time.Time, set *validate.RRset) {
	records := slices.Clone(set.Records)
	for _, sig := range set.Sigs {
		records = append(records, sig)
	}
	_ = r.tracker.Observe(ctx, now, set.Name.String(), records) // it reports errors
}
