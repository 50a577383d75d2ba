package dnssec

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// Limits of what is looked up about the servers of a zone. The root has 13 servers with 26
// addresses; other zones seldom have more than eight.
const (
	maxNameServers      = 16
	maxServerAddresses  = 8
	maxServersAtOneTime = 4 // whose addresses are looked up
)

// A Zone is a zone and its name servers, as the zone itself names them.
type Zone struct {
	Name    string // lower case, with the final dot
	Status  Status // of its SOA record
	SOA     *dns.SOA
	Servers []NameServer
	Omitted int // name servers beyond the limit of 16
}

// A NameServer is one name server of a Zone.
type NameServer struct {
	Name      string // lower case, with the final dot
	Addresses []netip.Addr
	Omitted   int   // addresses beyond the limit of 8
	Err       error // of the lookups that failed, so that there may be more addresses
}

// ZoneOf looks up which zone a name lies in, and the addresses of the zone's name servers.
// Of a name that is an alias it is the zone that has the alias. All comes by
// [Resolver.Lookup], so that in a signed zone nobody can add or hide a server. Servers that
// only the zone above names are not seen: [upstream.Authority.Delegation] tells those.
//
// The error is nil or of type *[Error]. Addresses that cannot be looked up are no error, but
// NameServer.Err.
func (r *Resolver) ZoneOf(ctx context.Context, name string) (*Zone, error) {
	owner, err := canonical.ParseName(name)
	if err != nil {
		return nil, unasked(name, dns.TypeSOA, err)
	}
	zone, err := r.apexOf(ctx, owner)
	if err != nil {
		return nil, err
	}
	answer, err := r.Lookup(ctx, zone.Name, dns.TypeNS)
	if err != nil {
		return nil, err
	}
	for _, record := range answer.Records {
		ns, ok := record.(*dns.NS)
		if !ok {
			continue
		}
		server := NameServer{Name: dns.CanonicalName(ns.Ns)}
		switch {
		case slices.ContainsFunc(zone.Servers, func(s NameServer) bool { return s.Name == server.Name }):
		case len(zone.Servers) == maxNameServers:
			zone.Omitted++
		default:
			zone.Servers = append(zone.Servers, server)
		}
	}
	slices.SortFunc(zone.Servers, func(a, b NameServer) int { return strings.Compare(a.Name, b.Name) })
	r.lookUpServers(ctx, zone.Servers)
	return zone, nil
}

// apexOf goes up from a name until there is a SOA record. An alias is not the apex of a zone
// (RFC 1034 §3.6.2).
func (r *Resolver) apexOf(ctx context.Context, name canonical.Name) (*Zone, error) {
	for {
		answer, err := r.Lookup(ctx, name.String(), dns.TypeSOA)
		if err != nil {
			return nil, err
		}
		if len(answer.Aliases) == 0 && len(answer.Records) > 0 {
			if soa, ok := answer.Records[0].(*dns.SOA); ok {
				return &Zone{Name: answer.Name, Status: answer.Status, SOA: soa}, nil
			}
		}
		if name.IsRoot() {
			return nil, unasked(name.String(), dns.TypeSOA, errNoApex)
		}
		name = name.Parent()
	}
}

var errNoApex = errors.New("not even the root has a SOA record")

// lookUpServers looks up the addresses of all servers, a few at a time.
func (r *Resolver) lookUpServers(ctx context.Context, servers []NameServer) {
	var all sync.WaitGroup
	places := make(chan struct{}, maxServersAtOneTime)
	for i := range servers {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			r.lookUpServer(ctx, &servers[i])
		})
	}
	all.Wait()
}

// NameServer looks up the addresses of one name server, as [Resolver.ZoneOf] does. It is for
// those that only the zone above names.
func (r *Resolver) NameServer(ctx context.Context, name string) NameServer {
	server := NameServer{Name: dns.CanonicalName(name)}
	r.lookUpServer(ctx, &server)
	return server
}

func (r *Resolver) lookUpServer(ctx context.Context, s *NameServer) {
	var errs []error
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		answer, err := r.Lookup(ctx, s.Name, qtype)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, record := range answer.Records {
			var octets []byte
			switch record := record.(type) {
			case *dns.A:
				octets = record.A
			case *dns.AAAA:
				octets = record.AAAA
			}
			addr, ok := netip.AddrFromSlice(octets)
			switch {
			case !ok, slices.Contains(s.Addresses, addr.Unmap()):
			case len(s.Addresses) == maxServerAddresses:
				s.Omitted++
			default:
				s.Addresses = append(s.Addresses, addr.Unmap())
			}
		}
	}
	s.Err = errors.Join(errs...)
}

// At returns a new Resolver that has what it asks about one zone from one server, by an
// [upstream.Authority] for instance, and everything else as r has it: the zones above,
// with the DS record of this one, and those that aliases lead to. So what that server says
// is judged as whoever happens to ask it would judge it. The zone's keys come from the
// server, too. The new Resolver has a cache of its own, without aggressive use.
func (r *Resolver) At(zone string, server upstream.Exchanger) (*Resolver, error) {
	name, err := canonical.ParseName(zone)
	if err != nil {
		return nil, fmt.Errorf("dnssec: zone %q: %w", zone, err)
	}
	r.once.Do(r.setUp)
	if _, err := r.anchorsAt(r.now()); err != nil { // which settles whom r asks
		return nil, fmt.Errorf("dnssec: %w", err)
	}
	return &Resolver{
		Exchanger: &divided{zone: name, server: server, others: r.upstream},
		Anchors:   r.source, Algorithms: r.Algorithms, MaxIterations: r.MaxIterations, NegativeAnchors: r.NegativeAnchors,
		NoAggressiveUse: true, Time: r.Time, ClockSkew: r.ClockSkew,
	}, nil
}

// divided asks one server about one zone, and others about everything else.
type divided struct {
	zone           canonical.Name
	server, others upstream.Exchanger
}

// Exchange asks the one or the others. The DS record of the zone is one of the zone above
// (RFC 4035 §2.4).
func (d *divided) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	if len(q.Msg.Question) == 1 {
		question := q.Msg.Question[0]
		name, err := canonical.ParseName(question.Name)
		if err == nil && name.Below(d.zone) && !(name == d.zone && question.Qtype == dns.TypeDS) {
			return d.server.Exchange(ctx, q)
		}
	}
	return d.others.Exchange(ctx, q)
}
