package upstream

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// ErrNoReferral is the cause of an [*Error] of [Authority.Delegation]: the server answered for
// the zone below itself, so that nobody learns from it how the zone above delegates.
var ErrNoReferral = errors.New("server answers for the zone itself, and refers to nobody")

// A Delegation is how a server of the zone above names the servers of a zone. Nothing of it
// is signed (RFC 4035 §2.2): it says whom a resolver that comes from above will ask, not
// who ought to be asked.
type Delegation struct {
	Zone    string // lower case, with the final dot
	Servers []DelegatedServer
	Omitted int // name servers beyond the limit of 13
}

// A DelegatedServer is a name server in a Delegation.
type DelegatedServer struct {
	Name string       // lower case, with the final dot
	Glue []netip.Addr // four at most, of those that Allow allows
}

// Delegation asks the server, which is one of the zone above, for its referral to a zone. The
// error is an [*Error], whose cause may be [ErrNoReferral], [ErrLame] or [ErrNotAllowed].
func (a *Authority) Delegation(ctx context.Context, zone string) (*Delegation, error) {
	a.once.Do(a.setUp)
	zone, above := dns.CanonicalName(zone), dns.CanonicalName(a.Zone)
	msg := new(dns.Msg).SetQuestion(zone, dns.TypeNS)
	msg.RecursionDesired = false
	msg.SetEdns0(wireform.UDPSize, true)
	q, server := &Query{Msg: msg}, a.client.String()
	filter := &addressFilter{allow: a.Allow}
	switch {
	case !isBelow(above, zone):
		return nil, newError(server, "", q, errOutside)
	case !filter.allows(a.Address.Addr().Unmap()):
		return nil, newError(server, "", q, ErrNotAllowed)
	}
	reply, err := a.client.Exchange(ctx, q)
	if err != nil {
		return nil, err
	}
	switch kind, cut := classify(above, msg.Question[0], reply.Msg); {
	case kind == answer:
		return nil, newError(reply.Server, reply.Network, q, ErrNoReferral)
	case kind != referral || cut != zone:
		return nil, newError(reply.Server, reply.Network, q, ErrLame)
	}
	d := &Delegation{Zone: zone}
	servers, _ := readNameServers(above, zone, reply.Msg.Ns, reply.Msg.Extra, filter)
	for _, s := range servers {
		server := DelegatedServer{Name: s.name}
		for _, address := range s.addresses {
			server.Glue = append(server.Glue, address.Addr())
		}
		d.Servers = append(d.Servers, server)
	}
	d.Omitted = countNames(zone, reply.Msg.Ns) - len(d.Servers)
	return d, nil
}

// countNames counts the name servers of a zone.
func countNames(zone string, records []dns.RR) int {
	var names []string
	for _, rr := range records {
		if ns, ok := rr.(*dns.NS); ok && dns.CanonicalName(ns.Hdr.Name) == zone {
			names = append(names, dns.CanonicalName(ns.Ns))
		}
	}
	slices.Sort(names)
	return len(slices.Compact(names))
}
