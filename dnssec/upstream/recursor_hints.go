package upstream

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// rootServers are the addresses of a.root-servers.net to m.root-servers.net, from
// https://www.internic.net/domain/named.root.
var rootServers = [...]string{
	"198.41.0.4", "170.247.170.2", "192.33.4.12", "199.7.91.13", "192.203.230.10", "192.5.5.241", "192.112.36.4",
	"198.97.190.53", "192.36.148.17", "192.58.128.30", "193.0.14.129", "199.7.83.42", "202.12.27.33",
	"2001:503:ba3e::2:30", "2801:1b8:10::b", "2001:500:2::c", "2001:500:2d::d", "2001:500:a8::e", "2001:500:2f::f",
	"2001:500:12::d0d", "2001:500:1::53", "2001:7fe::53", "2001:503:c27::2:30", "2001:7fd::1", "2001:500:9f::42", "2001:dc3::35",
}

// ReadHints reads addresses of root servers from a file in the form of
// https://www.internic.net/domain/named.root: NS records of the root, and the
// addresses of the servers that they name. Errors name the file.
func ReadHints(path string) ([]netip.AddrPort, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &Error{Err: fmt.Errorf("root hints: %w", err)}
	}
	defer file.Close()
	hints, err := parseHints(file, path)
	if err != nil {
		return nil, &Error{Err: fmt.Errorf("root hints: %w", err)}
	}
	return hints, nil
}

func parseHints(file io.Reader, path string) ([]netip.AddrPort, error) {
	limited := &io.LimitedReader{R: file, N: maxHintsFile + 1}
	parser := dns.NewZoneParser(limited, ".", path)
	parser.SetDefaultTTL(0)
	servers := make(map[string]bool)
	var records []dns.RR
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if ns, ok := rr.(*dns.NS); ok && ns.Hdr.Name == "." {
			servers[dns.CanonicalName(ns.Ns)] = true
		}
		if records = append(records, rr); len(records) > maxHints {
			return nil, fmt.Errorf("%s has more than %d records", path, maxHints)
		}
	}
	if limited.N == 0 {
		return nil, fmt.Errorf("%s is larger than %d octets", path, maxHintsFile)
	}
	if err := parser.Err(); err != nil {
		return nil, err
	}
	var hints []netip.AddrPort
	for _, rr := range records {
		if addr, ok := address(rr); ok && servers[dns.CanonicalName(rr.Header().Name)] {
			hints = append(hints, netip.AddrPortFrom(addr, port))
		}
	}
	if len(hints) == 0 {
		return nil, fmt.Errorf("%s has no address of a root server", path)
	}
	return hints, nil
}

// setUp makes the root's delegation.
func (r *Recursor) setUp() {
	hints := slices.Clone(r.Hints)
	if r.Hints == nil {
		for _, text := range rootServers {
			hints = append(hints, netip.AddrPortFrom(netip.MustParseAddr(text), port))
		}
	}
	r.hints = &delegation{name: ".", servers: []nameServer{{name: ".", addresses: hints}}}
	for _, hint := range hints {
		r.kinds.loopback = r.kinds.loopback || hint.Addr().IsLoopback()
		r.kinds.linkLocal = r.kinds.linkLocal || hint.Addr().IsLinkLocalUnicast()
	}
}

// priming is the root servers' own list of themselves (RFC 8109).
type priming struct {
	mu      sync.Mutex
	running bool
	root    *delegation // nil: not there yet
	again   time.Time   // when to ask, if it is not there
}

func (p *priming) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.root, p.again = nil, time.Time{}
}

// root returns the delegation of the root.
func (r *Recursor) root(now time.Time) *delegation {
	r.priming.mu.Lock()
	defer r.priming.mu.Unlock()
	if root := r.priming.root; root != nil && now.Before(root.expires) {
		return root
	}
	return r.hints
}

// prime asks for the list if it is not there, beside the resolution. The function
// that it returns is to be called at the end of that, and ends this too, soon.
func (r *resolution) prime(ctx context.Context) (end func()) {
	p := &r.priming
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running || r.now().Before(p.again) || p.root != nil && r.now().Before(p.root.expires) {
		return func() {}
	}
	p.running = true
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		root := r.askForRoot(ctx)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.running = false
		if p.again = r.now().Add(primingRetry); root != nil {
			p.root = root
		}
	}()
	return func() {
		select {
		case <-done:
		case <-time.After(primingGrace):
		}
		cancel()
		<-done
	}
}

// askForRoot sends the priming query. Hints with a port of their own stay: names in
// the DNS have none.
func (r *resolution) askForRoot(ctx context.Context) *delegation {
	msg := new(dns.Msg)
	msg.SetQuestion(".", dns.TypeNS)
	msg.RecursionDesired = false
	msg.SetEdns0(probeSize, false)
	for _, server := range r.sorted(r.hints, nil)[:min(len(r.hints.servers[0].addresses), maxPrimed)] {
		if server.Port() != port {
			return nil
		}
		reply, err := r.exchange(ctx, server, msg, 1)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil || reply.Msg.Rcode != dns.RcodeSuccess || !reply.Msg.Authoritative { // RFC 8109 §4.1
			continue
		}
		servers, ttl := r.nameServers(".", ".", reply.Msg.Answer, reply.Msg.Extra)
		root := &delegation{name: ".", servers: servers, expires: r.now().Add(delegationLife(ttl))}
		if len(root.known(r.now())) > 0 {
			return root
		}
	}
	return nil
}
