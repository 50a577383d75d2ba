package upstream

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Ports of the DNS over UDP and TCP (RFC 1035 §4.2) and over TLS (RFC 7858 §3.1), and the
// port of HTTPS.
const (
	port      = 53
	portTLS   = 853
	portHTTPS = 443
)

// dohPath is the path of most servers for the DNS over HTTPS. It is that of the examples in
// RFC 8484.
const dohPath = "/dns-query"

// pinPrefix begins the digest of a key (RFC 7858 §A).
const pinPrefix = "pin-sha256="

// An endpoint is where a server is, how to speak to it, and what its certificate has to show.
type endpoint struct {
	network string // as in Reply.Network
	address string // host and port
	name    string // in its certificate: a host name or an IP address; for "tls" and "https"
	pins    string // in place of the name: SHA-256 digests of keys, one after the other
	text    string // canonical form of the whole; for "https" the URL
}

// String is the address as a Client reads it, with the port.
func (e endpoint) String() string { return e.text }

// parseAddress reads an address in the forms that Client.Address lists. Host names are
// refused, except over HTTPS: it would take a resolver to find the resolver, and without a
// certificate nothing would prove that it is the right one.
func parseAddress(address string) (endpoint, error) {
	e, why := endpoint{network: "udp"}, ""
	scheme, rest, found := strings.Cut(address, "://")
	switch {
	case !found:
		why = e.read(address, port)
		e.text = e.address
	case scheme == "tcp":
		e.network = "tcp"
		why = e.read(rest, port)
		e.text = "tcp://" + e.address
	case scheme == "tls":
		e.network = "tls"
		why = e.readTLS(rest)
	case scheme == "https":
		e.network = "https"
		why = e.readURL(address)
	default:
		why = "the scheme is not tcp, tls or https"
	}
	if why != "" {
		return endpoint{}, &Error{Err: fmt.Errorf("address %q: %s", address, why)}
	}
	return e, nil
}

// read reads an IP address with or without a port. It returns what is wrong, or "".
func (e *endpoint) read(host string, port uint16) (why string) {
	var at netip.AddrPort
	if addr, err := netip.ParseAddr(unbracketed(host)); err == nil {
		at = netip.AddrPortFrom(addr, port)
	} else if at, err = netip.ParseAddrPort(host); err != nil {
		return "want an IP address, with or without a port"
	}
	if at.Port() == 0 {
		return "want a port other than 0"
	}
	e.address = at.String()
	e.name = at.Addr().WithZone("").String()
	return ""
}

// readTLS reads what follows "tls://".
func (e *endpoint) readTLS(rest string) (why string) {
	host, identity, found := strings.Cut(rest, "#")
	if why := e.read(host, portTLS); why != "" {
		return why + `, and what proves the server after "#"`
	}
	e.text = "tls://" + e.address
	if !found {
		return ""
	}
	if strings.HasPrefix(identity, pinPrefix) {
		e.text += "#" + identity
		for pin := range strings.SplitSeq(identity, ",") {
			text, prefixed := strings.CutPrefix(pin, pinPrefix)
			digest, err := base64.StdEncoding.Strict().DecodeString(text)
			if !prefixed || err != nil || len(digest) != sha256.Size || strings.ContainsAny(text, "\r\n") {
				return fmt.Sprintf("%q is not the SHA-256 digest of a key in base64", pin)
			}
			e.pins += string(digest)
		}
		return ""
	}
	name, ok := hostName(identity)
	if !ok {
		return `want a host name or ` + pinPrefix + ` after "#"`
	}
	e.name = name
	e.text += "#" + name
	return ""
}

// readURL reads the URL of a server for DNS over HTTPS.
func (e *endpoint) readURL(address string) (why string) {
	u, err := url.Parse(address)
	if err != nil || strings.ContainsAny(address, "?#@") || strings.HasSuffix(u.Host, ":") {
		return "want https://, a host with or without a port, a path, and nothing else"
	}
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil && ip.Zone() == "" && ip.Is6() == strings.HasPrefix(u.Host, "[") {
		e.name = ip.String()
	} else if name, ok := hostName(host); ok && !strings.HasPrefix(u.Host, "[") {
		e.name = name
	} else {
		return "want a host name or an IP address after https://"
	}
	at := uint64(portHTTPS)
	if u.Port() != "" {
		if at, err = strconv.ParseUint(u.Port(), 10, 16); err != nil || at == 0 {
			return "want a port from 1 to 65535"
		}
	}
	e.address = net.JoinHostPort(e.name, strconv.FormatUint(at, 10))
	// The port is left out if it can be (RFC 3986 §6.2.3).
	host = e.address
	if at == portHTTPS {
		host = strings.TrimSuffix(host, ":443")
	}
	path := u.EscapedPath()
	if path == "" {
		path = dohPath
	}
	e.text = "https://" + host + path
	return ""
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

// hostName returns a host name in lower case and without the final dot, as it stands in
// certificates, or false if it is not a host name. The last label must have a letter, so
// that an IP address, or what looks like one, does not pass (RFC 3696 §2).
func hostName(s string) (string, bool) {
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	letter := false
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
		letter = false
		for _, b := range []byte(label) {
			switch {
			case 'a' <= b && b <= 'z':
				letter = true
			case '0' <= b && b <= '9', b == '-', b == '_':
			default:
				return "", false
			}
		}
	}
	return name, letter && len(name) <= 253
}
