package dnssec

import (
	"fmt"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/denial"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
	"github.com/danesmtp/danesmtp/dnssec/internal/validate"
	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// A DenialRole says what an NSEC or NSEC3 record does in a proof that something does not
// exist.
type DenialRole uint8

// The roles. A record is at a name if it is the name's own, or that of its hash; it covers a
// name if that lies between its owner and the next one.
const (
	// DenialNoType: it is at the name, and does not list the type (RFC 4035 §5.4, RFC 5155
	// §8.5).
	DenialNoType DenialRole = iota + 1
	// DenialNoRecords: it covers the name, and there are names below it: an empty
	// non-terminal (RFC 4035 §3.1.3.2).
	DenialNoRecords
	// DenialNoName: it covers the name, so that there is no such name (RFC 4035 §5.4).
	DenialNoName
	// DenialClosestEncloser: it is at the closest ancestor of the name that exists (RFC 5155
	// §8.3).
	DenialClosestEncloser
	// DenialNextCloser: it covers the name that is one label longer than the closest encloser
	// (RFC 5155 §8.3, §8.8, RFC 4035 §5.3.4).
	DenialNextCloser
	// DenialWildcardNoType: it is at the wildcard that would give an answer, and does not list
	// the type (RFC 4035 §3.1.3.4, RFC 5155 §8.7).
	DenialWildcardNoType
	// DenialNoWildcard: it covers the wildcard that would give an answer (RFC 4035 §3.1.3.2,
	// RFC 5155 §8.4).
	DenialNoWildcard
)

var denialRoles = [...]string{
	DenialNoType: "no such type", DenialNoRecords: "empty non-terminal", DenialNoName: "no such name",
	DenialClosestEncloser: "closest encloser", DenialNextCloser: "next closer name",
	DenialWildcardNoType: "wildcard without the type", DenialNoWildcard: "no wildcard",
}

// String returns the role in a few words, such as "closest encloser".
func (r DenialRole) String() string {
	if int(r) < len(denialRoles) && denialRoles[r] != "" {
		return denialRoles[r]
	}
	return fmt.Sprintf("role(%d)", uint8(r))
}

// MarshalText returns the same text as String.
func (r DenialRole) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Covers reports whether the record covers the name; otherwise it is at the name.
func (r DenialRole) Covers() bool {
	switch r {
	case DenialNoRecords, DenialNoName, DenialNextCloser, DenialNoWildcard:
		return true
	}
	return false
}

// A Denial is what an NSEC or NSEC3 record says of one name in a proof.
type Denial struct {
	Role   DenialRole
	Name   string // that the record is at, or covers
	Hash   string // of the name, in the form of an owner, for NSEC3; otherwise empty
	OptOut bool   // unsigned delegations may be where it covers (RFC 5155 §6)
}

// roles gives what package denial calls them their public names.
var roles = map[denial.Role]DenialRole{
	denial.NoType: DenialNoType, denial.NoRecords: DenialNoRecords, denial.NoName: DenialNoName,
	denial.ClosestEncloser: DenialClosestEncloser, denial.NextCloser: DenialNextCloser,
	denial.WildcardNoType: DenialWildcardNoType, denial.NoWildcard: DenialNoWildcard,
}

// denialsOf returns what each RRset of a proof denies, in their order.
func denialsOf(v *validate.Verdict, q validate.Question) [][]Denial {
	all := make([][]Denial, len(v.Proof))
	var records []dns.RR
	var sets []int // of each record, its RRset
	labels := -1
	for i, set := range v.Proof {
		switch set.Records[0].Header().Rrtype {
		case dns.TypeNSEC, dns.TypeNSEC3:
			for _, rr := range wireform.Denials(set.Records) {
				records, sets = append(records, rr), append(sets, i)
			}
		default:
			if n, expanded := rrsig.ExpandedFrom(q.Name, set.Sig.Labels); expanded {
				labels = n
			}
		}
	}
	if len(records) == 0 {
		return all
	}
	zone, err := signerOf(v)
	if err != nil {
		return all
	}
	for _, part := range denial.Parts(zone, records, q.Name, q.Type, labels) {
		i := sets[part.Record]
		all[i] = append(all[i], Denial{Role: roles[part.Role], Name: part.Name.String(), Hash: part.Hash, OptOut: part.OptOut})
	}
	return all
}

// signerOf returns the zone that has signed a proof.
func signerOf(v *validate.Verdict) (canonical.Name, error) {
	return canonical.ParseName(v.Proof[0].Sig.SignerName)
}
