// Package sign signs DNS zones in memory: keys, RRSIG records, and the NSEC or
// NSEC3 chain (RFC 4034, RFC 4035 §2, RFC 5155 §7.1). It serves the test kits.
//
// Signatures, key tags, DS digests and NSEC3 hashes come from miekg/dns and not
// from the packages that verify them, so that a mistake there is not mirrored
// here. It checks little: a test may want an odd zone.
package sign
