package main

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/net/idna"
)

// A service is what TLSA records are for: a port of a host (RFC 6698 §3).
type service struct {
	host string // A-labels, lower case, without the final dot
	port uint16
}

// owner is where the records are, with the final dot.
func (s service) owner() string { return fmt.Sprintf("_%d._tcp.%s.", s.port, s.host) }

func (s service) String() string {
	if s.port == 25 {
		return s.host
	}
	return net.JoinHostPort(s.host, strconv.Itoa(int(s.port)))
}

// parseService reads HOST or HOST:PORT; without a port it is 25.
func parseService(text string) (service, error) {
	s := service{port: 25}
	name := text
	if _, err := netip.ParseAddr(text); err == nil {
		return s, fmt.Errorf("%q is an address; TLSA records are for host names", text)
	}
	if host, port, found := strings.Cut(text, ":"); found {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 {
			return s, fmt.Errorf("%q: want HOST or HOST:PORT, with a port from 1 to 65535", text)
		}
		name, s.port = host, uint16(number)
	}
	if strings.HasPrefix(name, "_") {
		return s, fmt.Errorf("%q: give the host, without the labels for port and protocol; the port goes behind it, as in mx.example.org:25", text)
	}
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(name, "."))
	if _, ok := dns.IsDomainName(ascii); err != nil || !ok || ascii == "" || len(ascii) > 240 {
		return s, fmt.Errorf("%q is no host name", text)
	}
	if _, err := netip.ParseAddr(ascii); err == nil {
		return s, fmt.Errorf("%q is an address; TLSA records are for host names", text)
	}
	if !strings.Contains(ascii, ".") {
		return s, fmt.Errorf("%q has no dot: give the whole name, as in mx.example.org", text)
	}
	s.host = strings.ToLower(ascii)
	return s, nil
}

// names are those that a certificate or a signing request is for.
type names []string

// namesOf returns the alternative names, or where there are none the common name, as senders
// take them (RFC 7672 §3.2.3).
func namesOf(alternative []string, subject pkix.Name) names {
	if len(alternative) == 0 && subject.CommonName != "" {
		return names{subject.CommonName}
	}
	return alternative
}

// include reports whether a host is among the names, which may be wildcards.
func (n names) include(host string) bool {
	return len(n) > 0 && (&x509.Certificate{DNSNames: n}).VerifyHostname(host) == nil
}

func (n names) String() string {
	const most = 4 // more would not be read
	switch {
	case len(n) == 0:
		return "no name"
	case len(n) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(n[:most], ", "), len(n)-most)
	}
	return strings.Join(n, ", ")
}
