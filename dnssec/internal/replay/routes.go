package replay

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// routes asks for names in different zones in different ways.
type routes []route

type route struct {
	zone string
	upstream.Exchanger
}

// Exchanger asks the network as the script configures it: iteratively from hints, and
// the servers of some zones directly.
func (n *Network) Exchanger() upstream.Exchanger {
	config := &n.script.Config
	zones := config.Zones
	if !slices.ContainsFunc(zones, func(z Zone) bool { return z.Name == "." }) {
		zones = append(slices.Clone(zones), Zone{Name: "."}) // by the built-in hints
	}
	var all routes
	for _, zone := range zones {
		r := route{zone: dns.CanonicalName(zone.Name)}
		if r.zone == "." && !zone.Forward {
			recursor := &upstream.Recursor{
				Dial: n.Dial, Time: n.Now, Allow: func(netip.Addr) bool { return true },
				FullNames: config.Off("qname-minimisation") || config.Off("query-minimization"),
			}
			for _, server := range zone.Servers {
				recursor.Hints = append(recursor.Hints, netip.AddrPortFrom(server, 53))
			}
			r.Exchanger = recursor
		} else if zone.Forward {
			r.Exchanger = n.clients(zone.Servers)
		} else {
			r.Exchanger = stub{n, zone.Servers}
		}
		all = append(all, r)
	}
	// The longest zone first.
	slices.SortStableFunc(all, func(a, b route) int { return dns.CountLabel(b.zone) - dns.CountLabel(a.zone) })
	return all
}

func (n *Network) clients(servers []netip.Addr) upstream.Exchanger {
	pool := new(upstream.Pool)
	for _, server := range servers {
		pool.Exchangers = append(pool.Exchangers, &upstream.Client{Address: server.String(), Dial: n.Dial})
	}
	if len(pool.Exchangers) == 1 {
		return pool.Exchangers[0]
	}
	return pool
}

// A stub asks the servers of a zone, and those of the zones below to which they refer
// with addresses.
type stub struct {
	*Network
	servers []netip.Addr
}

// maxReferrals is more zones than there are below each other in a script.
const maxReferrals = 10

func (s stub) Exchange(ctx context.Context, q *upstream.Query) (reply *upstream.Reply, err error) {
	servers := s.servers
	for i := 0; i < maxReferrals && len(servers) > 0; i++ {
		if reply, err = s.clients(servers).Exchange(ctx, q); err != nil {
			return nil, err
		}
		servers = referred(reply.Msg, q.Msg.Question[0])
	}
	return reply, nil
}

// referred returns the addresses of the servers to which a reply refers.
func referred(msg *dns.Msg, q dns.Question) []netip.Addr {
	if msg.Authoritative || msg.Rcode != dns.RcodeSuccess || len(msg.Answer) > 0 {
		return nil
	}
	var servers []netip.Addr
	for _, rr := range msg.Ns {
		ns, ok := rr.(*dns.NS)
		if !ok || !dns.IsSubDomain(ns.Hdr.Name, q.Name) || q.Qtype == dns.TypeDS && sameText(ns.Hdr.Name, q.Name) {
			continue
		}
		for _, glue := range msg.Extra {
			var ip net.IP
			switch glue := glue.(type) {
			case *dns.A:
				ip = glue.A
			case *dns.AAAA:
				ip = glue.AAAA
			}
			if server, ok := netip.AddrFromSlice(ip); ok && sameText(glue.Header().Name, ns.Ns) {
				servers = append(servers, server.Unmap())
			}
		}
	}
	return servers
}

func (r routes) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	question := q.Msg.Question[0]
	for _, route := range r {
		below := dns.IsSubDomain(route.zone, question.Name)
		if question.Qtype == dns.TypeDS && route.zone == dns.CanonicalName(question.Name) && route.zone != "." {
			below = false // it belongs to the zone above
		}
		if below {
			return route.Exchange(ctx, q)
		}
	}
	return nil, fmt.Errorf("the script has no server for %s", question.Name)
}
