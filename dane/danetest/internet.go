package danetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/smtpprobe/smtptest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// An Internet is a signed DNS and mail servers. Make one with NewInternet or New.
// It is safe for concurrent use; its fields must not be changed after the first
// use.
type Internet struct {
	// Domains that are there.
	Domains []Domain
	// DNS is their DNS: a root of its own, and a zone for each domain.
	DNS *dnssectest.Internet
	// CA has issued the certificates.
	CA *tlsatest.CA
	// Servers by host name, without the final dot.
	Servers map[string]*smtptest.Server

	byAddr map[netip.Addr]*smtptest.Server

	mu      sync.Mutex
	sockets map[netip.Addr]string // after Listen
}

// NewInternet makes an Internet of these domains, or of Domains if there are none.
// It panics on mistakes in them. Close it in the end.
func NewInternet(domains ...Domain) *Internet {
	if len(domains) == 0 {
		domains = Domains()
	}
	i := &Internet{
		Domains: domains,
		CA:      tlsatest.NewCA(tlsatest.Authority{}),
		Servers: make(map[string]*smtptest.Server),
		byAddr:  make(map[netip.Addr]*smtptest.Server),
	}
	var zones []dnssectest.Zone
	for _, d := range domains {
		zones = append(zones, i.add(d))
	}
	i.DNS = dnssectest.NewInternet(zones...)
	i.DNS.Anchors() // panics here and not in the middle of a test
	return i
}

// New makes an Internet that is closed when the test ends.
func New(t testing.TB, domains ...Domain) *Internet {
	i := NewInternet(domains...)
	t.Cleanup(i.Close)
	return i
}

// add makes the servers of a domain, and returns its zone.
func (i *Internet) add(d Domain) dnssectest.Zone {
	var records strings.Builder
	for n, host := range d.Hosts {
		name := host.Name + "." + d.Name
		leaf := host.Certificate
		if len(leaf.Names) == 0 {
			leaf.Names = []string{name}
		}
		certificate := i.CA.Issue(leaf)
		server := smtptest.NewUnstartedServer(certificate.TLS())
		server.Name = name
		if host.Server != nil {
			host.Server(server)
		}
		addr := i.nextAddr()
		i.Servers[name], i.byAddr[addr] = server, server
		fmt.Fprintf(&records, "@ MX %d %s\n%s A %s\n", 10*(n+1), host.Name, host.Name, addr)
		for _, text := range host.TLSA {
			fmt.Fprintf(&records, "_25._tcp.%s TLSA %s\n", host.Name, i.record(text, certificate))
		}
	}
	zone := d.Zone
	zone.Name = d.Name + "."
	zone.Records = records.String() + zone.Records
	return zone
}

// nextAddr returns an address of TEST-NET-1 (RFC 5737 §3), which leads nowhere but
// through Dial.
func (i *Internet) nextAddr() netip.Addr {
	n := len(i.byAddr) + 1
	if n > 254 {
		panic("danetest: more than 254 hosts")
	}
	return netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
}

// record completes a TLSA record of three numbers.
func (i *Internet) record(text string, certificate *tlsatest.Certificate) tlsa.Record {
	r, err := tlsa.Parse(text)
	if len(strings.Fields(text)) == 3 {
		of := i.CA.Certificate
		r, err = tlsa.Parse(text + " 00")
		if r.Usage == tlsa.PKIXEE || r.Usage == tlsa.DANEEE {
			of = certificate.Leaf
		}
		if err == nil {
			r, err = tlsa.New(r.Usage, r.Selector, r.Matching, of)
		}
	}
	if err != nil {
		panic("danetest: TLSA " + text + ": " + err.Error())
	}
	return r
}

// Verifier returns a Verifier that lives in this Internet.
func (i *Internet) Verifier() *dane.Verifier {
	return &dane.Verifier{Resolver: i.DNS.Resolver(), Dial: i.Dial}
}

// Checker returns a Checker in the place of the Verifier.
func (i *Internet) Checker() *dane.Checker { return &dane.Checker{Verifier: i.Verifier()} }

var errNoServer = errors.New("danetest: no mail server at that address")

// Dial connects to the mail server with that address, whatever the port: in
// memory, or after Listen by a loopback socket. It fits dane.Verifier.Dial and the
// seams of SMTP clients.
func (i *Internet) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, fmt.Errorf("danetest: %w", err)
	}
	server := i.byAddr[addr.Addr()]
	if server == nil {
		return nil, fmt.Errorf("%w: %s", errNoServer, address)
	}
	i.mu.Lock()
	socket := i.sockets[addr.Addr()]
	i.mu.Unlock()
	if socket != "" {
		return new(net.Dialer).DialContext(ctx, "tcp", socket)
	}
	return server.Dial(ctx, network, address)
}

// Listen serves DNS and mail on sockets of the loopback address, and returns that
// of the DNS. Dial connects to the sockets from then on.
func (i *Internet) Listen() (dns string, err error) {
	const anyPort = "127.0.0.1:0"
	if dns, err = i.DNS.Listen(anyPort); err != nil {
		return "", err
	}
	sockets := make(map[netip.Addr]string)
	for addr, server := range i.byAddr {
		if sockets[addr], err = server.Listen(anyPort); err != nil {
			return "", err
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sockets = sockets
	return dns, nil
}

// Close ends all servers and connections.
func (i *Internet) Close() {
	i.DNS.Close()
	for _, server := range i.byAddr {
		server.Close()
	}
}
