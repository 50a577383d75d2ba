package dane

import (
	"net/netip"
	"strings"
)

// parseLiteral returns the address of an address literal, which stands where a
// domain would (RFC 5321 §4.1.3). Zones have no place there.
func parseLiteral(text string) (netip.Addr, bool) {
	inner, opened := strings.CutPrefix(text, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if !opened || !closed {
		return netip.Addr{}, false
	}
	v6 := len(inner) > len(ipv6Tag) && strings.EqualFold(inner[:len(ipv6Tag)], ipv6Tag)
	if v6 {
		inner = inner[len(ipv6Tag):]
	}
	addr, err := netip.ParseAddr(inner)
	if err != nil || addr.Is4() == v6 || addr.Zone() != "" {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

const ipv6Tag = "IPv6:"

// literal is the inverse of parseLiteral.
func literal(addr netip.Addr) string {
	if addr.Is4() {
		return "[" + addr.String() + "]"
	}
	return "[" + ipv6Tag + addr.String() + "]"
}

// destinationName returns the one form of a domain or address literal. The error
// wraps ErrName.
func destinationName(text string) (string, error) {
	if addr, ok := parseLiteral(text); ok {
		return literal(addr), nil
	}
	return domainName(text)
}
