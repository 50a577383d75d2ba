package validate

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/miekg/dns"
)

// A SignatureCache remembers signatures that were found good, whatever became of the records
// meanwhile: a TTL is shorter than the validity of a signature. It holds fingerprints of all
// that the check depends on but the time. It is bounded, and forgets the oldest half when
// it is full. The zero SignatureCache is empty, and a nil one stays so. It is safe for concurrent
// use.
type SignatureCache struct {
	once   sync.Once
	secret [16]byte

	mu            sync.Mutex
	newer, former map[fingerprint]struct{}
}

// A fingerprint is half of a SHA-256 digest: 64 bits of work would be enough to find two checks
// with the same, one of them good, if the digest did not begin with a secret of the cache.
type fingerprint [sha256.Size / 2]byte

func (c *SignatureCache) has(print fingerprint) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.newer[print]; ok {
		return true
	}
	_, ok := c.former[print]
	if ok {
		c.add(print) // in use
	}
	return ok
}

// remember adds a signature that was found good.
func (c *SignatureCache) remember(print fingerprint) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(print)
}

// add is called with mu held.
func (c *SignatureCache) add(print fingerprint) {
	if c.newer == nil || len(c.newer) >= maxVerified/2 {
		c.newer, c.former = make(map[fingerprint]struct{}), c.newer
	}
	c.newer[print] = struct{}{}
}

// fingerprint identifies what is signed, the signature and the key. data holds the algorithm. What
// is digested is written into room, if there is enough.
func (c *SignatureCache) fingerprint(room, data []byte, sig *dns.RRSIG, key *dns.DNSKEY) fingerprint {
	if c == nil {
		return fingerprint{}
	}
	c.once.Do(func() { _, _ = rand.Read(c.secret[:]) }) // which never fails
	all := append(room, c.secret[:]...)
	all = binary.BigEndian.AppendUint64(all, uint64(len(data)))
	all = append(all, data...)
	all = binary.BigEndian.AppendUint64(all, uint64(len(sig.Signature)))
	all = append(all, sig.Signature...)
	digest := sha256.Sum256(append(all, key.PublicKey...))
	return fingerprint(digest[:])
}
