// Package addresskind knows the addresses that have a purpose of their own, and to what they
// lead, however they are written. Which of them are refused is for those to say who
// connect to what strangers name.
package addresskind

import "net/netip"

// A Kind is what an address leads to.
type Kind uint8

// The kinds of addresses.
const (
	Host      Kind = iota // a machine somewhere, also in a network of one's own, in examples and laboratories
	Loopback              // this machine
	LinkLocal             // a machine on the same link
	Multicast             // many machines at once
	Reserved              // nobody, or whoever a system takes for that: unspecified, broadcast, not assigned
	Protocol              // the nearest server of some protocol, a sink, or no machine
	Withdrawn             // what may still be acted upon as it was once meant
)

// Of returns the kinds of an address and of all that it leads to: where a translator or a
// tunnel makes IPv4 addresses of it, it is of their kinds. The zero Addr is Reserved. A
// zone makes no difference.
//
// Prefixes that a network has chosen for its own translators (RFC 6052 §2.2) or
// tunnels (RFC 5969 §4) cannot be known here.
func Of(addr netip.Addr) []Kind {
	if !addr.IsValid() {
		return []Kind{Reserved}
	}
	addr = addr.WithZone("")
	b := blockOf(addr)
	leads := b.leads
	if leads == nil && isISATAP(addr) {
		leads = embedded(12)
	}
	if leads == nil {
		return []Kind{b.kind}
	}
	var kinds []Kind
	if b.kind != Host {
		kinds = []Kind{b.kind}
	}
	for _, to := range leads(addr.As16()) {
		kinds = append(kinds, Of(to)...)
	}
	return kinds
}

// A block is addresses with a purpose of their own.
type block struct {
	prefix netip.Prefix
	kind   Kind
	leads  func(addr [16]byte) []netip.Addr // to what its addresses lead; nil if they are what they are
}

// blockOf returns the smallest block that an address is in, zero if there is none.
func blockOf(addr netip.Addr) (smallest block) {
	for _, b := range blocks {
		if b.prefix.Contains(addr) && b.prefix.Bits() >= smallest.prefix.Bits() {
			smallest = b
		}
	}
	return smallest
}

func are(kind Kind, prefix string) block {
	return block{prefix: netip.MustParsePrefix(prefix), kind: kind}
}

func lead(kind Kind, prefix string, to func([16]byte) []netip.Addr) block {
	return block{prefix: netip.MustParsePrefix(prefix), kind: kind, leads: to}
}

// blocks are IANA's registries of special-purpose addresses for IPv4 and IPv6, of multicast
// addresses, and what was withdrawn but may still be acted upon.
var blocks = []block{
	are(Reserved, "0.0.0.0/8"),       // "this network", and often this machine: RFC 1122 §3.2.1.3
	are(Host, "10.0.0.0/8"),          // private use: RFC 1918 §3
	are(Host, "100.64.0.0/10"),       // shared by a provider's customers: RFC 6598
	are(Loopback, "127.0.0.0/8"),     // loopback: RFC 1122 §3.2.1.3
	are(LinkLocal, "169.254.0.0/16"), // link-local: RFC 3927
	are(Host, "172.16.0.0/12"),       // private use: RFC 1918 §3
	are(Protocol, "192.0.0.0/24"),    // assignments to protocols: RFC 6890 §2.1
	are(Host, "192.0.2.0/24"),        // documentation: RFC 5737
	are(Protocol, "192.31.196.0/24"), // sinks for stray queries, AS112: RFC 7535
	are(Protocol, "192.52.193.0/24"), // relays for multicast: RFC 7450
	are(Withdrawn, "192.88.99.0/24"), // the nearest relay of 6to4, withdrawn: RFC 7526
	are(Host, "192.168.0.0/16"),      // private use: RFC 1918 §3
	are(Protocol, "192.175.48.0/24"), // sinks for stray queries, AS112: RFC 7534
	are(Host, "198.18.0.0/15"),       // benchmarks: RFC 2544
	are(Host, "198.51.100.0/24"),     // documentation: RFC 5737
	are(Host, "203.0.113.0/24"),      // documentation: RFC 5737
	are(Multicast, "224.0.0.0/4"),    // multicast: RFC 5771
	are(Reserved, "240.0.0.0/4"),     // reserved, and 255.255.255.255: RFC 1112 §4, RFC 919

	are(Reserved, "::/8"),                       // not assigned: RFC 4291 §2.4
	are(Reserved, "::/128"),                     // unspecified: RFC 4291 §2.5.2
	are(Loopback, "::1/128"),                    // loopback: RFC 4291 §2.5.3
	lead(Withdrawn, "::/96", embedded(12)),      // IPv4-compatible: RFC 4291 §2.5.5.1
	lead(Host, "::ffff:0:0/96", embedded(12)),   // IPv4-mapped: RFC 4291 §2.5.5.2
	lead(Host, "::ffff:0:0:0/96", embedded(12)), // IPv4-translated: RFC 2765 §2.1
	lead(Host, "64:ff9b::/96", embedded(12)),    // translated, the well-known prefix: RFC 6052 §2.1
	are(Protocol, "64:ff9b:1::/48"),             // translated, in a way that the network knows only: RFC 8215
	are(Protocol, "100::/64"),                   // discarded: RFC 6666
	are(Protocol, "100:0:0:1::/64"),             // none: RFC 9780
	// Assignments to protocols (RFC 2928), such as the nearest server of PCP (RFC 7723)
	// and identifiers that are no addresses (RFC 4843, RFC 7343, RFC 9374).
	are(Protocol, "2001::/23"),
	lead(Host, "2001::/32", teredo),      // RFC 4380 §4
	are(Host, "2001:2::/48"),             // benchmarks: RFC 5180
	are(Host, "2001:db8::/32"),           // documentation: RFC 3849
	lead(Host, "2002::/16", embedded(2)), // 6to4: RFC 3056 §2
	are(Protocol, "2620:4f:8000::/48"),   // sinks for stray queries, AS112: RFC 7534
	are(Host, "3fff::/20"),               // documentation: RFC 9637
	are(Protocol, "5f00::/16"),           // instructions of segment routing: RFC 9602
	are(Host, "fc00::/7"),                // unique local: RFC 4193
	are(LinkLocal, "fe80::/10"),          // link-local: RFC 4291 §2.5.6
	are(Withdrawn, "fec0::/10"),          // site-local, withdrawn: RFC 3879 §4
	are(Multicast, "ff00::/8"),           // multicast: RFC 4291 §2.7
}

// embedded returns the IPv4 address that starts at an octet.
func embedded(at int) func([16]byte) []netip.Addr {
	return func(addr [16]byte) []netip.Addr {
		return []netip.Addr{netip.AddrFrom4([4]byte(addr[at : at+4]))}
	}
}

// teredo returns the server, and the client, whose bits are inverted (RFC 4380 §4).
func teredo(addr [16]byte) []netip.Addr {
	client := [4]byte(addr[12:])
	for i := range client {
		client[i] ^= 0xff
	}
	return append(embedded(4)(addr), netip.AddrFrom4(client))
}

// isISATAP reports whether the last 64 bits are an interface identifier that embeds an
// IPv4 address, to which the packet is sent on some link (RFC 5214 §6.1).
func isISATAP(addr netip.Addr) bool {
	octets := addr.As16()
	return addr.Is6() && octets[8]&^0x03 == 0 && [3]byte(octets[9:12]) == [3]byte{0x00, 0x5e, 0xfe}
}
