package anchor

import (
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/ds"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// The times of RFC 5011 and, where it leaves room, of Unbound (unbound.conf(5)).
const (
	addHoldDown    = 30 * 24 * time.Hour  // RFC 5011 §2.4.1
	removeHoldDown = 30 * 24 * time.Hour  // RFC 5011 §2.4.2
	keepMissing    = 366 * 24 * time.Hour // keep-missing; RFC 5011 §4.2 keeps it for ever
	minSeen        = 2                    // sightings before a key is Valid, as Unbound wants
)

// Bounds of what a zone can make a Tracker do and keep.
const (
	maxZoneKeys   = 64 // keys of a set that are looked at, and of a trust point that are kept
	maxZoneSigs   = 64 // signatures of a set that are looked at
	maxZoneChecks = 16 // signatures of a set that are checked
)

var errTooManyKeys = fmt.Errorf("more than %d keys", maxZoneKeys)

// A Change is a key of a trust point that went from one state to another.
type Change struct {
	Key      *dns.DNSKEY
	From, To State
}

// An observer applies one set of a zone's keys to its trust point. Only the trust point counts
// for that, whatever the DNS says above the zone.
type observer struct {
	point      *TrustPoint // to be changed
	zone       canonical.Name
	algorithms rrsig.Algorithms
	now        time.Time

	set     *canonical.RRset
	keys    []*dns.DNSKEY // each once
	sigs    []*dns.RRSIG
	checks  int   // signatures checked
	problem error // of the last one
	changes []Change
}

// observe updates the trust point by a set that was received. The error says why the set could
// do no more than revoke a key. The trust point has been updated all the same, at least by
// the time of the next query.
func (o *observer) observe(records []dns.RR) error {
	p := o.point
	p.LastQueried = o.now
	err := o.read(records)
	if err == nil && len(p.anchors()) == 0 {
		err = errNoUsableKey // so nothing could be validated
	}
	if err == nil {
		err = o.revoke()
	}
	if err == nil && !p.Revoked {
		var sig *dns.RRSIG
		if sig, err = o.verify(); err == nil {
			o.update(sig.OrigTtl)
			p.QueryInterval, p.RetryTime = intervals(sig, o.now)
		}
	}
	if err != nil && len(o.changes) > 0 {
		// A key was revoked, and no other one has signed the set. Whoever stole that key
		// may have added the pending ones.
		p.Keys = slices.DeleteFunc(p.Keys, func(k TrackedKey) bool { return k.State == AddPend })
	}
	if err != nil {
		p.Failures++
		p.NextQuery = o.now.Add(max(p.RetryTime, minRetry))
		return err
	}
	p.Failures = 0
	p.LastSuccess = o.now
	p.NextQuery = o.now.Add(p.QueryInterval)
	if p.Revoked {
		p.NextQuery = time.Time{}
	}
	return nil
}

// read takes the zone's keys and their signatures from the records.
func (o *observer) read(records []dns.RR) error {
	o.set = new(canonical.RRset)
	for _, rr := range records {
		if owner, err := canonical.ParseName(rr.Header().Name); err != nil || owner != o.zone || rr.Header().Class != dns.ClassINET {
			continue
		}
		switch rr := rr.(type) {
		case *dns.DNSKEY:
			added, err := o.set.Add(rr)
			if err != nil {
				return err
			}
			if added {
				o.keys = append(o.keys, rr)
			}
			if len(o.keys) > maxZoneKeys {
				return errTooManyKeys
			}
		case *dns.RRSIG:
			if rr.TypeCovered == dns.TypeDNSKEY && len(o.sigs) < maxZoneSigs {
				o.sigs = append(o.sigs, rr)
			}
		}
	}
	if len(o.keys) == 0 {
		return ErrNoKeys
	}
	return nil
}

// revoke revokes the anchors that are in the set with the REVOKE bit and signed it
// themselves. That needs no other signature, and takes effect at once (RFC 5011 §2.1).
func (o *observer) revoke() error {
	p := o.point
	for _, key := range o.keys {
		if key.Flags&dns.REVOKE == 0 || key.Flags&dns.SEP == 0 || rrsig.ZoneKey(unrevoked(key)) != nil {
			continue
		}
		known := slices.IndexFunc(p.Keys, func(k TrackedKey) bool { return k.anchors() && sameKey(k.Key, key) })
		byDS := func(record *dns.DS) bool { return ds.Matches(record, o.zone, unrevoked(key)) }
		if known < 0 && !slices.ContainsFunc(p.DS, byDS) {
			continue
		}
		if sig, err := o.signedWith(key); err != nil {
			return err
		} else if sig == nil {
			continue
		}
		p.DS = slices.DeleteFunc(p.DS, byDS)
		if known < 0 {
			p.Keys = slices.Insert(p.Keys, 0, TrackedKey{Key: unrevoked(key), State: Valid})
			known = 0
		}
		p.Keys[known].Key = withTTL(key, p.Keys[known].Key.Hdr.Ttl)
		o.move(&p.Keys[known], Revoked)
	}
	if len(o.changes) > 0 && len(p.anchors()) == 0 {
		p.Revoked = true // RFC 5011 §5
	}
	return nil
}

// verify looks for a signature by an anchor. The anchor itself may be missing in the set.
func (o *observer) verify() (*dns.RRSIG, error) {
	for _, k := range o.point.Keys {
		if !k.anchors() {
			continue
		}
		if sig, err := o.signedWith(k.Key); sig != nil || err != nil {
			return sig, err
		}
	}
	for _, key := range o.keys {
		if rrsig.ZoneKey(key) != nil || !o.configured(key) {
			continue
		}
		if sig, err := o.signedWith(key); sig != nil || err != nil {
			return sig, err
		}
	}
	// A pending key whose hold-down time is over counts, too, as it does for Unbound. RFC
	// 5011 §2.4.1 wants a validated set that has the key after that time. So the key must be
	// in the set, which Unbound does not ask for, and forged sets make no key valid.
	for _, k := range o.point.Keys {
		if k.State != AddPend || !o.heldDown(k) || o.present(k) == nil {
			continue
		}
		if sig, err := o.signedWith(k.Key); sig != nil || err != nil {
			return sig, err
		}
	}
	if o.problem != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsigned, o.problem)
	}
	return nil, ErrUnsigned
}

// configured reports whether a DS record of the trust point is that of the key.
func (o *observer) configured(key *dns.DNSKEY) bool {
	return slices.ContainsFunc(o.point.DS, func(record *dns.DS) bool {
		return o.algorithms.SupportsDigest(record.DigestType) && ds.Matches(record, o.zone, key)
	})
}

// signedWith returns a valid signature over the set by the key, or nil. The error says that
// there are too many to check.
func (o *observer) signedWith(key *dns.DNSKEY) (*dns.RRSIG, error) {
	for _, sig := range o.sigs {
		if sig.Algorithm != key.Algorithm || sig.KeyTag != key.KeyTag() {
			continue
		}
		if o.problem = rrsig.Check(o.set, sig, o.zone, o.now, 0); o.problem != nil {
			continue
		}
		if o.checks++; o.checks > maxZoneChecks {
			return nil, fmt.Errorf("more than %d signatures to check", maxZoneChecks)
		}
		if o.problem = rrsig.NewKey(o.algorithms, key).Verify(o.set, sig); o.problem == nil {
			return sig, nil
		}
	}
	return nil, nil
}

// update takes every key through the state table of RFC 5011 §4.2, by a validated set. The TTL
// of its records is not signed, so the original TTL of the signature counts.
func (o *observer) update(ttl uint32) {
	p := o.point
	first := p.LastSuccess.IsZero()
	for _, key := range o.keys {
		if key.Flags&dns.SEP == 0 || o.known(key) || len(p.Keys) >= maxZoneKeys {
			continue
		}
		tracked := TrackedKey{Key: withTTL(key, ttl)}
		switch {
		case rrsig.ZoneKey(key) != nil || rrsig.NewKey(o.algorithms, key).Usable() != nil:
			continue // revoked, or of no use to this validator
		case o.configured(key):
			o.move(&tracked, Valid)
		default:
			o.move(&tracked, AddPend)
		}
		p.Keys = slices.Insert(p.Keys, 0, tracked)
	}
	p.DS = slices.DeleteFunc(p.DS, func(record *dns.DS) bool {
		return slices.ContainsFunc(p.Keys, func(k TrackedKey) bool { return k.anchors() && ds.Matches(record, o.zone, k.Key) })
	})
	for i := range p.Keys {
		o.step(&p.Keys[i], first)
	}
	another := slices.ContainsFunc(p.Keys, func(k TrackedKey) bool { return k.State == Valid })
	if slices.ContainsFunc(p.Keys, func(k TrackedKey) bool { return k.State == Valid && o.now.Sub(k.Changed) > keepMissing }) {
		p.DS = nil // as missing keys; a key that was revoked before it was ever seen among them
	}
	for i := range p.Keys {
		if k := &p.Keys[i]; k.State == Missing && another && o.now.Sub(k.Changed) > keepMissing {
			o.move(k, Removed)
		}
	}
	p.Keys = slices.DeleteFunc(p.Keys, func(k TrackedKey) bool { return k.State == Start || k.State == Removed })
}

// step takes one key through the state table, by whether it is in the set.
func (o *observer) step(k *TrackedKey, first bool) {
	switch present := o.present(*k) != nil; k.State {
	case AddPend:
		if !present {
			o.move(k, Start) // KeyRem
			return
		}
		if k.Seen++; o.heldDown(*k) {
			o.move(k, Valid) // AddTime
		}
	case Valid:
		if !present {
			o.move(k, Missing) // KeyRem
		} else if first && k.Changed.IsZero() {
			k.Changed = o.now // a configured key, seen for the first time
		}
	case Missing:
		if present {
			o.move(k, Valid) // KeyPres
		}
	case Revoked:
		if present {
			k.Changed = o.now // it is kept while its zone has it
		} else if o.now.Sub(k.Changed) > removeHoldDown {
			o.move(k, Removed) // RemTime
		}
	}
}

// heldDown reports whether a pending key has been there for long enough: 30 days, or the
// TTL of the set that it came with if that is longer (RFC 5011 §2.4.1).
func (o *observer) heldDown(k TrackedKey) bool {
	holdDown := max(addHoldDown, time.Duration(k.Key.Hdr.Ttl)*time.Second)
	return k.Seen >= minSeen && o.now.Sub(k.Changed) > holdDown
}

// present returns the key as it is in the set, or nil if it is not there, or revoked there.
func (o *observer) present(k TrackedKey) *dns.DNSKEY {
	for _, key := range o.keys {
		if sameKey(key, k.Key) && key.Flags == k.Key.Flags {
			return key
		}
	}
	return nil
}

// known reports whether the trust point has the key, in whatever state.
func (o *observer) known(key *dns.DNSKEY) bool {
	return slices.ContainsFunc(o.point.Keys, func(k TrackedKey) bool { return sameKey(k.Key, key) })
}

// move moves a key to another state.
func (o *observer) move(k *TrackedKey, to State) {
	o.changes = append(o.changes, Change{Key: k.Key, From: k.State, To: to})
	k.State, k.Seen, k.Changed = to, 0, o.now
}

// withTTL returns a copy of the key with another TTL.
func withTTL(key *dns.DNSKEY, ttl uint32) *dns.DNSKEY {
	key = dns.Copy(key).(*dns.DNSKEY)
	key.Hdr.Ttl = ttl
	return key
}

// Bounds of the intervals of RFC 5011 §2.3.
const (
	minInterval = time.Hour
	maxInterval = 15 * 24 * time.Hour
	minRetry    = time.Hour
	maxRetry    = 24 * time.Hour
)

// intervals returns when to query again after a success and after a failure, by the
// original TTL and the time that is left of the signature (RFC 5011 §2.3).
func intervals(sig *dns.RRSIG, now time.Time) (query, retry time.Duration) {
	ttl := time.Duration(sig.OrigTtl) * time.Second
	// Serial arithmetic, as for the validity itself (RFC 4034 §3.1.5).
	left := time.Duration(int32(sig.Expiration-uint32(now.Unix()))) * time.Second
	query = max(minInterval, min(maxInterval, ttl/2, left/2))
	retry = max(minRetry, min(maxRetry, ttl/10, left/10))
	return query, retry
}
