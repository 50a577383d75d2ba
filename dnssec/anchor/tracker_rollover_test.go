package anchor_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
)

// A rollingKey is one key of a zone that rolls its keys over, and its life: published,
// signing, revoked by itself, gone.
type rollingKey struct {
	*sign.Key
	published, signing, revoked, gone time.Time
}

// A rollingZone is the owner of a zone over many years. For each new key, the old one
// signs on for some months, as the root's did.
type rollingZone struct {
	keys []*rollingKey
	end  time.Time
}

func newRollingZone(t *testing.T, random *rand.Rand, start time.Time, years int) *rollingZone {
	t.Helper()
	days := func(low, high int) time.Duration { return time.Duration(low+random.IntN(high-low)) * day }
	z := &rollingZone{end: start.AddDate(years, 0, 0)}
	for at := start; at.Before(z.end); {
		key := &rollingKey{Key: newKey(t, "."), published: at, signing: at}
		if len(z.keys) > 0 {
			old := z.keys[len(z.keys)-1]
			key.signing = at.Add(days(60, 400)) // longer than any hold-down
			old.revoked = key.signing.Add(days(60, 150))
			old.gone = old.revoked.Add(days(60, 100))
		}
		z.keys = append(z.keys, key)
		at = key.signing.Add(days(300, 900))
	}
	return z
}

// at is what the zone has at an instant: its keys with signatures.
func (z *rollingZone) at(t *testing.T, now time.Time) []dns.RR {
	t.Helper()
	var keys, signers []*sign.Key
	for i, k := range z.keys {
		replaced := i+1 < len(z.keys) && !now.Before(z.keys[i+1].signing)
		switch {
		case now.Before(k.published), !k.gone.IsZero() && !now.Before(k.gone):
		case !k.revoked.IsZero() && !now.Before(k.revoked):
			keys, signers = append(keys, revokedKey(k.Key)), append(signers, revokedKey(k.Key))
		default:
			keys = append(keys, k.Key)
			if !now.Before(k.signing) && !replaced {
				signers = append(signers, k.Key)
			}
		}
	}
	return signedKeys(t, now, keys, signers...)
}

// current is the key that signs at an instant.
func (z *rollingZone) current(now time.Time) *rollingKey {
	var current *rollingKey
	for _, k := range z.keys {
		if !now.Before(k.signing) {
			current = k
		}
	}
	return current
}

// TestRolloversOfTenYears follows a zone over ten years, many times. A validator that sleeps for at
// most two weeks beyond what it was told always trusts the key that signs, and never one
// that was revoked, nor one that was seen for less than the hold-down time.
func TestRolloversOfTenYears(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 5011))
			now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
			zone := newRollingZone(t, random, now, 10)
			tracker := &anchor.Tracker{Start: dsOf(zone.keys[0].Key)}
			seenRevoked := make(map[string]bool)
			var intruder *sign.Key // of somebody who has the zone's key for a while
			var intrusion time.Time
			for now.Before(zone.end) {
				records := zone.at(t, now)
				current := zone.current(now)
				if random.IntN(40) == 0 {
					intruder, intrusion = newKey(t, "."), now.Add(time.Duration(1+random.IntN(25))*day)
				}
				if now.Before(intrusion) {
					// It is in the set, which the right key has signed.
					records = signedKeys(t, now, []*sign.Key{current.Key, intruder}, current.Key, intruder)
				}
				if random.IntN(10) == 0 {
					// A server that is of no use changes nothing.
					forged := newKey(t, ".")
					before := anchorsOf(t, tracker, now)
					if err := tracker.Observe(t.Context(), now, ".", signedKeys(t, now, []*sign.Key{forged}, forged)); !errors.Is(err, anchor.ErrUnsigned) {
						t.Fatalf("%s: a forged set: %v", now, err)
					}
					if after := anchorsOf(t, tracker, now); len(before) != len(after) {
						t.Fatalf("%s: a forged set changes the anchors", now)
					}
				}
				if err := tracker.Observe(t.Context(), now, ".", records); err != nil {
					t.Fatalf("%s: %v", now, err)
				}
				for _, rr := range records {
					if key, ok := rr.(*dns.DNSKEY); ok && key.Flags&dns.REVOKE != 0 {
						seenRevoked[key.PublicKey] = true
					}
				}
				anchors := anchorsOf(t, tracker, now)
				if !anchors[current.Public.PublicKey] {
					t.Fatalf("%s: the key that signs is not trusted", now)
				}
				if intruder != nil && anchors[intruder.Public.PublicKey] {
					t.Fatalf("%s: a key is trusted that was there for less than 30 days", now)
				}
				for key := range seenRevoked {
					if anchors[key] {
						t.Fatalf("%s: a revoked key is trusted", now)
					}
				}
				_, next := tracker.Next(now)
				if wait := next.Sub(now); wait < time.Hour || wait > 15*day {
					t.Fatalf("%s: the next query is in %s", now, wait)
				}
				now = next
				if random.IntN(3) == 0 {
					now = now.Add(time.Duration(random.Int64N(int64(14 * day))))
				}
			}
		})
	}
}

// TestLongSleep switches a machine off until its zone has other keys.
func TestLongSleep(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	old, young := newKey(t, "."), newKey(t, ".")
	tracker := &anchor.Tracker{Start: dsOf(old)}
	if err := tracker.Observe(t.Context(), now, ".", signedKeys(t, now, []*sign.Key{old}, old)); err != nil {
		t.Fatal(err)
	}
	now = now.AddDate(3, 0, 0)
	if !tracker.Expired(".", now) {
		t.Error("the anchors have not expired after three years")
	}
	if set, err := tracker.Anchors(now); err != nil || len(set) != 1 {
		t.Errorf("anchors before anybody asked: %v, %v; want the old key", set, err)
	}
	if err := tracker.Observe(t.Context(), now, ".", nil); !errors.Is(err, anchor.ErrNoKeys) {
		t.Errorf("a query in vain: %v", err)
	}
	if _, err := tracker.Anchors(now); err != nil {
		t.Errorf("anchors after a query in vain: %v", err)
	}
	records := signedKeys(t, now, []*sign.Key{young}, young)
	if err := tracker.Observe(t.Context(), now, ".", records); !errors.Is(err, anchor.ErrUnsigned) {
		t.Errorf("keys that the old one did not sign: %v", err)
	}
	if _, err := tracker.Anchors(now); !errors.Is(err, anchor.ErrOutdated) {
		t.Errorf("anchors after the rollover: %v", err)
	}
	if err := tracker.Replace(t.Context(), now, dsOf(young)); err != nil {
		t.Fatal(err)
	}
	if err := tracker.Observe(t.Context(), now, ".", records); err != nil {
		t.Fatal(err)
	}
	if anchors := anchorsOf(t, tracker, now); len(anchors) != 1 || !anchors[young.Public.PublicKey] {
		t.Errorf("anchors %v, want the young key", anchors)
	}
}
