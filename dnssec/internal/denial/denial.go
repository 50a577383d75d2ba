// Package denial decides what NSEC and NSEC3 records prove to be absent (RFC
// 4035 §5.4, RFC 5155 §8). Its functions are pure. The records they take must be
// of one zone, and their signatures verified, before or after: a record that is not
// signed proves nothing. Records tell which of them a proof rests on, so that a reply
// may hold many more without the work of verifying them.
package denial

import "errors"

// ErrUnproven says that the records do not prove what was asked.
var ErrUnproven = errors.New("the NSEC or NSEC3 records do not prove it")

// A Proof says how far something is proven absent.
type Proof struct {
	// Delegation: the name is a delegation without DS records. Only from NoData
	// for the type DS.
	Delegation bool
	// Nonexistent: the name has no type at all, nor names below it, which the zone
	// says by a record at the name (RFC 9824). Only from NoData.
	Nonexistent bool
	// OptOut: the name lies in a span where unsigned delegations may be (RFC 5155
	// §6), so that it may exist as one: insecure.
	OptOut bool
	// IterationsExceeded: the records have more than the limit and were not
	// looked at: insecure.
	IterationsExceeded bool
}

// Cost bounds the work on NSEC3 records.
type Cost struct {
	// Iterations is the most that count as a proof.
	Iterations uint16
	// Spend pays for hashes of that many iterations before they are computed. Its
	// error ends the proof.
	Spend func(hashes, iterations int) error
}
