package nsupdate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// A Set is what the primary has for a service.
type Set struct {
	Zone    string      // that has the records, or would
	Owner   string      // at the end of the aliases
	Aliases []string    // names that lead there, the first the one that was asked for
	Records []*dns.TLSA // without an order
	TTL     uint32
}

// maxAliases bounds a chain of aliases. There is one, as a rule.
const maxAliases = 8

// Lookup asks the server itself for the TLSA records at a name, follows aliases, and finds
// the zone by its SOA.
func (c *Client) Lookup(ctx context.Context, owner string) (*Set, error) {
	s := &Set{Owner: dns.CanonicalName(owner)}
	for {
		reply, err := c.ask(ctx, s.Owner, dns.TypeTLSA)
		if err != nil {
			return nil, fmt.Errorf("%s TLSA: %w", s.Owner, err)
		}
		alias, err := s.read(reply)
		if err != nil {
			return nil, fmt.Errorf("%s TLSA: %w", s.Owner, err)
		}
		if alias == "" {
			break
		}
		if s.Aliases = append(s.Aliases, s.Owner); len(s.Aliases) > maxAliases {
			return nil, fmt.Errorf("%s: more than %d aliases", owner, maxAliases)
		}
		s.Owner = alias
	}
	reply, err := c.ask(ctx, s.Owner, dns.TypeSOA)
	if err != nil {
		return nil, fmt.Errorf("%s SOA: %w", s.Owner, err)
	}
	if s.Zone, err = zoneOf(reply, s.Owner); err != nil {
		return nil, fmt.Errorf("%s SOA: %w", s.Owner, err)
	}
	return s, nil
}

// ask puts a question. The reply has the authority of the server, or there is an error.
func (c *Client) ask(ctx context.Context, name string, qtype uint16) (*dns.Msg, error) {
	q := new(dns.Msg).SetQuestion(name, qtype)
	q.RecursionDesired = false
	q.SetEdns0(dns.MaxMsgSize-1, true) // for the signatures, which tell a wildcard
	reply, _, err := c.exchange(ctx, q)
	switch {
	case err != nil:
		return nil, err
	case reply.Rcode == dns.RcodeRefused || reply.Rcode == dns.RcodeNotAuth:
		return nil, fmt.Errorf("%s: the server does not serve the zone of this name, or does not tell us: ask the zone's primary", dns.RcodeToString[reply.Rcode])
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
		return nil, &Refusal{RCode: reply.Rcode, Signed: true}
	case len(reply.Question) != 1 || !strings.EqualFold(reply.Question[0].Name, name) || reply.Question[0].Qtype != qtype:
		return nil, errors.New("the reply is to another question")
	case !reply.Authoritative:
		return nil, errors.New("the server is not an authority for the zone of this name: ask the zone's primary")
	}
	return reply, nil
}

// read takes the records of a reply, or the alias.
func (s *Set) read(reply *dns.Msg) (alias string, err error) {
	labels := dns.CountLabel(s.Owner)
	for _, rr := range reply.Answer {
		if dns.CanonicalName(rr.Header().Name) != s.Owner {
			continue
		}
		switch rr := rr.(type) {
		case *dns.CNAME:
			if alias != "" && alias != dns.CanonicalName(rr.Target) {
				return "", errors.New("two aliases at one name")
			}
			alias = dns.CanonicalName(rr.Target)
		case *dns.TLSA:
			s.Records, s.TTL = append(s.Records, rr), rr.Hdr.Ttl
		case *dns.RRSIG:
			if rr.TypeCovered == dns.TypeTLSA && int(rr.Labels) < labels {
				return "", errors.New("the records come from a wildcard, which serves other names, too: give this one records of its own first, as `daneverify tlsa make -nsupdate` prints them")
			}
		}
	}
	if alias != "" && len(s.Records) > 0 {
		return "", errors.New("the name has an alias, and records beside it")
	}
	return alias, nil
}

// zoneOf finds the SOA: that of the name, or in a denial.
func zoneOf(reply *dns.Msg, owner string) (string, error) {
	for _, rr := range append(append([]dns.RR(nil), reply.Answer...), reply.Ns...) {
		if zone := dns.CanonicalName(rr.Header().Name); rr.Header().Rrtype == dns.TypeSOA && dns.IsSubDomain(zone, owner) {
			return zone, nil
		}
	}
	return "", errors.New("the server does not say in which zone the name is: ask the zone's primary")
}
