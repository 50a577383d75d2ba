// Package denial decides what NSEC and NSEC3 records prove to be absent (RFC
// 4035 §5.4, RFC 5155 §8). Its functions are pure. The records they take must be
// of one zone, and their signatures verified, before or after: a record that is not
// signed proves nothing. Records tell which of them a proof rests on, so that a reply
// may hold many more without the work of verifying them.
package denial

import (
	"errors"
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

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

// NameError proves that name does not exist, nor a wildcard that would match it.
func NameError(zone canonical.Name, records []dns.RR, name canonical.Name, cost Cost) (Proof, error) {
	return New(zone, records, cost).NameError(name)
}

// NoData proves that name has no RRset of that type, although it, or a wildcard
// that matches it, may exist.
func NoData(zone canonical.Name, records []dns.RR, name canonical.Name, qtype uint16, cost Cost) (Proof, error) {
	return New(zone, records, cost).NoData(name, qtype)
}

// Wildcard proves that an answer for name may come from the wildcard below its
// ancestor with that many labels: nothing closer to name exists (RFC 4035
// §5.3.4, RFC 5155 §8.8).
func Wildcard(zone canonical.Name, records []dns.RR, name canonical.Name, labels int, cost Cost) (Proof, error) {
	return New(zone, records, cost).Wildcard(name, labels)
}

// A bitmap is the types that exist at the owner of an NSEC or NSEC3 record.
type bitmap []uint16

func (b bitmap) has(rrtype uint16) bool { return slices.Contains(b, rrtype) }

// delegation reports whether the record is the parent's side of a zone cut.
func (b bitmap) delegation() bool { return b.has(dns.TypeNS) && !b.has(dns.TypeSOA) }

// hidesBelow reports whether names below the owner are not the zone's to deny:
// below a delegation or a DNAME (RFC 6840 §4.1).
func (b bitmap) hidesBelow() bool { return b.delegation() || b.has(dns.TypeDNAME) }

// lacks reports whether the record at the name itself denies the type there.
func (b bitmap) lacks(name canonical.Name, qtype uint16) bool {
	switch {
	case b.has(qtype), b.has(dns.TypeCNAME): // RFC 6840 §4.3
		return false
	case qtype == dns.TypeDS && !name.IsRoot():
		return !b.has(dns.TypeSOA) // the child's own side knows no DS (RFC 4035 §5.2)
	}
	return !b.delegation() // the parent's side knows only DS (RFC 6840 §4.1)
}

// proof is what a record at the name says when it lacks the type.
func (b bitmap) proof(qtype uint16) Proof {
	return Proof{Delegation: qtype == dns.TypeDS && b.delegation(), Nonexistent: b.nonexistent()}
}

// typeNXNAME marks a name that does not exist (RFC 9824 §2).
const typeNXNAME = 128

// nonexistent reports whether the record says that its own owner does not exist:
// there is nothing at it but the record and its signature (RFC 9824 §3.1).
func (b bitmap) nonexistent() bool {
	return b.has(typeNXNAME) && !slices.ContainsFunc(b, func(rrtype uint16) bool {
		return rrtype != typeNXNAME && rrtype != dns.TypeNSEC && rrtype != dns.TypeRRSIG
	})
}
