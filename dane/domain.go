package dane

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
)

// A Domain is a destination and the mail servers that its MX records name:
// [Verifier.LookupMX] makes one. It has at most 16 hosts, and counts the others.
type Domain struct {
	// Name is the destination: A-labels, lower case, without the final dot.
	Name string
	// Expanded is the name at the end of its aliases; the same as Name if it is no alias.
	Expanded string
	// MX hosts in the order to try them. Where the domain has no MX record it is
	// its own and only host (RFC 5321 §5.1).
	MX []MX
	// Implicit: the domain has no MX record.
	Implicit bool
	// Status of the MX lookup, aliases included. Unless it is Secure, DANE does
	// not authenticate delivery to the domain (RFC 7672 §2.2.1).
	Status dnssec.Status
	// Routed: the hosts are those of Profile.Route, or the domain is an address
	// literal. There was no MX lookup.
	Routed bool
	// Port of the hosts; 0 means Verifier.Port.
	Port uint16
	// Omitted counts the MX hosts beyond the limit.
	Omitted int
	// Lookup is the question that was asked; zero if Routed.
	Lookup Lookup
}

// An MX is one mail server of a domain.
type MX struct {
	Preference uint16
	Host       string // A-labels, lower case, without the final dot; as found if it is not a host name
}

// normal returns the domain with its names in the one form they have here, as callers
// make domains by hand, with names from elsewhere. The receiver is not changed; if it has that form, it is
// what is returned.
func (d *Domain) normal() *Domain {
	name, expanded := normalDestination(d.Name), normalDestination(d.Expanded)
	if name == d.Name && expanded == d.Expanded {
		return d
	}
	own := *d
	own.Name, own.Expanded = name, expanded
	return &own
}

// normalDestination leaves what is not the name of a destination as it is.
func normalDestination(text string) string {
	if name, err := destinationName(text); err == nil {
		return name
	}
	return text
}

// normal returns the host's name in lower case and without a final dot. What is not a host
// name stays as it is, and LookupHost refuses it.
func (mx MX) normal() MX {
	if name, err := hostName(mx.Host); err == nil {
		mx.Host = name
	}
	return mx
}

// after counts the hosts that come after one.
func (d *Domain) after(mx MX) int {
	i := slices.IndexFunc(d.MX, func(other MX) bool { return other.normal().Host == mx.Host })
	if i < 0 {
		return 0
	}
	return len(d.MX) - 1 - i
}

// failure returns why no host of the domain may be used; nil if they may.
func (d *Domain) failure() error {
	_, err := destinationName(d.Name) // without it nobody knows which policy applies
	switch {
	case err != nil:
		return err
	case d.Lookup.Err != nil:
		return d.Lookup.Err
	case d.Status == dnssec.Bogus:
		return &dnssec.Error{Name: d.Name + ".", Type: dns.TypeMX, Status: d.Status, Err: ErrLookup}
	case d.Status != dnssec.Secure && d.Status != dnssec.Insecure:
		return fmt.Errorf("%w: the status of the domain's MX records is %s", ErrLookup, d.Status)
	}
	return nil
}

// nullMX is the host of a domain that accepts no mail, if it is the only one (RFC
// 7505 §3).
const nullMX = "."
