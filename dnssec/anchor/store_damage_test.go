package anchor_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
)

// What another process has replaced reaches one that fails.
func TestReplacedByAnotherProcess(t *testing.T) {
	t.Parallel()
	old, young := newKey(t, "."), newKey(t, ".")
	path := filepath.Join(t.TempDir(), "root.key")
	running := &anchor.Tracker{Start: dsOf(old), Store: &anchor.FileStore{Path: path}}
	revoked := revokedKey(old)
	if err := running.Observe(t.Context(), start, ".", signedKeys(t, start, []*sign.Key{revoked}, revoked)); err != nil {
		t.Fatal(err)
	}
	if _, err := running.Anchors(start); !errors.Is(err, anchor.ErrRevoked) {
		t.Fatalf("anchors: %v", err)
	}
	command := &anchor.Tracker{Store: &anchor.FileStore{Path: path}}
	if err := command.Replace(t.Context(), start, dsOf(young)); err != nil {
		t.Fatal(err)
	}
	set, err := running.Anchors(start)
	if err != nil || len(set) != 1 || set[0].DS.KeyTag != young.Public.KeyTag() {
		t.Errorf("anchors %v, %v; want what is in the file now", set, err)
	}
	if zone, at := running.Next(start); zone != "." || at.After(start) {
		t.Errorf("next %q at %s, want the root at once", zone, at)
	}
}

// A file that is spoiled while it is in use costs no more queries than usual.
func TestSpoiledState(t *testing.T) {
	t.Parallel()
	key := newKey(t, ".")
	store := stateFile(t, key.Public.String())
	tracker := &anchor.Tracker{Store: store}
	if err := tracker.Observe(t.Context(), start, ".", signedKeys(t, start, []*sign.Key{key}, key)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(store.Path, []byte("half a li"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, now := tracker.Next(start)
	err := tracker.Observe(t.Context(), now, ".", signedKeys(t, now, []*sign.Key{key}, key))
	if e, ok := errors.AsType[*anchor.Error](err); !ok || e.Line != 1 {
		t.Errorf("error %v", err)
	}
	if _, at := tracker.Next(now); !at.After(now) {
		t.Error("the keys are to be queried again at once")
	}
	if keys := anchorsOf(t, tracker, now); !keys[key.Public.PublicKey] {
		t.Errorf("anchors %v", keys)
	}
}

// A file and a link to it are one.
func TestSharedByLink(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "root.key")
	if err := (&anchor.FileStore{Path: path}).Update(t.Context(), put(0)); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	var all sync.WaitGroup
	for _, name := range []string{path, link} {
		all.Go(func() {
			store := &anchor.FileStore{Path: name}
			for range 20 {
				err := store.Update(t.Context(), func(points []*anchor.TrustPoint) ([]*anchor.TrustPoint, bool) {
					return pointsOf(points[0].Failures + 1), true
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if got := failuresIn(t, path); got != 40 {
		t.Errorf("%d writes are left, want 40", got)
	}
}

// A key that is known to be revoked is not trusted again because a file says so.
func TestRevokedStaysRevoked(t *testing.T) {
	t.Parallel()
	a, b := newKey(t, "."), newKey(t, ".")
	both := a.Public.String() + "\n" + b.Public.String() + "\n"
	store := stateFile(t, both)
	tracker := &anchor.Tracker{Store: &anchor.FileStore{Path: store.Path, ReadOnly: true}}
	revoked := revokedKey(a)
	if err := tracker.Observe(t.Context(), start, ".", signedKeys(t, start, []*sign.Key{revoked, b}, revoked, b)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(store.Path, []byte("; written anew\n"+both), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tracker.Observe(t.Context(), start, ".", signedKeys(t, start, []*sign.Key{a}, a)); !errors.Is(err, anchor.ErrUnsigned) {
		t.Errorf("a set that a revoked key has signed: %v", err)
	}
	if keys := anchorsOf(t, tracker, start); len(keys) != 1 || !keys[b.Public.PublicKey] {
		t.Errorf("anchors %v, want the other key alone", keys)
	}
}

// A file that has lost its anchors while it was in use is not one of revoked keys.
func TestAnchorsLostFromTheFile(t *testing.T) {
	t.Parallel()
	key := newKey(t, "example.")
	zsk, err := sign.NewKey("example.", dns.ECDSAP256SHA256, sign.ZSK)
	if err != nil {
		t.Fatal(err)
	}
	store := stateFile(t, key.Public.String())
	tracker := &anchor.Tracker{Store: store}
	good := signedKeys(t, start, []*sign.Key{key}, key)
	if err := tracker.Observe(t.Context(), start, "example.", good); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(store.Path, []byte(zsk.Public.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tracker.Observe(t.Context(), start, "example.", good); err == nil {
		t.Error("no error from Observe")
	}
	if set, err := tracker.Anchors(start); err == nil {
		t.Errorf("anchors %v: the zone passes for one without", set)
	}
}
