package compare

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// A zone is a Zone while its servers are asked.
type zone struct {
	Zone
	name    canonical.Name
	met     bool // its servers
	servers []*server
	omitted map[string]bool // servers at addresses beyond the limit
}

// finished is the zone with its servers, as a value of its own.
func (z *zone) finished() Zone {
	own := z.Zone
	own.Servers = make([]Server, len(z.servers))
	for i, s := range z.servers {
		own.Servers[i] = s.Server
	}
	return own
}

// zoneOf finds the zone that a name lies in. Most often the resolver knows it, and then
// nobody can hide a server of a signed zone. Where the zone cannot be resolved, which is when
// one most wants to know what its servers say, the way leads down from a zone above that can
// be: by delegations, as they come.
func (s *session) zoneOf(ctx context.Context, name canonical.Name) *zone {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	if broken := s.enclosingBroken(name); broken != nil {
		return s.descend(ctx, broken, name, nil)
	}
	found, err := s.resolver.ZoneOf(ctx, name.String())
	if err == nil {
		return s.remember(found)
	}
	const most = 8 // labels, each of which may take long
	above := name
	for range most {
		if above.IsRoot() || ended(ctx) != nil {
			break
		}
		above = above.Parent()
		if found, failed := s.resolver.ZoneOf(ctx, above.String()); failed == nil {
			return s.descend(ctx, s.remember(found), name, err)
		}
	}
	unknown := &zone{name: name}
	unknown.Name, unknown.Problem = name.String(), problem(err)
	return s.rememberAs(unknown)
}

// enclosingBroken returns the closest zone above a name that is known, if it is known not to
// resolve.
func (s *session) enclosingBroken(name canonical.Name) *zone {
	var closest *zone
	for _, z := range s.known {
		if name.Below(z.name) && (closest == nil || z.name.Below(closest.name)) {
			closest = z
		}
	}
	if closest == nil || closest.Problem == "" {
		return nil
	}
	return closest
}

// remember keeps a zone that the resolver has found.
func (s *session) remember(found *dnssec.Zone) *zone {
	z := &zone{name: mustName(found.Name)}
	z.Name, z.Status, z.Omitted = found.Name, found.Status, found.Omitted
	for _, ns := range found.Servers {
		z.Omitted += ns.Omitted
		why := ""
		if ns.Err != nil {
			why = problem(ns.Err)
		}
		if len(ns.Addresses) == 0 {
			z.add(&server{Server: Server{Name: ns.Name, Within: true, Problem: why}})
		}
		for _, addr := range ns.Addresses {
			z.add(&server{Server: Server{Name: ns.Name, Address: addr, Within: true, Recorded: true}})
		}
	}
	return s.rememberAs(z)
}

// rememberAs returns the zone of that name that came first.
func (s *session) rememberAs(z *zone) *zone {
	if first := s.known[z.name]; first != nil {
		return first
	}
	s.known[z.name] = z
	return z
}

// descend follows the delegations from a zone down to the one that a name lies in. err says
// why it cannot be resolved.
func (s *session) descend(ctx context.Context, from *zone, name canonical.Name, err error) *zone {
	at := from
	for labels := from.name.Labels() + 1; labels <= name.Labels(); labels++ {
		child := name.Ancestor(labels)
		for _, d := range s.delegations(ctx, at, child) {
			if d.Outcome != Answered || len(d.NS) == 0 {
				continue
			}
			below := &zone{name: child}
			below.Name, below.Problem = child.String(), at.Problem
			if err != nil {
				below.Problem = problem(err)
				if e, ok := err.(*dnssec.Error); ok {
					below.Status = e.Status
				}
			}
			if below = s.rememberAs(below); len(below.servers) == 0 {
				s.addDelegated(ctx, below, &d)
			}
			at = below
			break
		}
	}
	return at
}

// add adds a server, unless it is there, and returns the one that is.
func (z *zone) add(more *server) *server {
	for _, known := range z.servers {
		if known.Name == more.Name && known.Address == more.Address {
			known.Above, known.Within = known.Above || more.Above, known.Within || more.Within
			return known
		}
	}
	if len(z.servers) == maxAddresses {
		if z.omitted == nil {
			z.omitted = make(map[string]bool)
		}
		if key := more.String(); !z.omitted[key] && len(z.omitted) < maxOmitted {
			z.omitted[key] = true
			z.Omitted++
		}
		return more
	}
	z.servers = append(z.servers, more)
	return more
}

// addDelegated adds the servers of a delegation: at the addresses in the glue, too, where
// resolvers go that come from above.
func (s *session) addDelegated(ctx context.Context, z *zone, d *Delegation) {
	for _, name := range d.NS {
		var glue []netip.Addr
		for _, g := range d.Glue {
			if g.Name == name {
				glue = g.Addresses
			}
		}
		within := slices.ContainsFunc(z.servers, func(s *server) bool { return s.Name == name && s.Within })
		for _, server := range z.servers {
			server.Above = server.Above || server.Name == name
		}
		for _, addr := range glue {
			z.add(&server{Server: Server{Name: name, Address: addr, Above: true, Within: within}})
		}
		if within || len(z.servers) > 0 && slices.ContainsFunc(z.servers, func(s *server) bool { return s.Name == name && s.Recorded }) {
			continue
		}
		addresses, why := s.addressesOf(ctx, name)
		for _, addr := range addresses {
			z.add(&server{Server: Server{Name: name, Address: addr, Above: true}}).Recorded = true
		}
		if len(addresses)+len(glue) == 0 {
			z.add(&server{Server: Server{Name: name, Above: true, Problem: why}})
		}
	}
}

// addressesOf looks up the addresses of a name server.
func (s *session) addressesOf(ctx context.Context, name string) (all []netip.Addr, why string) {
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, err := s.resolver.Lookup(ctx, name, qtype)
		if err != nil {
			why = problem(err)
			continue
		}
		for _, rr := range answer.Records {
			if addr, ok := addressOf(rr); ok && len(all) < maxAddresses {
				all = append(all, addr)
			}
		}
	}
	return all, why
}

func addressOf(rr dns.RR) (addr netip.Addr, ok bool) {
	switch rr := rr.(type) {
	case *dns.A:
		addr, ok = netip.AddrFromSlice(rr.A)
	case *dns.AAAA:
		addr, ok = netip.AddrFromSlice(rr.AAAA)
	}
	return addr.Unmap(), ok
}

// findDelegations asks the servers of the zone above for the delegation.
func (s *session) findDelegations(ctx context.Context, z *zone) {
	if !z.name.IsRoot() {
		above := s.zoneOf(ctx, z.name.Parent())
		z.Parent = above.Name
		z.Delegations = s.delegations(ctx, above, z.name)
		for i := range z.Delegations {
			s.addDelegated(ctx, z, &z.Delegations[i])
		}
	}
	slices.SortStableFunc(z.servers, func(a, b *server) int {
		return cmp.Or(compareNames(a.Name, b.Name), a.Address.Compare(b.Address))
	})
}

func compareNames(a, b string) int { return mustName(a).Compare(mustName(b)) }

// timeout is how long a server has over UDP, and again over TCP.
func (s *session) timeout() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return defaultTimeout
}
