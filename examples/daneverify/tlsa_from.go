package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
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
}

// addresses returns those of a host.
func (n serverNetwork) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if n.lookUp != nil {
		return n.lookUp(ctx, host)
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// presented returns what a server presents at each of its addresses: equal chains once.
func (m *makeCommand) presented(ctx context.Context) ([]source, []warning, error) {
	server, err := parseService(m.from)
	if err != nil {
		return nil, nil, err
	}
	addrs, err := m.network.addresses(ctx, server.host)
	if err != nil {
		return nil, nil, fmt.Errorf("-from %s: %w", server, err)
	}
	warnings := []warning{{"not-authenticated", fmt.Sprintf("what %s presents comes over a network that anybody on the path can change: compare it with the file on the server before you publish it", server)}}
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
		return nil, nil, fmt.Errorf("-from %s: no address could be asked: %w", server, failed)
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
