//go:build interop

package interop

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// everyState is what both programs are to say of the keys of the two tests below.
var everyState = states{"current": anchor.Valid, "old": anchor.Revoked, "standby": anchor.Missing, "next": anchor.AddPend}

// TestUnboundTakesOurStates hands a file of ours to Unbound, and takes it back.
func TestUnboundTakesOurStates(t *testing.T) {
	z := (&rollingZone{name: "ours.test.", ttl: 86400, last: 40, keys: []rollingKey{
		{name: "current", publish: 1, activate: 1},
		{name: "old", publish: 1, activate: 1, revoke: 35},
		{name: "standby", publish: 1, remove: 20},
		{name: "next", publish: 30},
	}}).serve(t)
	ours := z.path("ours.key")
	for _, day := range []int{1, 20, 30, 35} {
		z.turn(t, day)
		z.wantStatus(t, z.resolver(&anchor.FileStore{Path: ours}, "current", "old", "standby"), dnssec.Secure)
	}
	z.wantStates(t, ours, everyState)

	// Today, five days after we looked last, Unbound does so as soon as it starts.
	shared := copyFile(t, ours, z.path("shared.key"))
	unbound, server := z.startUnbound(t, shared, "")
	z.wantAD(t, server, true)
	wait(t, unbound, func() error {
		points, err := (&anchor.FileStore{Path: shared}).Load()
		if err == nil && !points[0].LastSuccess.After(z.now) {
			err = fmt.Errorf("unbound has not looked at the keys since %s", points[0].LastSuccess)
		}
		return err
	})
	unbound.stop()
	z.wantStates(t, shared, everyState)
	keys, err := z.tracked(shared)
	if err != nil {
		t.Fatal(err)
	}
	for name, day := range map[string]int{"standby": 20, "next": 30} {
		if k := keys[name]; !k.Changed.Equal(z.at(day)) {
			t.Errorf("for unbound, %s is %s since %s, want %s", name, k.State, k.Changed, z.at(day))
		}
	}

	z.turn(t, z.last)
	z.wantStatus(t, z.resolver(&anchor.FileStore{Path: shared}), dnssec.Secure)
	z.wantStates(t, shared, everyState)
}

// TestWeTakeUnboundsStates lets Unbound, which takes seconds for days here, follow a zone
// by itself, and goes on with its file.
func TestWeTakeUnboundsStates(t *testing.T) {
	z := (&rollingZone{name: "theirs.test.", ttl: 2, last: 2, keys: []rollingKey{
		{name: "current", publish: 1, activate: 1},
		{name: "old", publish: 1, activate: 1, revoke: 2},
		{name: "standby", publish: 1, remove: 2},
		{name: "next", publish: 2},
	}}).serve(t)
	theirs := z.path("theirs.key")
	if err := os.WriteFile(theirs, []byte(z.ds("current", "old")), 0o644); err != nil {
		t.Fatal(err)
	}
	has := func(want states) func() error {
		return func() error {
			got, err := z.statesIn(theirs)
			if diff := cmp.Diff(want, got); err == nil && diff != "" {
				err = fmt.Errorf("unbound's file (-want +got):\n%s", diff)
			}
			return err
		}
	}
	const fast = " permit-small-holddown: yes\n"
	unbound, _ := z.startUnbound(t, theirs, fast+" add-holddown: 1\n")
	wait(t, unbound, has(states{"current": anchor.Valid, "old": anchor.Valid, "standby": anchor.Valid}))
	unbound.stop()
	z.turn(t, 2)
	unbound, server := z.startUnbound(t, theirs, fast) // the hold-down time is 30 days again
	wait(t, unbound, has(everyState))
	z.wantAD(t, server, true)

	// What Unbound has open is for a read-only store.
	z.wantStatus(t, z.resolver(&anchor.FileStore{Path: theirs, ReadOnly: true}), dnssec.Secure)
	unbound.stop()

	// A copy is for us to go on with, until the new key is trusted.
	copied := copyFile(t, theirs, z.path("copy.key"))
	for _, days := range []int{0, 10, 31} {
		z.now = z.today.Add(time.Duration(days)*day + time.Hour)
		z.wantStatus(t, z.resolver(&anchor.FileStore{Path: copied}), dnssec.Secure)
	}
	z.wantStates(t, copied, states{"current": anchor.Valid, "old": anchor.Revoked, "standby": anchor.Missing, "next": anchor.Valid})
}

// TestRevokedForUnboundAndUs has both programs see the end of a trust point, and read what
// the other has written about it.
func TestRevokedForUnboundAndUs(t *testing.T) {
	z := (&rollingZone{name: "revoked.test.", ttl: 86400, last: 10, keys: []rollingKey{
		{name: "only", publish: 1, activate: 1, revoke: 10},
	}}).serve(t)
	ours := z.path("ours.key")
	z.wantStatus(t, z.resolver(&anchor.FileStore{Path: ours}, "only"), dnssec.Secure)
	theirs := copyFile(t, ours, z.path("theirs.key"))

	z.turn(t, 10)
	z.wantStatus(t, z.resolver(&anchor.FileStore{Path: ours}), dnssec.Insecure)
	unbound, _ := z.startUnbound(t, theirs, "")
	wait(t, unbound, func() error { return marked(theirs) })
	unbound.stop()

	for name, file := range map[string]string{"ours": ours, "unbound's": theirs} {
		t.Run(name, func(t *testing.T) {
			if err := marked(file); err != nil {
				t.Error(err)
			}
			z.wantStates(t, file, states{"only": anchor.Revoked})
			z.wantStatus(t, z.resolver(&anchor.FileStore{Path: file}), dnssec.Insecure)
			_, server := z.startUnbound(t, file, "")
			z.wantAD(t, server, false)
		})
	}
}

// marked checks that a file says that all keys are revoked.
func marked(file string) error {
	text, err := os.ReadFile(file)
	if err == nil && !strings.Contains(string(text), "\n;;REVOKED\n") {
		err = fmt.Errorf("%s is without ;;REVOKED:\n%s", file, text)
	}
	return err
}

func wait(t *testing.T, d *daemon, ready func() error) {
	t.Helper()
	if err := d.await(ready); err != nil {
		t.Fatalf("%v\n%s", err, d.logTail())
	}
}
