package upstream

import "net/netip"

// addressKinds are kinds of addresses that data may lead to, because hints are of
// that kind.
type addressKinds struct{ loopback, linkLocal bool }

// allowed reports whether data may lead to an address.
func (r *Recursor) allowed(addr netip.Addr) bool {
	if r.Allow != nil {
		return r.Allow(addr)
	}
	switch addr = reached(addr); {
	case addr.IsUnspecified(), addr.IsMulticast(), isReserved(addr):
		return false
	case addr.IsLoopback():
		return r.kinds.loopback
	case addr.IsLinkLocalUnicast():
		return r.kinds.linkLocal
	}
	return true
}

// isReserved reports whether an address can be that of no server: those of "this network"
// and of class E, broadcast included (RFC 1122 §3.2.1.3, RFC 1112 §4).
func isReserved(addr netip.Addr) bool {
	if !addr.Is4() {
		return false
	}
	first := addr.As4()[0]
	return first == 0 || first >= 240
}

// Prefixes of IPv6 addresses that hold an IPv4 one.
var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052 §2.1
	sixToFour  = netip.MustParsePrefix("2002::/16")    // RFC 3056 §2
	compatible = netip.MustParsePrefix("::/96")        // RFC 4291 §2.5.5.1
)

// reached returns the IPv4 address that packets to an IPv6 address may end up at, or else
// the address itself.
func reached(addr netip.Addr) netip.Addr {
	addr = addr.Unmap()
	octets := addr.As16()
	switch {
	case addr.Is4(), addr.IsUnspecified(), addr.IsLoopback():
	case nat64.Contains(addr), compatible.Contains(addr):
		return netip.AddrFrom4([4]byte(octets[12:]))
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(octets[2:6]))
	}
	return addr
}
