package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// Limits of -from. A mail server has few addresses; with one that hangs a person gets
// impatient.
const (
	maxFromAddresses = 8
	fromTimeout      = 20 * time.Second
)

// A serverNetwork reaches mail servers. The zero serverNetwork is the system's.
type serverNetwork struct {
	lookUp func(ctx context.Context, host string) ([]netip.Addr, error)
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	// lookUpMX is for tests that have a lookUp; nil means then that no name has MX records.
	lookUpMX func(ctx context.Context, domain string) ([]*net.MX, error)
}

// exchangers returns the hosts that a domain's mail goes to.
func (n serverNetwork) exchangers(ctx context.Context, domain string) (hosts []string) {
	look := n.lookUpMX
	if look == nil && n.lookUp == nil {
		look = net.DefaultResolver.LookupMX
	}
	if look == nil {
		return nil
	}
	records, err := look(ctx, domain+".") // no search list
	if err != nil && len(records) == 0 {
		return nil
	}
	for _, mx := range records {
		hosts = append(hosts, mx.Host)
	}
	return hostNames(hosts)
}

// mailHosts are those of a mail domain that TLSA records were asked for, as if it was a host. There
// are none if mail to it goes to a host of that name.
func (m *makeCommand) mailHosts(ctx context.Context, server service) []string {
	if server.port != 25 || isAddress(m.from) || m.owner != "" && m.service.host != server.host {
		return nil // -for says where the records are to be
	}
	var hosts []string
	if m.zones.resolver != nil && m.flagsOfDNS() != nil {
		hosts = m.exchangers(ctx, server.host+".")
	} else {
		hosts = m.network.exchangers(ctx, server.host)
	}
	if slices.Contains(hosts, server.host) {
		return nil
	}
	return hosts
}

// addresses returns those of a host.
func (n serverNetwork) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if n.lookUp != nil {
		return n.lookUp(ctx, host)
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// isAddress reports whether a text is an address, with a port or without.
func isAddress(text string) bool {
	_, _, ok := parseAddress(text)
	return ok
}

// parseAddress reads ADDR or ADDR:PORT, with the address in brackets if it is IPv6; without a
// port it is 25.
func parseAddress(text string) (addr netip.Addr, port uint16, ok bool) {
	if both, err := netip.ParseAddrPort(text); err == nil {
		return both.Addr(), both.Port(), both.Port() != 0
	}
	inside, closed := strings.CutSuffix(strings.TrimPrefix(text, "["), "]")
	addr, err := netip.ParseAddr(inside)
	return addr, 25, err == nil && closed == strings.HasPrefix(text, "[")
}

// fromWhere finds the addresses of -from, which may be one itself. Without flags about the DNS
// the system is asked, which knows hosts of its own.
func (m *makeCommand) fromWhere(ctx context.Context) (service, []netip.Addr, error) {
	if addr, port, ok := parseAddress(m.from); ok {
		return service{host: m.service.host, port: port}, []netip.Addr{addr}, nil
	}
	server, err := parseService(m.from)
	if err != nil {
		return server, nil, err
	}
	if m.flagsOfDNS() == nil {
		addrs, err := m.network.addresses(ctx, server.host)
		if err != nil {
			err = fmt.Errorf("%s: %w", server, err)
		}
		return server, addrs, err
	}
	if err := m.connect(); err != nil {
		return server, nil, err
	}
	found := m.zones.resolver.NameServer(ctx, server.host)
	if len(found.Addresses) == 0 {
		return server, nil, fmt.Errorf("%s: %w", server, cmp.Or(found.Err, errors.New("no address was found")))
	}
	return server, found.Addresses, nil
}

// presented returns what a server presents at each of its addresses: equal chains once.
func (m *makeCommand) presented(ctx context.Context) ([]source, []warning, error) {
	server, addrs, err := m.fromWhere(ctx)
	hosts := m.mailHosts(ctx, server)
	if err != nil && len(hosts) > 0 {
		return nil, nil, fmt.Errorf("-from %w; %s is a mail domain, and TLSA records are for its hosts: did you mean %s?", err, server.host, strings.Join(hosts, " or "))
	}
	if err != nil {
		return nil, nil, fmt.Errorf("-from %w", err)
	}
	warnings := []warning{{"not-authenticated", fmt.Sprintf("what %s presents comes over a network that anybody on the path can change: compare it with the file on the server before you publish it", m.from)}}
	if len(hosts) > 0 {
		warnings = append(warnings, warning{"mail-domain", fmt.Sprintf("mail to %s goes to %s, and senders look for TLSA records there, not at %s: did you mean -from %s?", server.host, strings.Join(hosts, " and "), server.owner(), hosts[0])})
	}
	if len(addrs) > maxFromAddresses {
		warnings = append(warnings, warning{"addresses", fmt.Sprintf("%s has %d addresses, and only %d of them were asked", server, len(addrs), maxFromAddresses)})
		addrs = addrs[:maxFromAddresses]
	}
	var all []source
	var failed error
	for _, addr := range addrs {
		address := netip.AddrPortFrom(addr.Unmap(), server.port).String()
		chain, err := m.network.chain(ctx, address, server.host)
		if err == nil {
			err = orderOf(chain)
		}
		if err != nil {
			failed = err
			warnings = append(warnings, warning{"unreachable", fmt.Sprintf("%s: %v", address, err)})
			continue
		}
		if len(all) > 0 && !bytes.Equal(all[0].chain[0].RawSubjectPublicKeyInfo, chain[0].RawSubjectPublicKeyInfo) {
			warnings = append(warnings, warning{"addresses-differ", fmt.Sprintf("%s presents another key than %s", address, all[0].text)})
		}
		all = append(all, source{text: address, chain: chain})
	}
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("-from %s: no address could be asked: %w", m.from, failed)
	}
	return all, warnings, nil
}

// chain goes through STARTTLS, and ends the handshake once the server has shown its chain.
func (n serverNetwork) chain(ctx context.Context, address, host string) ([]*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, fromTimeout)
	defer cancel()
	var chain []*x509.Certificate
	v := &tlsa.Verifier{Names: []string{host}} // accepts nobody, and looks on
	config := v.TLSConfig(&tls.Config{VerifyConnection: func(state tls.ConnectionState) error {
		chain = state.PeerCertificates
		return nil
	}})
	prober := smtpprobe.Prober{Dial: n.dial}
	if _, err := prober.Probe(ctx, address, config); len(chain) == 0 {
		return nil, err
	}
	return chain, nil
}
