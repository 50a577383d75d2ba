package validate

import "time"

// What one lookup may cost. A hostile zone can make validation arbitrarily
// expensive (CVE-2023-50387, CVE-2023-50868), so the work is counted and paid
// before it is done; with nothing left the lookup ends with ErrBudget.
const (
	// A chain of five zones with two signatures to try on each RRset takes about
	// thirty; unbound allows 16 for one message.
	maxSignatures = 128
	// Closest encloser proofs hash each label of a name and a wildcard. The unit
	// is one application of SHA-1: a proof at the iteration limit takes about
	// 151 for each of ten labels.
	maxHashes = 16 * 1024
	// Pairs of a DS record and a DNSKEY with the same tag that are compared.
	maxKeyPairs = 128
	// A name of ten labels with an alias takes about forty.
	maxQueries = 128
	// The memory that replies take, in octets, which a lookup and those in flight that it waits for
	// hold until it ends. One reply of 64 kB takes up to a megabyte, as a list of types; 128
	// of four kilobytes, with keys and signatures, two megabytes.
	maxReplyBytes = 4 << 20
	// Keys of one zone, DS records of one delegation, and signatures over one
	// RRset. Zones have up to a dozen, in the middle of rollovers too; comparing
	// key tags of more would take long.
	maxKeys            = 64
	maxRRsetSignatures = 64
	// Candidate pairs of one signature and one key for one RRset, so that keys
	// with colliding tags cannot spend the whole budget (KeyTrap).
	maxSignaturesPerRRset = 16
)

// MaxDenialTTL caps how long a denial is believed (RFC 2308 §5 recommends one to
// three hours).
const MaxDenialTTL = 3 * time.Hour

// maxTTL caps how long anything is kept (RFC 8767 §4 recommends a week).
const maxTTL = 7 * 24 * time.Hour

// bogusTTL is how long a failed validation is remembered: long enough to spare
// the servers, short enough to see a repair soon (RFC 9520 §3.2 asks for 1 s to
// 5 min).
const bogusTTL = 5 * time.Second

// spanBytes bounds an NSECCache, in octets of the heap.
const spanBytes = 4 << 20

// maxSpanBytesOfZone bounds the spans of one zone, so that one does not drive out others.
const maxSpanBytesOfZone = spanBytes / 8

// maxSpanIterations is how many iterations an NSEC3 record may have to be used for other
// names than it was sent for: with more, it is cheaper to ask (RFC 9276 §3.1 wants zero).
const maxSpanIterations = 10

// maxVerified bounds the signatures that are known to be good, and with it the octets that they
// take, in maps that may be half empty.
const (
	maxVerified   = 16 * 1024
	verifiedBytes = 640 << 10
)

// QuestionTime is how long one question may take with all that its verdict rests on:
// the longest time that BIND allows (resolver-query-timeout in named.conf).
const QuestionTime = 30 * time.Second
