package anchor_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
)

func newKey(t *testing.T, zone string) *sign.Key {
	t.Helper()
	key, err := sign.NewKey(zone, dns.ECDSAP256SHA256, sign.KSK)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// revokedKey is the key with the REVOKE bit (RFC 5011 §2.1).
func revokedKey(key *sign.Key) *sign.Key {
	public := *key.Public
	public.Flags |= dns.REVOKE
	return &sign.Key{Public: &public, Private: key.Private}
}

// signedKeys is a set of keys with a signature by each of the signers, which need not
// be among them.
func signedKeys(t *testing.T, now time.Time, keys []*sign.Key, signers ...*sign.Key) []dns.RR {
	t.Helper()
	var set []dns.RR
	for _, key := range keys {
		set = append(set, key.Public)
	}
	records := slices.Clone(set)
	for _, signer := range signers {
		sig, err := signer.Sign(set, now.Add(-day), now.Add(20*day))
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, sig)
	}
	return records
}

func anchorsOf(t *testing.T, tracker *anchor.Tracker, now time.Time) map[string]bool {
	t.Helper()
	set, err := tracker.Anchors(now)
	if err != nil {
		t.Fatal(err)
	}
	keys := make(map[string]bool)
	for _, a := range set {
		if a.Key != nil {
			keys[a.Key.PublicKey] = true
		}
	}
	return keys
}

func dsOf(key *sign.Key) anchor.Set {
	return anchor.Set{{Zone: key.Public.Hdr.Name, DS: key.Public.ToDS(dns.SHA256)}}
}

const day = 24 * time.Hour

// start is when the tests begin.
var start = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

// wantError checks an error of Parse: where it is, and what it says, where it is
// to say something.
func wantError(t *testing.T, err error, file string, line int, text string) {
	t.Helper()
	if text == "" {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	e, ok := errors.AsType[*anchor.Error](err)
	if !ok || e.File != file || e.Line != line || !strings.Contains(err.Error(), text) {
		t.Fatalf("error %v, want *anchor.Error of %s:%d with %q", err, file, line, text)
	}
}

func stateFile(t *testing.T, text string) *anchor.FileStore {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return &anchor.FileStore{Path: path}
}

// pointsOf returns a trust point with n failures, for the files of tests to differ.
func pointsOf(n int) []*anchor.TrustPoint {
	set, err := anchor.Parse(strings.NewReader(ksk2017), "KSK-2017")
	if err != nil {
		panic(err)
	}
	at := time.Unix(1795478400, 0)
	return []*anchor.TrustPoint{{Zone: ".", Failures: n, LastSuccess: at, Keys: []anchor.TrackedKey{{Key: set[0].Key, State: anchor.Valid, Changed: at}}}}
}

// put returns a change that stores a trust point with n failures.
func put(n int) func([]*anchor.TrustPoint) ([]*anchor.TrustPoint, bool) {
	return func([]*anchor.TrustPoint) ([]*anchor.TrustPoint, bool) { return pointsOf(n), true }
}

// failuresIn returns the n that is stored, -1 for nothing.
func failuresIn(t *testing.T, path string) int {
	t.Helper()
	points, err := (&anchor.FileStore{Path: path}).Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(points) == 0 {
		return -1
	}
	return points[0].Failures
}
