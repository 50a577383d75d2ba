package smtpprobe

import (
	"net/netip"
	"os"
	"strings"
)

// helloName returns what the prober says in EHLO: its own choice, the name of the
// machine if that has a domain, or else the address (RFC 5321 §4.1.4).
func (p *Prober) helloName(local netip.AddrPort) string {
	if p.Hello != "" {
		return strings.TrimSuffix(p.Hello, ".")
	}
	name, err := os.Hostname()
	name = strings.TrimSuffix(name, ".")
	if err == nil && strings.Contains(name, ".") && isWord(name) {
		return name
	}
	return addressLiteral(local.Addr())
}

// addressLiteral writes an address as RFC 5321 §4.1.3 does. Without an address,
// that is over a connection of some other kind, it is the loopback address.
func addressLiteral(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	switch {
	case addr.Is4():
		return "[" + addr.String() + "]"
	case addr.Is6():
		return "[IPv6:" + addr.String() + "]"
	}
	return "[127.0.0.1]"
}

// isWord reports whether a name can stand in a command: printable ASCII without
// spaces, so that no second command can hide in it.
func isWord(name string) bool {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' {
			return false
		}
	}
	return name != "" && len(name) <= maxHello
}
