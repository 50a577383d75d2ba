package dnssec

import "github.com/danesmtp/danesmtp/dnssec/internal/rrsig"

// Algorithms is the signature algorithms and DS digests by which a chain of trust can be
// followed. The zero value has all that are supported: the signature algorithms 5, 7, 8, 10, 13,
// 14 and 15, and the digests 1, 2 and 4. It is a value, safe to copy.
type Algorithms struct {
	// NoSHA1 leaves out what rests on SHA-1: the algorithms 5 (RSASHA1) and 7
	// (RSASHA1-NSEC3-SHA1), and the digest 1. A zone that is secured by nothing else is then
	// Insecure, and DANE off for its mail. RFC 9905 wants new zones not to use SHA-1, and
	// validators to go on with it for now.
	NoSHA1 bool

	// Extra is for the tests of this module: no one else can make a value of its type.
	Extra rrsig.Extra
}
