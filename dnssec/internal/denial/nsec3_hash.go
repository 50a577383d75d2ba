package denial

import (
	"crypto/sha1"
	"encoding/base32"
	"strings"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// MaxIterations is how many iterations of the hash count by default. RFC 5155 §10.3
// allows as many for small keys, and RFC 9276 §3.2 lower limits; above it the
// records prove that the zone is insecure, and no more.
const MaxIterations = 150

const hashSHA1 = 1 // RFC 5155 §11: the only hash algorithm

// A parameters is how the names of a chain are hashed.
type parameters struct {
	iterations uint16
	salt       string
}

// A hasher has the hashes of the names of one proof.
type hasher struct {
	parameters
	hashes []hashed
	spend  func(hashes, iterations int) error
}

type hashed struct {
	name canonical.Name
	hash [sha1.Size]byte
}

// hash returns the hash of a name, computed once. There are few names in a proof, so
// they are in no map.
func (h *hasher) hash(name canonical.Name) ([]byte, error) {
	for i := range h.hashes {
		if h.hashes[i].name == name {
			return h.hashes[i].hash[:], nil
		}
	}
	if err := h.spend(1, int(h.iterations)); err != nil {
		return nil, err
	}
	h.hashes = append(h.hashes, hashed{name, h.apply(name)})
	return h.hashes[len(h.hashes)-1].hash[:], nil
}

// maxHashed is the length of the longest name and the longest salt (RFC 5155 §3.2).
const maxHashed = 255 + 255

// apply is the calculation of RFC 5155 §5.
func (p parameters) apply(name canonical.Name) [sha1.Size]byte {
	var buffer [maxHashed]byte
	hash := sha1.Sum(append(append(buffer[:0], name...), p.salt...))
	next := append(buffer[:sha1.Size], p.salt...)
	for range p.iterations {
		copy(next, hash[:])
		hash = sha1.Sum(next)
	}
	return hash
}

// decodeHash reads a hash as it stands in an owner or a record (RFC 5155 §3).
func decodeHash(text string) ([]byte, error) {
	return base32.HexEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(text))
}
