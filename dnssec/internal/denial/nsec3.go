package denial

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

const flagOptOut = 1 // RFC 5155 §3.1.2.1

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
	hasher
	records  []nsec3Record
	mixed    dns.RR   // a record with other parameters than the first one
	exceeded bool     // there are too many iterations
	used     []dns.RR // what the proof rests on
}

// newNSEC3Chain picks the NSEC3 records. Those with an unknown hash algorithm or flag are
// ignored (RFC 5155 §8.1, §8.2). Records of chains with different parameters prove
// nothing together (RFC 5155 §8.2).
func newNSEC3Chain(zone canonical.Name, records []dns.RR, cost Cost) nsec3Chain {
	chain := nsec3Chain{zone: zone, hasher: hasher{spend: cost.Spend}}
	for i, rr := range records {
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
		if chain.records == nil {
			chain.records = make([]nsec3Record, 0, len(records)-i)
		}
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
