package upstream

import (
	"fmt"
	"net/netip"
	"strings"
)

// port of the DNS over UDP and TCP (RFC 1035 §4.2).
const port = 53

// An endpoint is where a server is, and how to speak to it.
type endpoint struct {
	addr netip.AddrPort
	tcp  bool // TCP only
}

// parseAddress reads "192.0.2.1", "[2001:db8::1]:5353" and the like, with an
// optional "tcp://" in front. Names are refused: it would take a resolver to find
// the resolver.
func parseAddress(address string) (endpoint, error) {
	var e endpoint
	fail := func(why string) (endpoint, error) {
		return endpoint{}, &Error{Err: fmt.Errorf("address %q: %s", address, why)}
	}
	host := address
	if scheme, rest, found := strings.Cut(address, "://"); found {
		if scheme != "tcp" {
			return fail("the scheme is not tcp")
		}
		e.tcp, host = true, rest
	}
	if addr, err := netip.ParseAddr(unbracketed(host)); err == nil {
		e.addr = netip.AddrPortFrom(addr, port)
	} else if e.addr, err = netip.ParseAddrPort(host); err != nil {
		return fail("want an IP address, with or without a port")
	}
	if e.addr.Port() == 0 {
		return fail("the port is 0")
	}
	return e, nil
}

// unbracketed takes the brackets off "[2001:db8::1]". Only IPv6 addresses have them.
func unbracketed(host string) string {
	inner, opened := strings.CutPrefix(host, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if opened && closed && strings.Contains(inner, ":") {
		return inner
	}
	return host
}

// String is the address as a Client reads it, with the port.
func (e endpoint) String() string {
	if e.tcp {
		return "tcp://" + e.addr.String()
	}
	return e.addr.String()
}
