package dane

import (
	"cmp"
	"slices"

	"github.com/danesmtp/danesmtp/dnssec"
)

// NewDomain returns a Domain for a sender that has found the MX hosts of a destination by
// itself, for LookupHost. The status is that of the MX lookup, the weakest of its steps:
// Secure only if the answer was validated, by dnssec or by a resolver that one trusts as
// oneself (RFC 7672 §2.2.1); Insecure if it is known that it could not be. Any other status,
// as of a lookup that has failed, is an error: then the destination must not be delivered to,
// by its address neither (RFC 7672 §2.1.2).
//
// Names may be in any form: as Unicode, in upper case, with a final dot, as net.LookupMX has
// them. Hosts are put in the order of their preferences; those of the same preference stay in
// the order that they come in. Without any the destination has no MX record, and is its own
// host (RFC 5321 §5.1); a destination that does not exist at all may be given like that, too, and
// LookupHost finds it out. Where it was an alias, set Expanded to the name that has the records.
//
// The error is of type *Error, as that of LookupMX, and Classify says what it means. The Domain
// comes along, without hosts, unless the name is not one. The Policy's routes are not asked.
func NewDomain(destination string, status dnssec.Status, hosts ...MX) (*Domain, error) {
	name, err := destinationName(destination)
	if err != nil {
		return nil, &Error{Domain: destination, Permanent: impossible(err), Err: err}
	}
	d := &Domain{Name: name, Expanded: name, Status: status}
	if addr, ok := parseLiteral(name); ok {
		return routed(literal(addr), Route{}), nil
	}
	if err := d.failure(); err != nil {
		return d, &Error{Domain: name, Err: err}
	}
	if len(hosts) == 0 {
		d.Implicit, d.MX = true, []MX{{Host: name}}
		return d, nil
	}
	for _, mx := range hosts {
		if ascii, err := domainName(mx.Host); err == nil {
			mx.Host = ascii
		}
		d.MX = append(d.MX, mx) // one that is not a host name is skipped by LookupHost, which says why
	}
	slices.SortStableFunc(d.MX, func(a, b MX) int { return cmp.Compare(a.Preference, b.Preference) })
	d.MX = withoutRepeats(d.MX)
	return d, d.bound()
}
