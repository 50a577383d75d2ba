package dnssec

import (
	"context"
	"sync"
)

// A budget is the work that one lookup, or the lookups that share it, may still
// do. It is safe for concurrent use.
type budget struct {
	mu                                    sync.Mutex
	signatures, hashes, keyPairs, queries int
}

type budgetKey struct{}

// WithBudget returns a context under which all lookups together may do the work
// of the given number of lookups. Without it each lookup has a budget of its
// own. A caller that makes several lookups for one task, with names that data
// led to, bounds the whole task by it.
func WithBudget(ctx context.Context, lookups int) context.Context {
	return context.WithValue(ctx, budgetKey{}, newBudget(max(lookups, 1)))
}

func budgetFrom(ctx context.Context) *budget {
	if b, ok := ctx.Value(budgetKey{}).(*budget); ok {
		return b
	}
	return newBudget(1)
}

func newBudget(lookups int) *budget {
	return &budget{
		signatures: lookups * maxSignatures,
		hashes:     lookups * maxHashes,
		keyPairs:   lookups * maxKeyPairs,
		queries:    lookups * maxQueries,
	}
}

func (b *budget) spendKeyPair() error { return b.spend(&b.keyPairs, 1) }
func (b *budget) spendQuery() error   { return b.spend(&b.queries, 1) }

// recordsPerSignature is how many records cost as much to write and to hash as a
// signature costs to check.
const recordsPerSignature = 64

// spendSignature pays for a signature of that cost over that many records.
func (b *budget) spendSignature(cost, records int) error {
	return b.spend(&b.signatures, cost+records/recordsPerSignature)
}

// spendHashes pays for NSEC3 hashes of that many iterations each, and one more
// application of the hash function for the name itself (RFC 5155 §5).
func (b *budget) spendHashes(hashes, iterations int) error {
	return b.spend(&b.hashes, hashes*(iterations+1))
}

func (b *budget) spend(left *int, n int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if *left < n {
		return ErrBudget
	}
	*left -= n
	return nil
}
