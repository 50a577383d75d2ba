package dane

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
)

// A Domain is a destination and the mail servers that its MX records name.
type Domain struct {
	// Name is the destination: A-labels, lower case, without the final dot.
	Name string
	// Expanded is the name at the end of its aliases; the same where it has none.
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
	Host       string // A-labels, lower case, without the final dot; as found if it is no host name
}

// normal returns the domain with its names in the one form they have here, as callers
// make domains by hand, with names from elsewhere. The receiver is not changed.
func (d *Domain) normal() *Domain {
	own := *d
	if name, err := destinationName(d.Name); err == nil {
		own.Name = name
	}
	if name, err := destinationName(d.Expanded); err == nil {
		own.Expanded = name
	}
	return &own
}

// normal returns the host's name in lower case and without a final dot, if it is one; and
// no other name for one that is none, which LookupHost refuses.
func (mx MX) normal() MX {
	if name, err := hostName(mx.Host); err == nil {
		mx.Host = name
	}
	return mx
}

// failure returns why no host of the domain may be used; nil if they may.
func (d *Domain) failure() error {
	_, err := destinationName(d.Name) // without it nobody knows which policy applies
	switch {
	case err != nil:
		return err
	case d.Lookup.Err != nil:
		return d.Lookup.Err
	case d.Status != dnssec.Secure && d.Status != dnssec.Insecure:
		return fmt.Errorf("%w: the status of the domain's MX records is %s", ErrLookup, d.Status)
	}
	return nil
}

// LookupMX finds the mail servers of a domain: those of its MX records, or of the
// route that the Policy has for it. An address literal such as "[192.0.2.1]" is its
// own and only host, without DANE (RFC 7672 §2.2).
//
// The error is of type *Error. It is permanent, and wraps ErrName, ErrNullMX or
// ErrNoDomain, or it is temporary, and wraps the *dnssec.Error of the lookup: then
// the domain must not be delivered to, by its address neither (RFC 7672 §2.1.2). For an
// internationalized name that cannot be turned into A-labels, ErrName is temporary.
// The Domain comes along for diagnosis, unless the name is none.
func (v *Verifier) LookupMX(ctx context.Context, domain string) (*Domain, error) {
	name, err := destinationName(domain)
	if err != nil {
		err = &Error{Domain: domain, Permanent: impossible(err), Err: err}
		contextTrace(ctx).domain(nil, err)
		return nil, err
	}
	d := routed(name, v.profile(name).Route)
	if d == nil {
		d, err = v.lookupMX(ctx, name)
		contextTrace(ctx).lookups(d.Lookup)
	}
	contextTrace(ctx).domain(d, err)
	return d, err
}

// routed returns a destination whose hosts need no MX lookup, or nil. Its status is
// Secure where the sender has named them (RFC 7672 §2.2.2).
func routed(name string, route Route) *Domain {
	d := &Domain{Name: name, Expanded: name, Routed: true, Port: route.Port, Status: dnssec.Secure}
	for _, host := range route.Hosts {
		if host, err := destinationName(host); err == nil { // the Policy has checked it
			d.MX = append(d.MX, MX{Host: host})
		}
	}
	d.MX = withoutRepeats(d.MX)
	if len(d.MX) > 0 {
		return d
	}
	if _, ok := parseLiteral(name); ok {
		d.Status, d.MX = dnssec.Insecure, []MX{{Host: name}}
		return d
	}
	return nil
}

// lookupMX asks the DNS. The Domain is never nil.
func (v *Verifier) lookupMX(ctx context.Context, name string) (*Domain, error) {
	early := &ahead{port: v.port(), noTLSA: v.profile(name).DANE == DANENone}
	answer, lookup, err := v.lookup(dnssec.WithAhead(ctx, early.next), name, dns.TypeMX)
	d := &Domain{Name: name, Expanded: fromDNS(answer.Name), Status: answer.Status, Lookup: lookup}
	if err != nil {
		return d, &Error{Domain: name, Err: err}
	}
	if answer.RCode == dns.RcodeNameError {
		return d, &Error{Domain: name, Permanent: true, Err: ErrNoDomain}
	}
	for _, rr := range answer.Records {
		if mx, ok := rr.(*dns.MX); ok {
			d.MX = append(d.MX, MX{Preference: mx.Preference, Host: mx.Mx}.normal())
		}
	}
	if len(d.MX) == 0 && len(answer.Records) > 0 {
		// There are MX records, and none that can be read: the domain's address is none of them.
		return d, &Error{Domain: name, Err: fmt.Errorf("%w: no MX record that can be read", ErrLookup)}
	}
	if len(d.MX) == 0 {
		// RFC 5321 §5.1, RFC 7672 §2.2.2
		d.Implicit = true
		d.MX = []MX{{Host: name}}
		return d, nil
	}
	slices.SortFunc(d.MX, func(a, b MX) int {
		if a.Preference != b.Preference {
			return int(a.Preference) - int(b.Preference)
		}
		return strings.Compare(a.Host, b.Host)
	})
	d.MX = withoutRepeats(d.MX)
	v.shuffle(d.MX)
	if len(d.MX) == 1 && d.MX[0].Host == nullMX {
		d.MX = nil
		return d, &Error{Domain: name, Permanent: true, Err: ErrNullMX}
	}
	if len(d.MX) > maxHosts {
		d.Omitted = len(d.MX) - maxHosts
		d.MX = d.MX[:maxHosts]
	}
	return d, nil
}

// nullMX is the host of a domain that accepts no mail, if it is the only one (RFC
// 7505 §3).
const nullMX = "."

// shuffle changes the order within each preference.
func (v *Verifier) shuffle(sorted []MX) {
	if v.Shuffle == nil {
		return
	}
	for len(sorted) > 0 {
		n := 1
		for n < len(sorted) && sorted[n].Preference == sorted[0].Preference {
			n++
		}
		equal := sorted[:n]
		v.Shuffle(n, func(i, j int) { equal[i], equal[j] = equal[j], equal[i] })
		sorted = sorted[n:]
	}
}

// withoutRepeats drops hosts that come before with a better preference, so that each is
// looked up and probed once.
func withoutRepeats(sorted []MX) []MX {
	seen := make(map[string]bool)
	return slices.DeleteFunc(sorted, func(mx MX) bool {
		repeated := seen[mx.Host]
		seen[mx.Host] = true
		return repeated
	})
}
