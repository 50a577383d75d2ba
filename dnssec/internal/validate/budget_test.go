package validate

import (
	"errors"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The budget of a lookup is what SECURITY.md says, and nothing goes beyond it.
func TestBudgetEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		limit int
		spend func(*Budget) error
	}{
		{"signature checks, of usual cost", 128, func(b *Budget) error { return b.spendSignature(1, 1) }},
		{"NSEC3 hash work, in applications of SHA-1", 16384, func(b *Budget) error { return b.spendHashes(1, 0) }},
		{"pairs of DS and DNSKEY with one tag", 128, (*Budget).spendKeyPair},
		{"queries", 128, (*Budget).SpendQuery},
		{"memory of the replies, in units of 64 kB", 64, func(b *Budget) error { return b.spend(Work{Octets: 64 << 10}) }},
	} {
		b := NewBudget(1)
		for i := range tt.limit {
			if err := tt.spend(b); err != nil {
				t.Fatalf("%s: %v after %d", tt.name, err, i)
			}
		}
		if err := tt.spend(b); !errors.Is(err, ErrBudget) {
			t.Errorf("%s: %v beyond the limit", tt.name, err)
		}
	}
}

func TestNothingIsKeptForLongerThanAWeek(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for ttl, want := range map[uint32]time.Duration{604800: 604800 * time.Second, 604801: 604800 * time.Second, 1<<32 - 1: 604800 * time.Second} {
		if got := TTLEnd(now, []dns.RR{&dns.A{Hdr: dns.RR_Header{Ttl: ttl}}}).Sub(now); got != want {
			t.Errorf("TTL %d: kept for %s", ttl, got)
		}
	}
}
