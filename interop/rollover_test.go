//go:build interop

package interop

import (
	"testing"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
)

// TestRollover follows a zone that named serves through a year and a half.
func TestRollover(t *testing.T) {
	const (
		pending, valid, missing, revoked = anchor.AddPend, anchor.Valid, anchor.Missing, anchor.Revoked
	)
	z := (&rollingZone{name: "rolling.test.", ttl: 2 * 86400, last: 530, keys: []rollingKey{
		{name: "first", publish: 1, activate: 1, revoke: 50, remove: 60},
		{name: "second", publish: 10, activate: 41, revoke: 530},
		{name: "withdrawn", publish: 10, remove: 20},
		{name: "third", publish: 90, activate: 121, revoke: 530},
		{name: "standby", publish: 90, remove: 130},
	}}).serve(t)

	lookingUp, refreshing := z.path("lookups.key"), z.path("refreshes.key")
	resident := z.resolver(&anchor.FileStore{Path: lookingUp}, "first")
	for _, stage := range []struct {
		day    int
		why    string
		states states
		status dnssec.Status
	}{
		{1, "one key", states{"first": valid}, dnssec.Secure},
		{10, "two are published", states{"first": valid, "second": pending, "withdrawn": pending}, dnssec.Secure},
		{20, "one of them is withdrawn", states{"first": valid, "second": pending}, dnssec.Secure},
		{40, "30 days, and not more", states{"first": valid, "second": pending}, dnssec.Secure},
		{41, "more than 30 days: it is trusted", states{"first": valid, "second": valid}, dnssec.Secure},
		{50, "the old one is revoked", states{"first": revoked, "second": valid}, dnssec.Secure},
		{60, "and removed, since which the new one signs alone", states{"first": revoked, "second": valid}, dnssec.Secure},
		{81, "and forgotten", states{"second": valid}, dnssec.Secure},
		{90, "two more are published", states{"second": valid, "third": pending, "standby": pending}, dnssec.Secure},
		{121, "and trusted when they are seen again", states{"second": valid, "third": valid, "standby": valid}, dnssec.Secure},
		{130, "one is removed without being revoked", states{"second": valid, "third": valid, "standby": missing}, dnssec.Secure},
		{520, "nobody looks for more than a year", states{"second": valid, "third": valid}, dnssec.Secure},
		{530, "all keys are revoked", states{"second": revoked, "third": revoked}, dnssec.Insecure},
	} {
		z.turn(t, stage.day)
		t.Logf("day %d: %s", stage.day, stage.why)
		// One process makes lookups and nothing else.
		z.wantStatus(t, resident, stage.status)
		z.wantStates(t, lookingUp, stage.states)
		// The other one starts anew each time, and refreshes the anchors first.
		restarted := z.resolver(&anchor.FileStore{Path: refreshing}, "first")
		if _, err := restarted.RefreshAnchors(t.Context()); err != nil {
			t.Fatal(err)
		}
		z.wantStates(t, refreshing, stage.states)
		z.wantStatus(t, restarted, stage.status)
	}
}
