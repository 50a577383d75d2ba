package denial

import (
	"bytes"
	"crypto/sha1"
	"encoding/base32"
	"encoding/hex"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// MaxIterations is how many iterations of the hash count by default. RFC 5155 §10.3
// allows as many for small keys, and RFC 9276 §3.2 lower limits; above it the
// records prove that the zone is insecure, and no more.
const MaxIterations = 150

const (
	hashSHA1   = 1 // RFC 5155 §11: the only hash algorithm
	flagOptOut = 1 // RFC 5155 §3.1.2.1
)

// A parameters is how the names of a chain are hashed.
type parameters struct {
	iterations uint16
	salt       string
}

// An nsec3Record proves which types are at the name whose hash is its owner, and that there is
// no name with a hash between that and next.
type nsec3Record struct {
	owner, next []byte
	optOut      bool
	types       bitmap
	record      dns.RR
}

// An nsec3Chain is the NSEC3 records of one zone that can be looked at.
type nsec3Chain struct {
	zone canonical.Name
	parameters
	records  []nsec3Record
	mixed    dns.RR // a record with other parameters than the first one
	exceeded bool   // there are too many iterations
	hashes   []hashed
	spend    func(hashes, iterations int) error
	used     []dns.RR // what the proof rests on
}

type hashed struct {
	name canonical.Name
	hash [sha1.Size]byte
}

// newNSEC3Chain picks the NSEC3 records. Those with an unknown hash algorithm or flag are
// ignored (RFC 5155 §8.1, §8.2). Records of chains with different parameters prove
// nothing together (RFC 5155 §8.2).
func newNSEC3Chain(zone canonical.Name, records []dns.RR, cost Cost) nsec3Chain {
	chain := nsec3Chain{zone: zone, spend: cost.Spend}
	for _, rr := range records {
		record, ok := rr.(*dns.NSEC3)
		if !ok || record.Hash != hashSHA1 || record.Flags&^flagOptOut != 0 {
			continue
		}
		owner, ok := ownerHash(zone, record.Hdr.Name)
		if !ok {
			continue
		}
		next, err := decodeHash(record.NextDomain)
		if err != nil || len(next) != len(owner) {
			continue
		}
		salt, err := hex.DecodeString(record.Salt)
		if err != nil {
			continue
		}
		p := parameters{record.Iterations, string(salt)}
		if len(chain.records) > 0 && chain.parameters != p {
			chain.mixed = rr
			return chain
		}
		chain.parameters = p
		chain.records = append(chain.records, nsec3Record{owner: owner, next: next, optOut: record.Flags&flagOptOut != 0, types: record.TypeBitMap, record: rr})
	}
	chain.exceeded = len(chain.records) > 0 && chain.iterations > cost.Iterations
	return chain
}

// ownerHash reads the hash from an owner, which is one label below the zone
// (RFC 5155 §3).
func ownerHash(zone canonical.Name, owner string) ([]byte, bool) {
	name, err := canonical.ParseName(owner)
	if err != nil || name == canonical.Root || name.Parent() != zone {
		return nil, false
	}
	hash, err := decodeHash(string(name[1 : 1+name[0]]))
	return hash, err == nil && len(hash) == sha1.Size
}

func decodeHash(text string) ([]byte, error) {
	return base32.HexEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(text))
}

// hash returns the hash of a name, computed once. There are few names in a proof, so
// they are in no map.
func (c *nsec3Chain) hash(name canonical.Name) ([]byte, error) {
	for i := range c.hashes {
		if c.hashes[i].name == name {
			return c.hashes[i].hash[:], nil
		}
	}
	if err := c.spend(1, int(c.iterations)); err != nil {
		return nil, err
	}
	c.hashes = append(c.hashes, hashed{name, c.apply(name)})
	return c.hashes[len(c.hashes)-1].hash[:], nil
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

// matching returns the record whose owner is the hash of a name, or nil.
func (c *nsec3Chain) matching(name canonical.Name) (*nsec3Record, error) {
	hash, err := c.hash(name)
	if err != nil {
		return nil, err
	}
	for i := range c.records {
		if bytes.Equal(hash, c.records[i].owner) {
			c.used = append(c.used, c.records[i].record)
			return &c.records[i], nil
		}
	}
	return nil, nil
}

// covering returns a record that covers the hash of a name, or nil. It prefers one without
// opt-out, which proves more.
func (c *nsec3Chain) covering(name canonical.Name) (*nsec3Record, error) {
	hash, err := c.hash(name)
	if err != nil {
		return nil, err
	}
	var found *nsec3Record
	for i := range c.records {
		l := &c.records[i]
		if l.covers(hash) && (found == nil || !l.optOut) {
			found = l
		}
	}
	if found != nil {
		c.used = append(c.used, found.record)
	}
	return found, nil
}

// covers reports whether the hash lies between owner and next.
func (l *nsec3Record) covers(hash []byte) bool {
	after, before := bytes.Compare(l.owner, hash) < 0, bytes.Compare(hash, l.next) < 0
	if bytes.Compare(l.owner, l.next) < 0 {
		return after && before
	}
	// The last NSEC3 leads back to the first (RFC 5155 §3.1.7).
	return (after || before) && !bytes.Equal(hash, l.owner)
}

// closestEncloser returns the closest ancestor of name that exists, and the
// record that covers the name one label longer (RFC 5155 §8.3). The error is
// ErrUnproven where they are not proven.
func (c *nsec3Chain) closestEncloser(name canonical.Name) (canonical.Name, *nsec3Record, error) {
	for encloser := name; encloser != c.zone; {
		nextCloser := encloser
		encloser = encloser.Parent()
		match, err := c.matching(encloser)
		if err != nil {
			return "", nil, err
		}
		if match == nil {
			continue
		}
		if match.types.hidesBelow() {
			return "", nil, ErrUnproven // RFC 5155 §8.3
		}
		cover, err := c.covering(nextCloser)
		if err != nil {
			return "", nil, err
		}
		if cover == nil {
			return "", nil, ErrUnproven
		}
		return encloser, cover, nil
	}
	return "", nil, ErrUnproven
}

// nameError: RFC 5155 §8.4.
func (c *nsec3Chain) nameError(name canonical.Name) (Proof, error) {
	encloser, nextCloser, err := c.closestEncloser(name)
	if err != nil {
		return Proof{}, err
	}
	match, err := c.matching(name)
	if err != nil {
		return Proof{}, err
	}
	if match != nil {
		return Proof{}, ErrUnproven
	}
	proof := Proof{OptOut: nextCloser.optOut} // RFC 5155 §9.2
	wildcard, ok := encloser.Wildcard()
	if !ok {
		return proof, nil // no such name can exist
	}
	cover, err := c.covering(wildcard)
	if err != nil {
		return Proof{}, err
	}
	if cover == nil {
		return Proof{}, ErrUnproven
	}
	return proof, nil
}

// noData: RFC 5155 §8.5 to §8.7.
func (c *nsec3Chain) noData(name canonical.Name, qtype uint16) (Proof, error) {
	match, err := c.matching(name)
	if err != nil {
		return Proof{}, err
	}
	if match != nil {
		if !match.types.lacks(name, qtype) {
			return Proof{}, ErrUnproven
		}
		return match.types.proof(qtype), nil
	}
	encloser, nextCloser, err := c.closestEncloser(name)
	if err != nil {
		return Proof{}, err
	}
	if wildcard, ok := encloser.Wildcard(); ok {
		match, err := c.matching(wildcard)
		if err != nil {
			return Proof{}, err
		}
		if match != nil {
			// A wildcard is no delegation (RFC 4592 §4.2).
			if match.types.delegation() || !match.types.lacks(wildcard, qtype) {
				return Proof{}, ErrUnproven
			}
			return Proof{OptOut: nextCloser.optOut}, nil
		}
	}
	if nextCloser.optOut {
		// An unsigned delegation (RFC 5155 §8.6), or the empty non-terminal above
		// one, for which there need not be a record (RFC 5155 §7.1).
		return Proof{OptOut: true, Delegation: qtype == dns.TypeDS}, nil
	}
	return Proof{}, ErrUnproven
}

// noCloser: RFC 5155 §8.8.
func (c *nsec3Chain) noCloser(name canonical.Name, labels int) (Proof, error) {
	cover, err := c.covering(name.Ancestor(labels + 1))
	if err != nil {
		return Proof{}, err
	}
	if cover == nil {
		return Proof{}, ErrUnproven
	}
	return Proof{OptOut: cover.optOut}, nil
}
