package dnssec

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// verified remembers signatures that were found good, whatever became of the records
// meanwhile: a TTL is shorter than the validity of a signature. It holds digests of all
// that the check depends on but the time. It is bounded, and forgets the oldest half when
// it is full. The zero verified is empty; it is safe for concurrent use.
type verified struct {
	mu            sync.Mutex
	newer, former map[[sha256.Size]byte]struct{}
}

func (v *verified) has(digest [sha256.Size]byte) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ok := v.newer[digest]; ok {
		return true
	}
	_, ok := v.former[digest]
	if ok {
		v.add(digest) // in use
	}
	return ok
}

// add is called with mu held.
func (v *verified) add(digest [sha256.Size]byte) {
	if v.newer == nil || len(v.newer) >= maxVerified/2 {
		v.newer, v.former = make(map[[sha256.Size]byte]struct{}), v.newer
	}
	v.newer[digest] = struct{}{}
}

// usualSignedData is room for what most signatures cover.
const usualSignedData = 512

// verifyOnce checks a signature by a key of the zone, unless that is known to be good; nil
// in the first place says that it is. The caller has checked the rest of it, its time above
// all. The error is the budget's.
func (val *validator) verifyOnce(set *rrset, sig *dns.RRSIG, key *rrsig.Key) (problem, err error) {
	if err := val.budget.spendSignature(0, set.canonical.SignedSize()); err != nil {
		return nil, err
	}
	data, problem := set.canonical.AppendSignedData(make([]byte, 0, usualSignedData), sig)
	if problem != nil {
		return problem, nil
	}
	known := val.signatures
	digest := digestOf(data, sig, key.Record)
	if known.has(digest) {
		return nil, nil
	}
	if err := val.budget.spendSignature(key.Cost(), 0); err != nil {
		return nil, err
	}
	if problem := key.VerifyData(data, sig); problem != nil {
		return problem, nil
	}
	known.mu.Lock()
	defer known.mu.Unlock()
	known.add(digest)
	return nil, nil
}

// digestOf identifies what is signed, the signature and the key. data holds the algorithm.
func digestOf(data []byte, sig *dns.RRSIG, key *dns.DNSKEY) [sha256.Size]byte {
	all := binary.BigEndian.AppendUint64(make([]byte, 0, 1024), uint64(len(data)))
	all = append(all, data...)
	all = binary.BigEndian.AppendUint64(all, uint64(len(sig.Signature)))
	all = append(all, sig.Signature...)
	return sha256.Sum256(append(all, key.PublicKey...))
}
