package replay

import (
	"context"
	"fmt"
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
	var all routes
	for _, zone := range config.Zones {
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
		} else {
			r.Exchanger = n.clients(zone.Servers)
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
