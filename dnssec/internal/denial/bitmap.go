package denial

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

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
