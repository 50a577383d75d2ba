package validate

import (
	"cmp"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// A Question is a name and a type.
type Question struct {
	Name canonical.Name
	Type uint16
}

// Enclosed is the lowest name that the zone of the RRset can have: the owner, but
// for DS, which belongs to the zone above (RFC 4035 §2.4).
func (q Question) Enclosed() canonical.Name {
	if q.Type == dns.TypeDS {
		return q.Name.Parent()
	}
	return q.Name
}

// Reason says what is wrong with the RRset asked for.
func (q Question) Reason(code Code, text string) Reason {
	return Reason{Code: code, Name: q.Name.String(), Type: q.Type, Text: text}
}

// Compare orders questions by how near the trust anchor they are: the keys of a zone rest
// on its DS records, and these on the keys of a zone above.
func (q Question) Compare(other Question) int {
	order := func(q Question) int {
		switch q.Type {
		case dns.TypeDS:
			return 0
		case dns.TypeDNSKEY:
			return 1
		}
		return 2
	}
	return cmp.Or(q.Name.Labels()-other.Name.Labels(), order(q)-order(other))
}
