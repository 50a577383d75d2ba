package upstream

import (
	"context"
	"errors"
	"slices"
	"time"
)

// A detour leads a task back up from zones none of whose servers gave an answer: the delegation
// may be of servers that the zone had once, and the zone above may name others by now.
type detour struct {
	left  []*delegation // what it led up from, each above the one before
	reply *Reply        // of the first: a refusal
	err   error
}

// begin reports whether to go up from a zone that ended in this way, and remembers it. It does
// so for a delegation that is old enough, so that a zone that is broken costs few more queries
// than it did.
func (d *detour) begin(ctx context.Context, r *resolution, t *task, zone *delegation, reply *Reply, err error) bool {
	isOld := r.now().Sub(zone.made) >= staleDelegation
	if zone.name == "." || !isOld || len(t.avoid) > 0 || !isZoneFailure(reply, err) || ended(ctx) != nil {
		return false
	}
	if len(d.left) == 0 {
		d.reply, d.err = reply, err
	}
	d.left = append(d.left, zone)
	return true
}

// isZoneFailure reports whether no server of a zone gave an answer, by its own fault.
func isZoneFailure(reply *Reply, err error) bool {
	if err == nil {
		return isRefusal(reply.Msg)
	}
	return !isOwnFailure(err) && !errors.Is(err, errLimit) && !errors.Is(err, errCircular) && !errors.Is(err, ErrExhausted)
}

// isInVain reports whether the detour came to an end by a referral that names nobody else.
func (d *detour) isInVain(next *delegation, now time.Time) bool {
	return slices.ContainsFunc(d.left, func(old *delegation) bool { return old.name == next.name && !next.hasOthers(old, now) })
}

// isAbove reports whether the detour is still at a zone above the one that it began at.
func (d *detour) isAbove(zone *delegation) bool {
	return len(d.left) > 0 && zone.name != d.left[0].name && isBelow(zone.name, d.left[0].name)
}

// hasOthers reports whether a delegation has name servers, or addresses, that another one of the
// zone has not.
func (d *delegation) hasOthers(old *delegation, now time.Time) bool {
	names, addresses := old.serverNames(), old.addresses(now)
	for _, name := range d.serverNames() {
		if !slices.Contains(names, name) {
			return true
		}
	}
	for _, address := range d.addresses(now) {
		if !slices.Contains(addresses, address) {
			return true
		}
	}
	return false
}
