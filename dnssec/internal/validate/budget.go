package validate

import (
	"errors"
	"sync"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/weight"
)

// ErrBudget is the cause when a verdict would have cost more work than there is left
// (CVE-2023-50387, CVE-2023-50868).
var ErrBudget = errors.New("the lookup takes more queries or signature checks than are allowed")

// A Work is an amount of what validation costs.
type Work struct {
	Signatures, Hashes, KeyPairs, Queries int
	Octets                                int // of memory for replies
}

// lookupWork is what one lookup may cost.
var lookupWork = Work{maxSignatures, maxHashes, maxKeyPairs, maxQueries, maxReplyBytes}

// speculativeWork is what a question may cost by itself that is asked before it is known to be
// needed: a quarter, which is plenty for the keys of a zone. What it rests on counts apart, by
// the budget of a lookup: there may be many zones above, and others will need them, too.
var speculativeWork = Work{maxSignatures / 4, maxHashes / 4, maxKeyPairs / 4, maxQueries / 4, maxReplyBytes / 4}

func (w Work) minus(other Work) Work {
	return Work{
		w.Signatures - other.Signatures, w.Hashes - other.Hashes, w.KeyPairs - other.KeyPairs,
		w.Queries - other.Queries, w.Octets - other.Octets,
	}
}

func (w Work) plus(other Work) Work { return w.minus(Work{}.minus(other)) }

func (w Work) overdrawn() bool {
	return min(w.Signatures, w.Hashes, w.KeyPairs, w.Queries, w.Octets) < 0
}

// A Budget is the work that one lookup, or the lookups that share it, may still
// do. It is safe for concurrent use.
type Budget struct {
	mu          sync.Mutex
	left        Work
	done        Work // by oneself
	speculative bool // no more than own may be done by oneself
	own         Work
}

// NewBudget returns the work of a number of lookups.
func NewBudget(lookups int) *Budget {
	return &Budget{left: Work{
		Signatures: lookups * lookupWork.Signatures,
		Hashes:     lookups * lookupWork.Hashes,
		KeyPairs:   lookups * lookupWork.KeyPairs,
		Queries:    lookups * lookupWork.Queries,
		Octets:     lookups * lookupWork.Octets,
	}}
}

// OneLookup returns the work of one lookup.
func OneLookup() Budget { return Budget{left: lookupWork} }

// SpeculativeLookup returns the work of one lookup, of which little may be done by oneself.
func SpeculativeLookup() Budget {
	return Budget{left: lookupWork, speculative: true, own: speculativeWork}
}

func (b *Budget) spendKeyPair() error { return b.spend(Work{KeyPairs: 1}) }

// SpendQuery pays for one query.
func (b *Budget) SpendQuery() error { return b.spend(Work{Queries: 1}) }

// SpendReply pays for the memory that a reply takes: the lookup, and those who wait for the same,
// have it until they end.
func (b *Budget) SpendReply(reply *dns.Msg) error {
	return b.spend(Work{Octets: weight.Records(reply.Answer) + weight.Records(reply.Ns) + weight.Records(reply.Extra)})
}

// octetsPerSignature is how many octets cost as much to write and to hash, twice, as a common
// signature costs to check: some 100 µs.
const octetsPerSignature = 32 << 10

// spendSignature pays for a signature of that cost over that many octets.
func (b *Budget) spendSignature(cost, octets int) error {
	return b.spend(Work{Signatures: cost + octets/octetsPerSignature})
}

// spendHashes pays for NSEC3 hashes of that many iterations each, and one more
// application of the hash function for the name itself (RFC 5155 §5).
func (b *Budget) spendHashes(hashes, iterations int) error {
	return b.spend(Work{Hashes: hashes * (iterations + 1)})
}

func (b *Budget) spend(w Work) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	left, own := b.left.minus(w), b.own.minus(w)
	if left.overdrawn() || b.speculative && own.overdrawn() {
		return ErrBudget
	}
	b.left, b.own, b.done = left, own, b.done.plus(w)
	return nil
}

// Pay takes from the budget what others do or have done.
func (b *Budget) Pay(w Work) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.left.minus(w)
	if left.overdrawn() {
		return ErrBudget
	}
	b.left = left
	return nil
}

// Refund takes back what was paid.
func (b *Budget) Refund(w Work) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = b.left.plus(w)
}

// Forfeit counts work that was paid as done by oneself: it was begun, and nobody else pays for it.
func (b *Budget) Forfeit(w Work) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = b.done.plus(w)
}

// Exhaust leaves nothing, since work was done that cannot be paid.
func (b *Budget) Exhaust() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left, b.done = Work{}, b.done.plus(b.left)
}

// Spent returns the work that was done by oneself.
func (b *Budget) Spent() Work {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.done
}
