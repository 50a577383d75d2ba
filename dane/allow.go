package dane

import (
	"net/netip"
	"slices"
)

// allows reports whether an address may be used that DNS data led to.
func (v *Verifier) allows(addr netip.Addr) bool {
	return (v.AllowAll || usualAddress(addr)) && (v.Allow == nil || v.Allow(addr))
}

// usualAddress reports whether a mail server of somebody else can be at an address.
// It is judged by what it leads to: where a translator or a tunnel makes IPv4
// addresses of it, by those. A zone means something on this machine only (RFC 4007
// §6), so that no address with one is usual.
//
// Prefixes that a network has chosen for its own translators (RFC 6052 §2.2) or
// tunnels (RFC 5969 §4) cannot be known here.
func usualAddress(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" {
		return false
	}
	block := blockOf(addr)
	leads := block.leads
	if leads == nil && isISATAP(addr) {
		leads = embedded(12)
	}
	return !block.refused && (leads == nil || !slices.ContainsFunc(leads(addr.As16()), unusualAddress))
}

func unusualAddress(addr netip.Addr) bool { return !usualAddress(addr) }

// An addressBlock is addresses with a purpose of their own.
type addressBlock struct {
	prefix  netip.Prefix
	refused bool
	leads   func(addr [16]byte) []netip.Addr // to what its addresses lead; nil if they are what they are
}

// blockOf returns the smallest block that an address is in, zero if there is none.
func blockOf(addr netip.Addr) (smallest addressBlock) {
	for _, block := range addressBlocks {
		if block.prefix.Contains(addr) && block.prefix.Bits() >= smallest.prefix.Bits() {
			smallest = block
		}
	}
	return smallest
}

func refused(prefix string) addressBlock {
	return addressBlock{prefix: netip.MustParsePrefix(prefix), refused: true}
}

func usual(prefix string) addressBlock { return addressBlock{prefix: netip.MustParsePrefix(prefix)} }

func leads(prefix string, to func([16]byte) []netip.Addr) addressBlock {
	return addressBlock{prefix: netip.MustParsePrefix(prefix), leads: to}
}

// addressBlocks are IANA's registries of special-purpose addresses for IPv4 and IPv6,
// of multicast addresses, and what was withdrawn but may still be acted upon. Refused
// is what leads to this machine or link, to many at once, or to the nearest server of
// some other protocol, and what nobody has. Networks of one's own are usual, and so is
// what is for examples and laboratories.
var addressBlocks = []addressBlock{
	refused("0.0.0.0/8"),       // "this network", and often this machine: RFC 1122 §3.2.1.3
	usual("10.0.0.0/8"),        // private use: RFC 1918 §3
	usual("100.64.0.0/10"),     // shared by a provider's customers: RFC 6598
	refused("127.0.0.0/8"),     // loopback: RFC 1122 §3.2.1.3
	refused("169.254.0.0/16"),  // link-local: RFC 3927
	usual("172.16.0.0/12"),     // private use: RFC 1918 §3
	refused("192.0.0.0/24"),    // assignments to protocols: RFC 6890 §2.1
	usual("192.0.2.0/24"),      // documentation: RFC 5737
	refused("192.31.196.0/24"), // sinks for stray queries, AS112: RFC 7535
	refused("192.52.193.0/24"), // relays for multicast: RFC 7450
	refused("192.88.99.0/24"),  // the nearest relay of 6to4, withdrawn: RFC 7526
	usual("192.168.0.0/16"),    // private use: RFC 1918 §3
	refused("192.175.48.0/24"), // sinks for stray queries, AS112: RFC 7534
	usual("198.18.0.0/15"),     // benchmarks: RFC 2544
	usual("198.51.100.0/24"),   // documentation: RFC 5737
	usual("203.0.113.0/24"),    // documentation: RFC 5737
	refused("224.0.0.0/4"),     // multicast: RFC 5771
	refused("240.0.0.0/4"),     // reserved, and 255.255.255.255: RFC 1112 §4, RFC 919

	// Unspecified, loopback, IPv4-compatible (RFC 4291 §2.5.2, §2.5.3, §2.5.5.1), and
	// reserved.
	refused("::/8"),
	leads("::ffff:0:0/96", embedded(12)),   // IPv4-mapped: RFC 4291 §2.5.5.2
	leads("::ffff:0:0:0/96", embedded(12)), // IPv4-translated: RFC 2765 §2.1
	leads("64:ff9b::/96", embedded(12)),    // translated, the well-known prefix: RFC 6052 §2.1
	refused("64:ff9b:1::/48"),              // translated, in a way that the network knows only: RFC 8215
	refused("100::/64"),                    // discarded: RFC 6666
	refused("100:0:0:1::/64"),              // none: RFC 9780
	// Assignments to protocols (RFC 2928), such as the nearest server of PCP (RFC 7723)
	// and identifiers that are no addresses (RFC 4843, RFC 7343, RFC 9374).
	refused("2001::/23"),
	leads("2001::/32", teredo),      // RFC 4380 §4
	usual("2001:2::/48"),            // benchmarks: RFC 5180
	usual("2001:db8::/32"),          // documentation: RFC 3849
	leads("2002::/16", embedded(2)), // 6to4: RFC 3056 §2
	refused("2620:4f:8000::/48"),    // sinks for stray queries, AS112: RFC 7534
	usual("3fff::/20"),              // documentation: RFC 9637
	refused("5f00::/16"),            // instructions of segment routing: RFC 9602
	usual("fc00::/7"),               // unique local: RFC 4193
	refused("fe80::/10"),            // link-local: RFC 4291 §2.5.6
	refused("fec0::/10"),            // site-local, withdrawn: RFC 3879 §4
	refused("ff00::/8"),             // multicast: RFC 4291 §2.7
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
