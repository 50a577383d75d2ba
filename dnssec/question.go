package dnssec

import (
	"cmp"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// A question is a name and a type.
type question struct {
	name  canonical.Name
	qtype uint16
}

// enclosed is the lowest name that the zone of the RRset can have: the owner, but
// for DS, which belongs to the zone above (RFC 4035 §2.4).
func (q question) enclosed() canonical.Name {
	if q.qtype == dns.TypeDS {
		return q.name.Parent()
	}
	return q.name
}

// reason says what is wrong with the RRset asked for.
func (q question) reason(code EDE, text string) Reason {
	return Reason{Code: code, Name: q.name.String(), Type: q.qtype, Text: text}
}

// in adds the zone to a reason.
func in(zone canonical.Name, r Reason) Reason {
	r.Zone = zone.String()
	return r
}

// compare orders questions by how near the trust anchor they are: the keys of a zone rest
// on its DS records, and these on the keys of a zone above.
func (q question) compare(other question) int {
	order := func(q question) int {
		switch q.qtype {
		case dns.TypeDS:
			return 0
		case dns.TypeDNSKEY:
			return 1
		}
		return 2
	}
	return cmp.Or(q.name.Labels()-other.name.Labels(), order(q)-order(other))
}
