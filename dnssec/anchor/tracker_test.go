package anchor_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
)

// A sighting is a set of keys that a Tracker gets to see: "a b/a" is the keys a and b
// with a signature by a; a capital is the key when it is revoked.
type sighting struct {
	day    int
	set    string
	states string // of the keys then, in order: "a valid, b pending"
	fails  bool
}

// TestStates goes through the state table of RFC 5011 §4.2. The key a is configured.
func TestStates(t *testing.T) {
	t.Parallel()
	keys := map[byte]*sign.Key{'a': newKey(t, "example."), 'b': newKey(t, "example."), 'c': newKey(t, "example.")}
	for name := range keys {
		keys[name-'a'+'A'] = revokedKey(keys[name])
	}
	zsk, err := sign.NewKey("example.", dns.ECDSAP256SHA256, sign.ZSK)
	if err != nil {
		t.Fatal(err)
	}
	keys['z'] = zsk
	named := func(names string) (list []*sign.Key) {
		for name := range strings.FieldsSeq(names) {
			list = append(list, keys[name[0]])
		}
		return list
	}
	for _, tt := range []struct {
		name      string
		sightings []sighting
	}{
		{"a configured key becomes valid when it is seen", []sighting{{0, "a z/a", "a valid", false}}},
		{"NewKey, and AddTime after more than 30 days", []sighting{
			{0, "a/a", "a valid", false},
			{1, "a b/a", "a valid, b pending", false},
			{31, "a b/a", "a valid, b pending", false},
			{32, "a b/a", "a valid, b valid", false},
		}},
		{"KeyRem of a pending key starts its time anew", []sighting{
			{0, "a b/a", "a valid, b pending", false},
			{20, "a/a", "a valid", false},
			{40, "a b/a", "a valid, b pending", false},
			{60, "a b/a", "a valid, b pending", false},
			{71, "a b/a", "a valid, b valid", false},
		}},
		{"a pending key must be seen twice, however much later", []sighting{
			{0, "a b/a", "a valid, b pending", false},
			{400, "a b/a", "a valid, b valid", false},
		}},
		{"a pending key whose time is over may sign for itself", []sighting{
			{0, "a b/a", "a valid, b pending", false},
			{20, "a b/a", "a valid, b pending", false},
			{31, "b/b", "a missing, b valid", false},
		}},
		{"a pending key whose time is not over may not", []sighting{
			{0, "a b/a", "a valid, b pending", false},
			{20, "a b/a", "a valid, b pending", false},
			{29, "b/b", "a valid, b pending", true},
		}},
		{"nor may it when it is not in the set", []sighting{
			{0, "a b/a", "a valid, b pending", false},
			{20, "a b/a", "a valid, b pending", false},
			{31, "c/b", "a valid, b pending", true},
		}},
		{"KeyRem and KeyPres of a valid key", []sighting{
			{0, "a b/a", "a valid, b pending", false},
			{20, "a b/a", "a valid, b pending", false},
			{31, "a b/a", "a valid, b valid", false},
			{40, "b/b", "a missing, b valid", false},
			{50, "a b/a", "a valid, b valid", false},
		}},
		{"a missing key still vouches for a set", []sighting{
			{0, "a/a", "a valid", false},
			{10, "z/a", "a missing", false},
			{20, "b/a", "a missing, b pending", false},
		}},
		{"a missing key is forgotten after 366 days, where there is another", []sighting{
			{0, "a b/a", "a valid, b pending", false},
			{20, "a b/a", "a valid, b pending", false},
			{31, "b/b", "a missing, b valid", false},
			{397, "b/b", "a missing, b valid", false},
			{398, "b/b", "b valid", false},
		}},
		{"a missing key is not forgotten where there is no other", []sighting{
			{0, "a/a", "a valid", false},
			{10, "z/a", "a missing", false},
			{500, "z/a", "a missing", false},
		}},
		{"Revbit, and RemTime when the key has been away for 30 days", []sighting{
			{0, "a b/a", "a valid, b pending", false},
			{20, "a b/a", "a valid, b pending", false},
			{31, "a b/a", "a valid, b valid", false},
			{32, "A b/A b", "a revoked, b valid", false},
			{50, "A b/A b", "a revoked, b valid", false},
			{80, "b/b", "a revoked, b valid", false},
			{81, "b/b", "b valid", false},
		}},
		{"a revoked key that comes back without the flag stays revoked", []sighting{
			{0, "a b/a", "a valid, b pending", false},
			{31, "a b/a", "a valid, b valid", false},
			{32, "A b/A b", "a revoked, b valid", false},
			{33, "a b/a b", "a revoked, b valid", false},
			{34, "a b c/a", "a revoked, b valid", true},
		}},
		{"a revocation takes effect even if nothing else of the set is good, and ends what is pending", []sighting{
			{0, "a b/a", "a valid, b pending", false},
			{31, "a b c/a", "a valid, b valid, c pending", false},
			{32, "A c/A", "a revoked, b valid", true},
		}},
		{"a revocation by another key is none", []sighting{
			{0, "a b/a", "a valid, b pending", false},
			{31, "a b/a", "a valid, b valid", false},
			{32, "A b/b", "a missing, b valid", false},
		}},
		{"a pending key that is revoked is forgotten", []sighting{
			{0, "a b/a", "a valid, b pending", false},
			{1, "a B/a B", "a valid", false},
		}},
		{"a key that is revoked when it is first seen is not tracked", []sighting{
			{0, "a B/a B", "a valid", false},
		}},
		{"all keys revoked: the trust point is gone", []sighting{
			{0, "a/a", "a valid", false},
			{1, "A b/A b", "a revoked", false},
			{50, "b/b", "a revoked", false},
		}},
		{"a set without a signature changes nothing", []sighting{
			{0, "a/a", "a valid", false},
			{1, "a b/", "a valid", true},
			{2, "b/b", "a valid", true},
			{3, "/", "a valid", true},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker := &anchor.Tracker{Start: dsOf(keys['a'])}
			var reported error
			tracker.Trace = func(zone string, _ []anchor.Change, err error) { reported = err }
			for _, s := range tt.sightings {
				now := start.Add(time.Duration(s.day) * day)
				set, signers, _ := strings.Cut(s.set, "/")
				var records []dns.RR
				if set != "" {
					records = signedKeys(t, now, named(set), named(signers)...)
				}
				err := tracker.Observe(t.Context(), now, "example", records)
				if (err != nil) != s.fails || !errors.Is(reported, err) {
					t.Fatalf("day %d: %v, reported as %v", s.day, err, reported)
				}
				points, err := tracker.TrustPoints(now)
				if err != nil {
					t.Fatal(err)
				}
				var states []string
				for name := byte('a'); name <= 'c'; name++ {
					for _, k := range points[0].Keys {
						if k.Key.PublicKey == keys[name].Public.PublicKey {
							states = append(states, fmt.Sprintf("%c %s", name, k.State))
						}
					}
				}
				if got := strings.Join(states, ", "); got != s.states {
					t.Errorf("day %d: %s, want %s", s.day, got, s.states)
				}
			}
		})
	}
}

// TestRevokedTrustPoint is what is trusted when all anchors of a zone are revoked.
func TestRevokedTrustPoint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		zone string
		want error
	}{{"example.", nil}, {".", anchor.ErrRevoked}} {
		t.Run(tt.zone, func(t *testing.T) {
			t.Parallel()
			key := newKey(t, tt.zone)
			tracker := &anchor.Tracker{Start: slices.Concat(dsOf(key), dsOf(newKey(t, "other.")))}
			revoked := revokedKey(key)
			if err := tracker.Observe(t.Context(), start, tt.zone, signedKeys(t, start, []*sign.Key{revoked}, revoked)); err != nil {
				t.Fatal(err)
			}
			set, err := tracker.Anchors(start)
			if !errors.Is(err, tt.want) {
				t.Fatalf("%v, want %v", err, tt.want)
			}
			if err == nil {
				if zone, found := set.Enclosing("www.example."); found {
					t.Errorf("the anchor %q is left", zone)
				}
				if len(set.Zone("other.")) != 1 {
					t.Error("the other zone has lost its anchor")
				}
			}
			if zone, _ := tracker.Next(start); zone != "other." {
				t.Errorf("the keys of %q are to be queried", zone)
			}
		})
	}
}

// TestHoldDownOfALongTTL waits for the original TTL where that is longer than 30 days,
// whatever the TTL of the records is (RFC 5011 §2.4.1).
func TestHoldDownOfALongTTL(t *testing.T) {
	t.Parallel()
	old, young := newKey(t, "."), newKey(t, ".")
	tracker := &anchor.Tracker{Start: dsOf(old)}
	for _, key := range []*sign.Key{old, young} {
		key.Public.Hdr.Ttl = uint32(50 * day / time.Second)
	}
	for days, want := range []int{0: 1, 20: 1, 31: 1, 49: 1, 51: 2} {
		if want == 0 {
			continue
		}
		now := start.Add(time.Duration(days) * day)
		records := signedKeys(t, now, []*sign.Key{old, young}, old)
		for i, rr := range records {
			records[i] = dns.Copy(rr)
			records[i].Header().Ttl = 60 // as of a cache
		}
		if err := tracker.Observe(t.Context(), now, ".", records); err != nil {
			t.Fatal(err)
		}
		if n := len(anchorsOf(t, tracker, now)); n != want {
			t.Errorf("day %d: %d anchors, want %d", days, n, want)
		}
	}
}

// TestIntervals is when to query again (RFC 5011 §2.3).
func TestIntervals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		ttl          uint32
		left         time.Duration
		query, retry time.Duration
	}{
		{"half and a tenth of the TTL", 172800, 20 * day, 24 * time.Hour, 17280 * time.Second},
		{"half and a tenth of what is left of the signature", 2592000, 5 * day, 60 * time.Hour, 12 * time.Hour},
		{"an hour at least", 300, 20 * day, time.Hour, time.Hour},
		{"15 days and a day at most", 30000000, 300 * day, 15 * day, day},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			key := newKey(t, ".")
			key.Public.Hdr.Ttl = tt.ttl
			sig, err := key.Sign([]dns.RR{key.Public}, start, start.Add(tt.left))
			if err != nil {
				t.Fatal(err)
			}
			tracker := &anchor.Tracker{Start: dsOf(key)}
			if err := tracker.Observe(t.Context(), start, ".", []dns.RR{key.Public, sig}); err != nil {
				t.Fatal(err)
			}
			wantNext := func(now, want time.Time) {
				t.Helper()
				if zone, at := tracker.Next(now); zone != "." || !at.Equal(want) {
					t.Errorf("next %q at %s, want %s", zone, at, want)
				}
			}
			wantNext(start, start.Add(tt.query))
			later := start.Add(tt.query)
			if err := tracker.Observe(t.Context(), later, ".", nil); err == nil {
				t.Error("no error for no keys")
			}
			wantNext(later, later.Add(tt.retry))
			// A clock that was set back must not keep the zone from being looked at.
			wantNext(start, start)
		})
	}
}

// TestHostileKeys hands over sets that are there to keep a Tracker busy.
func TestHostileKeys(t *testing.T) {
	t.Parallel()
	key := newKey(t, ".")
	good := signedKeys(t, start, []*sign.Key{key}, key)
	many := slices.Clone(good)
	for i := range 100 {
		many = append(many, &dns.DNSKEY{Hdr: key.Public.Hdr, Flags: sign.KSK, Protocol: 3, Algorithm: dns.ED25519, PublicKey: fmt.Sprintf("%044d", i)})
	}
	var signatures []dns.RR
	for i := range 100 {
		bad := *good[1].(*dns.RRSIG)
		bad.OrigTtl += uint32(i)
		signatures = append(signatures, &bad)
	}
	other := &dns.DNSKEY{Hdr: dns.RR_Header{Name: "example.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET}, Flags: sign.KSK, Protocol: 3, Algorithm: dns.ED25519, PublicKey: key.Public.PublicKey}
	for _, tt := range []struct {
		name    string
		records []dns.RR
		errText string
	}{
		{"too many keys", many, "more than 64 keys"},
		{"too many signatures", slices.Concat(good[:1], signatures[1:]), "more than 16 signatures"},
		{"records of another zone", []dns.RR{other}, "no DNSKEY record"},
		{"a good set twice, and records of other kinds", slices.Concat(good, good, []dns.RR{other, &dns.A{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeA, Class: dns.ClassINET}}}), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tracker := &anchor.Tracker{Start: dsOf(key)}
			err := tracker.Observe(t.Context(), start, ".", tt.records)
			if tt.errText == "" && err != nil || tt.errText != "" && (err == nil || !strings.Contains(err.Error(), tt.errText)) {
				t.Errorf("error %v, want %q", err, tt.errText)
			}
		})
	}
}

// TestReplace takes what is trusted from a file, whatever was known before.
func TestReplace(t *testing.T) {
	t.Parallel()
	key, another := newKey(t, "example."), newKey(t, "other.")
	store := stateFile(t, "; autotrust trust anchor file\n;;REVOKED\n;;id: example. 1\n")
	tracker := &anchor.Tracker{Store: store}
	if err := tracker.Replace(t.Context(), start, slices.Concat(dsOf(key), dsOf(another))); err != nil {
		t.Fatal(err)
	}
	for _, tracker := range []*anchor.Tracker{tracker, {Store: &anchor.FileStore{Path: store.Path}}} {
		set, err := tracker.Anchors(start)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range set {
			got = append(got, fmt.Sprintf("%s %d", a.Zone, a.DS.KeyTag))
		}
		want := []string{fmt.Sprintf("example. %d", key.Public.KeyTag()), fmt.Sprintf("other. %d", another.Public.KeyTag())}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("anchors (-want +got):\n%s", diff)
		}
	}
	lapsed := dsOf(key)
	lapsed[0].Until = start
	if err := tracker.Replace(t.Context(), start, lapsed); !errors.Is(err, anchor.ErrNone) {
		t.Errorf("a set that is not in force: %v", err)
	}
}

// A trust point without an anchor is of no use, and nobody can make it pass for revoked.
func TestNoAnchorIsNotRevoked(t *testing.T) {
	t.Parallel()
	zsk, err := sign.NewKey("example.", dns.ECDSAP256SHA256, sign.ZSK)
	if err != nil {
		t.Fatal(err)
	}
	tracker := &anchor.Tracker{Start: anchor.Set{{Zone: "example.", Key: zsk.Public}}}
	forged := newKey(t, "example.")
	for range 3 {
		if err := tracker.Observe(t.Context(), start, "example.", signedKeys(t, start, []*sign.Key{forged}, forged)); err == nil {
			t.Error("no error from Observe")
		}
	}
	if set, err := tracker.Anchors(start); err == nil || errors.Is(err, anchor.ErrRevoked) {
		t.Errorf("anchors %v, %v", set, err)
	}
}

// A key that revokes itself in a form that is none stays what it is, and the state can be
// read again.
func TestRevocationWithoutZoneKeyFlag(t *testing.T) {
	t.Parallel()
	key := newKey(t, "example.")
	store := stateFile(t, key.Public.String())
	tracker := &anchor.Tracker{Store: store}
	if err := tracker.Observe(t.Context(), start, "example.", signedKeys(t, start, []*sign.Key{key}, key)); err != nil {
		t.Fatal(err)
	}
	odd := revokedKey(key)
	odd.Public.Flags &^= dns.ZONE
	if err := tracker.Observe(t.Context(), start, "example.", signedKeys(t, start, []*sign.Key{odd}, odd)); err == nil {
		t.Error("a key without the Zone Key flag signs")
	}
	for _, tracker := range []*anchor.Tracker{tracker, {Store: &anchor.FileStore{Path: store.Path}}} {
		if keys := anchorsOf(t, tracker, start); !keys[key.Public.PublicKey] {
			t.Errorf("anchors %v", keys)
		}
	}
}

// A digest whose key was never seen is not trusted for ever.
func TestConfiguredDigestExpires(t *testing.T) {
	t.Parallel()
	seen, unseen := newKey(t, "."), newKey(t, ".")
	tracker := &anchor.Tracker{Start: append(dsOf(seen), dsOf(unseen)...)}
	for _, tt := range []struct{ days, anchors int }{{0, 2}, {300, 2}, {367, 1}} {
		now := start.AddDate(0, 0, tt.days)
		if err := tracker.Observe(t.Context(), now, ".", signedKeys(t, now, []*sign.Key{seen}, seen)); err != nil {
			t.Fatal(err)
		}
		if set, err := tracker.Anchors(now); err != nil || len(set) != tt.anchors {
			t.Errorf("day %d: anchors %v, %v; want %d", tt.days, set, err, tt.anchors)
		}
	}
}
