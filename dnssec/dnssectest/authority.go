package dnssectest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/frame"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// Recursor returns a new [upstream.Recursor] that starts from the root servers of the Internet
// and connects by [Internet.Dial].
func (i *Internet) Recursor() *upstream.Recursor {
	i.once.Do(i.build)
	recursor := &upstream.Recursor{Dial: i.Dial, Time: i.Time, Hints: []netip.AddrPort{}}
	for address, zones := range i.authorities {
		if slices.Contains(zones, i.zones[canonical.Root]) {
			recursor.Hints = append(recursor.Hints, netip.AddrPortFrom(address, 53))
		}
	}
	return recursor
}

// Dial connects to a name server of the Internet, in memory. There is one at port 53 of each
// address of a zone's name servers, which is authoritative for that zone and refers to the
// zones below. Elsewhere the connection is refused. network is "udp" or "tcp"; for "udp" each
// Write and each Read is one datagram.
func (i *Internet) Dial(_ context.Context, network, address string) (net.Conn, error) {
	i.once.Do(i.build)
	at, err := netip.ParseAddrPort(address)
	if err != nil || at.Port() != 53 || i.authorities[at.Addr()] == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	client, server := net.Pipe()
	go func() { // ends when the client closes
		defer server.Close()
		for {
			packet, err := frame.Read(network, server)
			if err != nil {
				return
			}
			query := new(dns.Msg)
			if query.Unpack(packet) != nil {
				continue
			}
			reply := i.authoritative(at.Addr(), query)
			if reply == nil || i.TamperAt != nil && len(query.Question) == 1 && !i.TamperAt(at.Addr(), query.Question[0], reply) {
				continue
			}
			if network == "udp" {
				truncate(query, reply)
			}
			if packet, err = reply.Pack(); err != nil {
				return
			}
			if frame.Write(network, server, packet) != nil {
				return
			}
		}
	}()
	return client, nil
}

// findAuthorities finds the addresses of each zone's name servers.
func (i *Internet) findAuthorities() error {
	i.authorities = make(map[netip.Addr][]*zone)
	for _, z := range i.zones {
		for _, rr := range z.signer.Records {
			ns, ok := rr.(*dns.NS)
			if !ok || dns.CanonicalName(ns.Hdr.Name) != z.Name {
				continue
			}
			name, err := canonical.ParseName(ns.Ns)
			if err != nil {
				return fmt.Errorf("zone %s: name server %q: %w", z.Name, ns.Ns, err)
			}
			for _, glue := range i.enclosing(name).glue(name) {
				if addr := addressOf(glue); !slices.Contains(i.authorities[addr], z) {
					i.authorities[addr] = append(i.authorities[addr], z)
				}
			}
		}
	}
	return nil
}

// glue returns the address records of a name in the zone.
func (z *zone) glue(name canonical.Name) []dns.RR {
	return slices.DeleteFunc(slices.Clone(z.signer.Records), func(rr dns.RR) bool {
		return !addressOf(rr).IsValid() || dns.CanonicalName(rr.Header().Name) != name.String()
	})
}

func addressOf(rr dns.RR) netip.Addr {
	var addr netip.Addr
	switch rr := rr.(type) {
	case *dns.A:
		addr, _ = netip.AddrFromSlice(rr.A.To4())
	case *dns.AAAA:
		addr, _ = netip.AddrFromSlice(rr.AAAA.To16())
	}
	return addr
}

// authoritative answers a query like the server at an address. It returns nil if the server
// does not answer.
func (i *Internet) authoritative(at netip.Addr, query *dns.Msg) *dns.Msg {
	return i.answer(query, func(question dns.Question, name canonical.Name, reply *dns.Msg) bool {
		reply.RecursionAvailable = false
		var z *zone
		within := enclosed(name, question.Qtype)
		for _, served := range i.authorities[at] {
			if within.Below(served.apex) && (z == nil || served.apex.Below(z.apex)) {
				z = served
			}
		}
		switch {
		case z == nil:
			reply.Rcode = dns.RcodeRefused
			return true
		case z.forQuery(name, question.Qtype) == Silent:
			return false
		}
		if cut, ok := z.cutAbove(name, question.Qtype); ok {
			i.refer(z, cut, reply)
			return true
		}
		z.respond(name, question.Qtype, reply)
		reply.Authoritative = true
		return true
	})
}

// refer adds a referral to the zone at a cut (RFC 4035 §3.1.4).
func (i *Internet) refer(z *zone, cut canonical.Name, reply *dns.Msg) {
	z.addSet(&reply.Ns, z.sets[rrsetName{cut, dns.TypeNS}], "")
	if ds := z.sets[rrsetName{cut, dns.TypeDS}]; ds != nil {
		z.addSet(&reply.Ns, ds, "")
	} else {
		z.denyType(cut, reply)
	}
	for _, rr := range z.sets[rrsetName{cut, dns.TypeNS}].records {
		name, err := canonical.ParseName(rr.(*dns.NS).Ns)
		if err == nil && name.Below(z.apex) {
			reply.Extra = append(reply.Extra, i.enclosing(name).glue(name)...)
		}
	}
}
