package anchor

import (
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// A State is how far a key of a tracked zone is trusted (RFC 5011 §4.2). The numbers
// are those of Unbound's files.
type State uint8

// The states of RFC 5011 §4.2. Keys in the states Valid and Missing are trust anchors.
const (
	Start   State = iota // not known: no key stays in it
	AddPend              // seen in a validated set; becomes Valid after the hold-down time
	Valid                // a trust anchor
	Missing              // a trust anchor that its zone does not have at present
	Revoked              // revoked by its own signature, and never trusted again
	Removed              // to be forgotten: no key stays in it
)

var stateNames = [...]string{Start: "start", AddPend: "pending", Valid: "valid", Missing: "missing", Revoked: "revoked", Removed: "removed"}

// String returns the state as one word.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// MarshalText writes the state as String does.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A TrackedKey is a key of a trust point, and its state.
type TrackedKey struct {
	Key     *dns.DNSKEY // with the flags last seen, and the TTL of the set it was first seen in
	State   State
	Seen    int       // in how many validated sets, while it is pending
	Changed time.Time // since when it is in its state; zero if it was configured
}

// anchors reports whether the key is a trust anchor now.
func (k TrackedKey) anchors() bool { return k.State == Valid || k.State == Missing }

// A TrustPoint is a zone whose trust anchors are tracked (RFC 5011 §1.2), with the state of
// its keys and the time of the next query for them.
type TrustPoint struct {
	Zone string       // lower case, with the final dot
	Keys []TrackedKey // the newest first
	DS   []*dns.DS    // configured anchors whose keys have not been seen yet

	LastQueried   time.Time     // when the keys were last asked for
	LastSuccess   time.Time     // when they were last validated; zero if never
	NextQuery     time.Time     // when to ask again; zero means now
	Failures      int           // in a row, since the last success
	QueryInterval time.Duration // from a success to the next query (RFC 5011 §2.3)
	RetryTime     time.Duration // from a failure to the next query (RFC 5011 §2.3)

	// Revoked says that all the anchors were revoked: the trust point is gone
	// (RFC 5011 §5).
	Revoked bool
}

// anchors returns the trust point's anchors.
func (p *TrustPoint) anchors() Set {
	var set Set
	for _, record := range p.DS {
		set = append(set, Anchor{Zone: p.Zone, DS: record})
	}
	for _, k := range p.Keys {
		if k.anchors() {
			set = append(set, Anchor{Zone: p.Zone, Key: k.Key})
		}
	}
	return set
}

// anchorsOf returns the anchors of all trust points. A trust point without an anchor is an
// error, since names in the zone could pass for unsigned, unless the zone is below the root
// and all its anchors were revoked.
func anchorsOf(points []*TrustPoint) (Set, error) {
	var set Set
	for _, p := range points {
		anchors := p.anchors()
		switch {
		case len(anchors) > 0:
			set = append(set, anchors...)
		case p.Revoked && p.Zone != ".":
			set = append(set, Anchor{Zone: p.Zone})
		case p.Revoked:
			return nil, fmt.Errorf("zone %s: %w", p.Zone, ErrRevoked)
		default:
			return nil, fmt.Errorf("zone %s: %w", p.Zone, errNoUsableKey)
		}
	}
	return set, nil
}

// due returns when to query the keys, or the zero time for never. It is now if the clock was
// set back.
func (p *TrustPoint) due(now time.Time) time.Time {
	switch {
	case p.Revoked:
		return time.Time{}
	case now.Before(p.LastQueried), p.NextQuery.IsZero():
		return now
	}
	return p.NextQuery
}

// keepRevoked revokes the keys that are revoked in another state of the zone.
func (p *TrustPoint) keepRevoked(old *TrustPoint) {
	kept := false
	for _, k := range old.Keys {
		if k.State != Revoked {
			continue
		}
		for i := range p.Keys {
			if p.Keys[i].State != Revoked && sameKey(p.Keys[i].Key, k.Key) {
				p.Keys[i], kept = k, true
			}
		}
	}
	if kept && len(p.anchors()) == 0 {
		p.Revoked = true
	}
}

// clone returns a copy to change. The records themselves are never changed.
func (p *TrustPoint) clone() *TrustPoint {
	c := *p
	c.Keys = append([]TrackedKey(nil), p.Keys...)
	c.DS = append([]*dns.DS(nil), p.DS...)
	return &c
}

// trustPoints makes trust points of configured anchors. Keys without the SEP flag are left
// out, since RFC 5011 §1 does not track them.
func trustPoints(set Set) []*TrustPoint {
	var points []*TrustPoint
	byZone := make(map[string]*TrustPoint)
	for _, a := range set {
		p := byZone[a.Zone]
		if p == nil {
			p = &TrustPoint{Zone: a.Zone}
			byZone[a.Zone] = p
			points = append(points, p)
		}
		switch {
		case a.DS != nil:
			p.DS = append(p.DS, a.DS)
		case a.Key != nil && a.Key.Flags&dns.SEP != 0:
			p.Keys = append(p.Keys, TrackedKey{Key: a.Key, State: Valid})
		}
	}
	return points
}

// sameKey reports whether two records hold one key. Flags change when a key is revoked,
// and the key tag with them, so neither counts (RFC 5011 §2.1).
func sameKey(a, b *dns.DNSKEY) bool {
	return a.Algorithm == b.Algorithm && a.Protocol == b.Protocol && a.PublicKey == b.PublicKey
}

// unrevoked returns the key as it was before it was revoked.
func unrevoked(key *dns.DNSKEY) *dns.DNSKEY {
	if key.Flags&dns.REVOKE == 0 {
		return key
	}
	before := *key
	before.Flags &^= dns.REVOKE
	return &before
}
