package rollover

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// plan makes the views of a zone, before anybody is asked.
func (w *work) plan(ctx context.Context, zone *dnssec.Zone) {
	if zone.Omitted > 0 {
		w.unasked("zone %s has %d name servers more than are asked", zone.Name, zone.Omitted)
	}
	for i := range zone.Servers {
		w.planServer(zone, &zone.Servers[i], false)
	}
	if zone.Name == "." || w.SkipDelegation {
		return
	}
	delegation, err := w.delegation(ctx, zone)
	if err != nil {
		w.unasked("it is not known which name servers of %s the zone above names: %v", zone.Name, err)
		return
	}
	if delegation.Omitted > 0 {
		w.unasked("the zone above has %d name servers of %s more than are asked", delegation.Omitted, zone.Name)
	}
	for _, named := range delegation.Servers {
		server := dnssec.NameServer{Name: named.Name, Addresses: named.Glue}
		if !slices.ContainsFunc(zone.Servers, func(s dnssec.NameServer) bool { return s.Name == named.Name }) {
			server = w.resolver.NameServer(ctx, named.Name)
			for _, glue := range named.Glue {
				if !slices.Contains(server.Addresses, glue) {
					server.Addresses = append(server.Addresses, glue)
				}
			}
		}
		w.planServer(zone, &server, true)
	}
}

// planServer makes the views of one server, as far as they are not there.
func (w *work) planServer(zone *dnssec.Zone, server *dnssec.NameServer, above bool) {
	if server.Omitted > 0 {
		w.unasked("%s has %d addresses more than are asked", server.Name, server.Omitted)
	}
	add := func(v View) {
		same := func(other View) bool {
			return other.Zone == v.Zone && other.Server == v.Server && other.Address == v.Address
		}
		switch {
		case slices.ContainsFunc(w.Views, same):
		case len(w.Views) == maxViews:
			w.unasked("%s: more than %d addresses are not asked", v.Name(), maxViews)
		default:
			w.Views = append(w.Views, v)
		}
	}
	if server.Err != nil {
		add(View{Zone: zone.Name, Server: server.Name, Err: server.Err, Above: above})
	}
	for _, address := range server.Addresses {
		add(View{Zone: zone.Name, Server: server.Name, Address: address, Above: above})
	}
}

// unasked notes who ought to be asked as well; of very many, the first do.
func (w *work) unasked(format string, args ...any) {
	const most = 16
	if len(w.Unasked) < most {
		w.Unasked = append(w.Unasked, fmt.Sprintf(format, args...))
	}
}

// delegation asks the servers of the zone above, one after the other, until one refers to
// the zone. Where all of them have the zone itself, no resolver gets a referral, and it is
// empty.
func (w *work) delegation(ctx context.Context, zone *dnssec.Zone) (*upstream.Delegation, error) {
	next, end := dns.NextLabel(zone.Name, 0)
	name := "."
	if !end {
		name = zone.Name[next:]
	}
	above, err := w.resolver.ZoneOf(ctx, name)
	if err != nil {
		return nil, err
	}
	var errs []error
	itself, asked := false, 0
	for _, server := range above.Servers {
		for _, address := range server.Addresses {
			if asked++; asked > maxAskedAbove {
				break
			}
			authority := w.authority(above.Name, address)
			delegation, err := authority.Delegation(ctx, zone.Name)
			authority.CloseIdleConnections()
			if err == nil {
				return delegation, nil
			}
			itself = itself || errors.Is(err, upstream.ErrNoReferral)
			errs = append(errs, err)
		}
	}
	switch {
	case itself:
		return new(upstream.Delegation), nil
	case len(errs) == 0:
		return nil, fmt.Errorf("zone %s has no server with an address", above.Name)
	}
	return nil, errs[0]
}

func (w *work) authority(zone string, address netip.Addr) *upstream.Authority {
	return &upstream.Authority{
		Zone: zone, Address: netip.AddrPortFrom(address, 53), Dial: w.Dial, Allow: w.Allow, Timeout: w.Timeout,
	}
}
