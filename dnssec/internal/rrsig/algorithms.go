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

	// Extra has further algorithms by their numbers, or other ways to check those that
	// there are. Only tests of this module have a use for it.
	Extra Extra
}

// Extra is algorithms by their numbers.
type Extra map[uint8]Algorithm

// Add returns a set with one more algorithm, or with another way to check one: an Algorithms
// of this package or one of the same form that users see.
func Add[A ~struct {
	NoSHA1 bool
	Extra  Extra
}](set A, number uint8, algorithm Algorithm) A {
	a := Algorithms(set)
	a.Extra = maps.Clone(a.Extra)
	if a.Extra == nil {
		a.Extra = make(Extra)
	}
	a.Extra[number] = algorithm
	return A(a)
}

// Supports reports whether signatures of the algorithm can be checked.
func (a Algorithms) Supports(algorithm uint8) bool { return a.find(algorithm) != nil }

// SupportsDigest reports whether keys can be compared with the DS digest type.
func (a Algorithms) SupportsDigest(digestType uint8) bool {
	return ds.SupportedDigest(digestType) && !(a.NoSHA1 && digestType == dns.SHA1)
}
