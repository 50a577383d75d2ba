package dnssec

import (
	"sync"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/weight"
)

// A work is an amount of what validation costs.
type work struct {
	signatures, hashes, keyPairs, queries int
	octets                                int // of memory for replies
}

// lookupWork is what one lookup may cost.
var lookupWork = work{maxSignatures, maxHashes, maxKeyPairs, maxQueries, maxReplyBytes}

// speculativeWork is what a question may cost by itself that is asked before it is known to be
// needed: a quarter, which is plenty for the keys of a zone. What it rests on counts apart, by
// the budget of a lookup: there may be many zones above, and others will need them, too.
var speculativeWork = work{maxSignatures / 4, maxHashes / 4, maxKeyPairs / 4, maxQueries / 4, maxReplyBytes / 4}

func (w work) minus(other work) work {
	return work{
		w.signatures - other.signatures, w.hashes - other.hashes, w.keyPairs - other.keyPairs,
		w.queries - other.queries, w.octets - other.octets,
	}
}

func (w work) plus(other work) work { return w.minus(work{}.minus(other)) }

func (w work) overdrawn() bool {
	return min(w.signatures, w.hashes, w.keyPairs, w.queries, w.octets) < 0
}

// A budget is the work that one lookup, or the lookups that share it, may still
// do. It is safe for concurrent use.
type budget struct {
	mu   sync.Mutex
	left work
	own  *work // what may be done by oneself; nil for all of it
	done work  // by oneself
}

// newBudget returns the work of a number of lookups.
func newBudget(lookups int) *budget {
	return &budget{left: work{
		signatures: lookups * lookupWork.signatures,
		hashes:     lookups * lookupWork.hashes,
		keyPairs:   lookups * lookupWork.keyPairs,
		queries:    lookups * lookupWork.queries,
		octets:     lookups * lookupWork.octets,
	}}
}

// newSpeculativeBudget returns the work of a lookup, of which little may be done by oneself.
func newSpeculativeBudget() *budget {
	own := speculativeWork
	return &budget{left: lookupWork, own: &own}
}

func (b *budget) spendKeyPair() error { return b.spend(work{keyPairs: 1}) }
func (b *budget) spendQuery() error   { return b.spend(work{queries: 1}) }

// spendReply pays for the memory that a reply takes: the lookup, its flights and those who wait
// for them have it until they end.
func (b *budget) spendReply(reply *dns.Msg) error {
	return b.spend(work{octets: weight.Records(reply.Answer) + weight.Records(reply.Ns) + weight.Records(reply.Extra)})
}

// octetsPerSignature is how many octets cost as much to write and to hash, twice, as a common
// signature costs to check: some 100 µs.
const octetsPerSignature = 32 << 10

// spendSignature pays for a signature of that cost over that many octets.
func (b *budget) spendSignature(cost, octets int) error {
	return b.spend(work{signatures: cost + octets/octetsPerSignature})
}

// spendHashes pays for NSEC3 hashes of that many iterations each, and one more
// application of the hash function for the name itself (RFC 5155 §5).
func (b *budget) spendHashes(hashes, iterations int) error {
	return b.spend(work{hashes: hashes * (iterations + 1)})
}

func (b *budget) spend(w work) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.left.minus(w)
	if left.overdrawn() {
		return ErrBudget
	}
	if b.own != nil {
		own := b.own.minus(w)
		if own.overdrawn() {
			return ErrBudget
		}
		b.own = &own
	}
	b.left, b.done = left, b.done.plus(w)
	return nil
}

// pay is spend for work that others do or have done.
func (b *budget) pay(w work) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := b.left.minus(w)
	if left.overdrawn() {
		return ErrBudget
	}
	b.left = left
	return nil
}

// refund takes back what was paid.
func (b *budget) refund(w work) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = b.left.plus(w)
}

// forfeit takes what was paid for work of oneself: it was begun, and nobody else pays for it.
func (b *budget) forfeit(w work) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = b.done.plus(w)
}

// exhaust leaves nothing, since work was done that cannot be paid.
func (b *budget) exhaust() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left, b.done = work{}, b.done.plus(b.left)
}

// spent returns the work that was done.
func (b *budget) spent() work {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.done
}
