package validate

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/miekg/dns"
)

// A SignatureCache remembers signatures that were found good, whatever became of the records
// meanwhile: a TTL is shorter than the validity of a signature. It holds digests of all
// that the check depends on but the time. It is bounded, and forgets the oldest half when
// it is full. The zero SignatureCache is empty, and a nil one stays so. It is safe for concurrent
// use.
type SignatureCache struct {
	mu            sync.Mutex
	newer, former map[[sha256.Size]byte]struct{}
}

func (c *SignatureCache) has(digest [sha256.Size]byte) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.newer[digest]; ok {
		return true
	}
	_, ok := c.former[digest]
	if ok {
		c.add(digest) // in use
	}
	return ok
}

// remember adds a signature that was found good.
func (c *SignatureCache) remember(digest [sha256.Size]byte) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(digest)
}

// add is called with mu held.
func (c *SignatureCache) add(digest [sha256.Size]byte) {
	if c.newer == nil || len(c.newer) >= maxVerified/2 {
		c.newer, c.former = make(map[[sha256.Size]byte]struct{}), c.newer
	}
	c.newer[digest] = struct{}{}
}

// digestOf identifies what is signed, the signature and the key. data holds the algorithm. What
// is digested is written into room, if there is enough.
func digestOf(room, data []byte, sig *dns.RRSIG, key *dns.DNSKEY) [sha256.Size]byte {
	all := binary.BigEndian.AppendUint64(room, uint64(len(data)))
	all = append(all, data...)
	all = binary.BigEndian.AppendUint64(all, uint64(len(sig.Signature)))
	all = append(all, sig.Signature...)
	return sha256.Sum256(append(all, key.PublicKey...))
}
