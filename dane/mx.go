package dane

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
)

// LookupMX finds the mail servers of a domain: those of its MX records, or of the
// route that the [Policy] has for it. An address literal such as "[192.0.2.1]" is its
// own and only host, without DANE (RFC 7672 §2.2).
//
// The error is of type *[Error]. It is permanent, and wraps [ErrName], [ErrNullMX] or
// [ErrNoDomain], or it is temporary, and wraps the *dnssec.Error of the lookup: then the
// domain must not be delivered to, not even at its own address (RFC 7672 §2.1.2). For an
// internationalized name that cannot be turned into A-labels, ErrName is temporary.
// The Domain comes along for diagnosis, unless what was given is not a domain name.
//
// If the resolver is a dnssec.Resolver, it looks up ahead what LookupHost is going to ask
// for. Such lookups go on until ctx ends, for a minute at most.
func (v *Verifier) LookupMX(ctx context.Context, domain string) (*Domain, error) {
	return v.lookupDomain(ctx, domain, new(suggester))
}

// lookupDomain is LookupMX, after which the suggester knows what is asked ahead.
func (v *Verifier) lookupDomain(ctx context.Context, domain string, early *suggester) (*Domain, error) {
	name, err := destinationName(domain)
	if err != nil {
		err = &Error{Domain: domain, Permanent: impossible(err), Err: err}
		contextTrace(ctx).domain(nil, err)
		return nil, err
	}
	d := routed(name, v.profile(name).Route)
	if d == nil {
		d, err = v.lookupMX(ctx, name, early)
		contextTrace(ctx).lookups(d.Lookup)
	}
	contextTrace(ctx).domain(d, err)
	return d, err
}

// routed returns a destination whose hosts need no MX lookup, or nil. Its status is
// Secure where the sender has named them (RFC 7672 §2.2.2).
func routed(name string, route Route) *Domain {
	var hosts []MX
	for _, host := range route.Hosts {
		if host, err := destinationName(host); err == nil { // the Policy has checked it
			hosts = append(hosts, MX{Host: host})
		}
	}
	status := dnssec.Secure
	if len(hosts) == 0 {
		if _, ok := parseLiteral(name); !ok {
			return nil
		}
		status, hosts = dnssec.Insecure, []MX{{Host: name}}
	}
	return &Domain{Name: name, Expanded: name, Routed: true, Port: route.Port, Status: status, MX: withoutRepeats(hosts)}
}

// lookupMX asks the DNS. The Domain is never nil.
func (v *Verifier) lookupMX(ctx context.Context, name string, early *suggester) (*Domain, error) {
	early.port, early.noTLSA = v.port(), v.profile(name).DANE == DANENone
	answer, lookup, err := v.lookup(dnssec.WithAhead(ctx, early.suggest), name, dns.TypeMX)
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
		// MX records exist, and none of them can be read. So the domain is not its own host.
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
	return d, d.bound()
}

// bound leaves no hosts to a domain that accepts no mail, and no more than the limit to others.
func (d *Domain) bound() error {
	if len(d.MX) == 1 && d.MX[0].Host == nullMX {
		d.MX = nil
		return &Error{Domain: d.Name, Permanent: true, Err: ErrNullMX}
	}
	if len(d.MX) > maxHosts {
		d.Omitted = len(d.MX) - maxHosts
		d.MX = d.MX[:maxHosts]
	}
	return nil
}

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
