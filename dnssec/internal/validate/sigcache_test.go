package validate

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
)

// What is verified takes bounded memory, and what is in use stays.
func TestSignatureCacheIsBounded(t *testing.T) {
	t.Parallel()
	var v SignatureCache
	digest := func(i int) (d [sha256.Size]byte) {
		binary.BigEndian.PutUint32(d[:], uint32(i))
		return d
	}
	for i := range 5 * maxVerified {
		if i > 0 && !v.has(digest(0)) {
			t.Fatalf("what is in use was forgotten after %d", i)
		}
		v.add(digest(i))
		if len(v.newer)+len(v.former) > maxVerified {
			t.Fatalf("%d digests", len(v.newer)+len(v.former))
		}
	}
	if v.has(digest(1)) || !v.has(digest(5*maxVerified-1)) {
		t.Error("not the oldest was forgotten")
	}
}
