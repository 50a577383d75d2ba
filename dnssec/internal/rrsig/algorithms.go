package rrsig

import (
	"maps"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/ds"
)

// Algorithms is the algorithms and DS digests by which a chain of trust can be
// followed. The zero value has the signature algorithms 5, 7, 8, 10, 13, 14 and 15,
// and the digests 1, 2 and 4. It is a value: safe to copy and to share.
type Algorithms struct {
	// NoSHA1 leaves out what rests on SHA-1: the algorithms 5 and 7, and digest 1. A
	// zone that is secured by nothing else is then Insecure. RFC 9905 wants new zones
	// not to use them, and validators to go on for now.
	NoSHA1 bool

	added map[uint8]Algorithm
}

// Add returns the set with one more algorithm, or with another way to check one. Only
// tests have a use for it: it is a function here, and not a method, so that nobody
// else can.
func Add(a Algorithms, number uint8, algorithm Algorithm) Algorithms {
	a.added = maps.Clone(a.added)
	if a.added == nil {
		a.added = make(map[uint8]Algorithm)
	}
	a.added[number] = algorithm
	return a
}

// Supports reports whether signatures of the algorithm can be checked.
func (a Algorithms) Supports(algorithm uint8) bool { return a.find(algorithm) != nil }

// SupportsDigest reports whether keys can be compared with the DS digest type.
func (a Algorithms) SupportsDigest(digestType uint8) bool {
	return ds.SupportedDigest(digestType) && !(a.NoSHA1 && digestType == dns.SHA1)
}
