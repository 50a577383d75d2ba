package dane

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A Profile says how a destination is delivered to. The zero Profile is
// opportunistic DANE, and TLS if it is offered.
type Profile struct {
	// DANE says whether DANE is used.
	DANE DANELevel `json:"dane"`
	// TLS applies where DANE does not. Where TLSA records are secure, and all of them
	// unusable, TLS is required in any case (RFC 7672 §2.2).
	TLS TLSLevel `json:"tls"`
	// UseInsecureMX: DANE is used for the hosts of an insecure MX lookup, too. It
	// authenticates the host then, but never the domain's mail server (RFC 7672
	// §2.2.1): the outcome is OutcomeNone at best, and mandatory DANE is not satisfied.
	UseInsecureMX bool `json:"use_insecure_mx,omitempty"`
	// Audit: DANE is judged, and not acted on (RFC 7672 §9.1). Host.Audited says what
	// would have been done.
	Audit bool `json:"audit,omitempty"`
	// Route replaces the MX records; without hosts in it the DNS is used.
	Route Route `json:"route,omitzero"`
}

// A Route sends the mail of a destination to hosts of the sender's own choice. They
// have the place of a destination without MX record whose lookup was secure (RFC
// 7672 §2.2.2): they are authenticated by their own names, never by that of the
// recipient's domain.
type Route struct {
	// Hosts in the order to try them: names, or addresses in brackets as in
	// "[192.0.2.1]" and "[IPv6:2001:db8::1]", for which there is no DANE. Without hosts
	// the DNS is used; in JSON a route must have some.
	Hosts []string `json:"hosts,omitempty"`
	// Port of the hosts; 0 means Verifier.Port.
	Port uint16 `json:"port,omitempty"`
}

// A Policy has the profiles of destinations, and one for all others. Policies are for mail
// that leaves: a program that also hands on mail to servers behind it has a Verifier of its
// own for that, with DANENone in its policy. The zero
// Policy, and a nil one, have the zero Profile for all. It does not change and is
// safe for concurrent use, except for UnmarshalJSON.
//
// In JSON:
//
//	{
//	  "default": {"dane": "opportunistic", "tls": "preferred"},
//	  "destinations": {
//	    "example.org": {"dane": "mandatory", "tls": "required"},
//	    "example.net": {"dane": "none", "tls": "none"},
//	    "example.com": {"tls": "required-verify", "route": {"hosts": ["relay.example"], "port": 587}}
//	  }
//	}
//
// What is left out of a profile has its zero value, not that of the default.
type Policy struct{ rules policyRules }

type policyRules struct {
	Default      Profile            `json:"default"`
	Destinations map[string]Profile `json:"destinations,omitempty"`
}

// NewPolicy returns a policy. A destination stands for itself, not for the domains
// below it. The error names the destinations that are wrong, and wraps [ErrPolicy]:
// DANE without TLS, what is not a domain name, and settings that contradict each other.
func NewPolicy(byDefault Profile, destinations map[string]Profile) (*Policy, error) {
	p := new(Policy)
	errs := []error{byDefault.validate("the default")}
	p.rules.Default = byDefault.clone()
	p.rules.Destinations = make(map[string]Profile, len(destinations))
	for _, destination := range slices.Sorted(maps.Keys(destinations)) {
		profile := destinations[destination]
		name, err := destinationName(destination)
		if err != nil {
			errs = append(errs, fmt.Errorf("%w: %w", ErrPolicy, err))
			continue
		}
		if _, repeated := p.rules.Destinations[name]; repeated {
			errs = append(errs, fmt.Errorf("%w: %s is given twice", ErrPolicy, name))
		}
		errs = append(errs, profile.validate(name))
		p.rules.Destinations[name] = profile.clone()
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("dane: %w", err)
	}
	return p, nil
}

// For returns the profile of a destination. What is not a domain name gets the default.
func (p *Policy) For(destination string) Profile {
	if p == nil {
		return Profile{}
	}
	if name, err := destinationName(destination); err == nil {
		if profile, ok := p.rules.Destinations[name]; ok {
			return profile.clone()
		}
	}
	return p.rules.Default.clone()
}

func (p Profile) clone() Profile {
	p.Route.Hosts = append([]string(nil), p.Route.Hosts...) // nil if there are none, so that JSON has no route
	return p
}

// validate returns an error that names the destination.
func (p Profile) validate(destination string) error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: %s: %s", ErrPolicy, destination, fmt.Sprintf(format, args...)))
	}
	if int(p.DANE) >= len(daneLevels) || int(p.TLS) >= len(tlsLevels) {
		wrong("unknown setting %s or %s", p.DANE, p.TLS)
	}
	if p.TLS == TLSNone && p.DANE != DANENone {
		wrong("DANE without TLS")
	}
	if p.DANE == DANEMandatory && p.Audit {
		wrong("mandatory DANE that is audited only")
	}
	if len(p.Route.Hosts) == 0 && p.Route.Port != 0 {
		wrong("a route without hosts")
	}
	if len(p.Route.Hosts) > maxHosts {
		wrong("a route of more than %d hosts", maxHosts)
	}
	for _, host := range p.Route.Hosts {
		if _, err := destinationName(host); err != nil {
			wrong("route: %s", err)
		}
	}
	return errors.Join(errs...)
}
