package noresolver

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/examples/embed/internal/embedtest"
)

// It works from the root servers down, here from those of a small Internet, and has its anchors
// in the file then.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	file := filepath.Join(t.TempDir(), "root.key")
	v := NewVerifier(file)
	resolver := v.Resolver.(*dnssec.Resolver)
	world := internet.DNS.Recursor()
	recursor := resolver.Exchanger.(*upstream.Recursor)
	recursor.Hints, recursor.Dial, recursor.Allow = world.Hints, world.Dial, world.Allow
	resolver.Anchors.(*anchor.Tracker).Start = internet.DNS.Anchors()
	embedtest.Outcomes(t, internet, v)
	text, err := os.ReadFile(file)
	if err != nil || len(text) == 0 {
		t.Errorf("%d octets in the file, %v", len(text), err)
	}
}

// The built-in keys are those of the real root, and no others.
func TestOtherRootsAreNotTrusted(t *testing.T) {
	t.Parallel()
	internet := danetest.New(t)
	v := NewVerifier(filepath.Join(t.TempDir(), "root.key"))
	v.Resolver.(*dnssec.Resolver).Exchanger = internet.DNS
	if d, err := v.LookupMX(t.Context(), "good.example"); err == nil {
		t.Errorf("%+v", d)
	}
}
