package dnssec

import (
	"errors"
	"testing"
	"time"
)

// The budget of a lookup is what SECURITY.md says, and nothing goes beyond it.
func TestBudgetEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		limit int
		spend func(*budget) error
	}{
		{"signature checks, of usual cost", 128, func(b *budget) error { return b.spendSignature(1, 1) }},
		{"NSEC3 hash work, in applications of SHA-1", 16384, func(b *budget) error { return b.spendHashes(1, 0) }},
		{"pairs of DS and DNSKEY with one tag", 128, (*budget).spendKeyPair},
		{"queries", 128, (*budget).spendQuery},
	} {
		b := newBudget(1)
		for i := range tt.limit {
			if err := tt.spend(b); err != nil {
				t.Fatalf("%s: %v after %d", tt.name, err, i)
			}
		}
		if err := tt.spend(b); !errors.Is(err, ErrBudget) {
			t.Errorf("%s: %v beyond the limit", tt.name, err)
		}
	}
	if maxTTL != 7*24*time.Hour || maxDenialTTL != 3*time.Hour || bogusTTL != 5*time.Second {
		t.Error("things are kept for other times than SECURITY.md says")
	}
}
