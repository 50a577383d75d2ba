//go:build interop

package interop

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A cache is a forwarder that keeps replies, in front of named, which knows DNS cookies.
// Some keep them with the cookie, and whatever else was between named and the one who
// asked first.
type cache struct {
	name  string
	start func(t *testing.T, file string) (address string, dial dialer)
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

var caches = []cache{
	{"systemd-resolved", startResolved},
	{"dnsdist", simple((*internet).startDnsdist, cachingDnsdist)},
	{"coredns", startCoreDNS},
	{"dnsmasq", startDnsmasq},
	{"knot-resolver", simple((*internet).startKnotResolver, "")},
	{"unbound", startCachingUnbound},
	{"pdns-recursor", startPowerDNS},
}

// allowances are what the clock of a busy machine may add to the time of all lookups, once
// and for the best of three times. What it costs to wait for a cookie that never comes is
// seconds for each.
const onceAllowance, bestAllowance = time.Second, 150 * time.Millisecond

// TestCachesCostNoTime looks up the same names in one process after another, each of which
// knows nothing of the servers yet, through caches that are cold and then warm. The statuses
// are always those of the table, and it takes no longer than without cookies and letter case.
func TestCachesCostNoTime(t *testing.T) {
	for _, c := range caches {
		t.Run(c.name, func(t *testing.T) {
			lookUpAll(t, &bare{address: address(lab.resolvers[1].port)}) // named's own cache is warm
			plainly, _ := c.open(t, "plainly")
			cold := lookUpAll(t, plainly)
			warm := best(func() time.Duration { return lookUpAll(t, plainly) })

			others, client := c.open(t, "with-cookies")
			first := client()
			again := func() time.Duration { return lookUpAll(t, poolOf(first)) }
			afresh := func() time.Duration { return lookUpAll(t, poolOf(client())) }
			limit(t, "cold", again(), cold, onceAllowance)
			limit(t, "warm, in another process", best(afresh), warm, bestAllowance)
			limit(t, "warm, in the first process", best(again), warm, bestAllowance)
			askAsOthersDo(others)
			limit(t, "after others", best(afresh), warm, bestAllowance)
			limit(t, "after others, in the first process", best(again), warm, bestAllowance)
		})
	}
}

func best(measure func() time.Duration) time.Duration {
	return min(measure(), measure(), measure())
}

func limit(t *testing.T, what string, took, without, allowance time.Duration) {
	t.Helper()
	t.Logf("%s: %s, and %s without cookies", what, took.Round(100*time.Microsecond), without.Round(100*time.Microsecond))
	if took > without*6/5+allowance {
		t.Errorf("%s: took %s, and %s without cookies", what, took, without)
	}
}

// open starts a cache that is cold, and returns two ways to ask it.
func (c cache) open(t *testing.T, file string) (*bare, func() *upstream.Client) {
	t.Helper()
	lab.stopAfter(t)
	address, dial := c.start(t, c.name+"-"+file)
	return &bare{address, dial}, func() *upstream.Client {
		client := &upstream.Client{Address: address, Dial: dial}
		t.Cleanup(client.CloseIdleConnections)
		return client
	}
}

// lookUpAll returns how long it takes a Resolver that knows nothing yet.
func lookUpAll(t *testing.T, exchanger upstream.Exchanger) time.Duration {
	t.Helper()
	resolver := newResolver(t, exchanger)
	start := time.Now()
	for _, l := range lookups {
		l.check(t, resolver, 20*time.Second)
	}
	return time.Since(start)
}

// bare asks a server over UDP, and over TCP if that is truncated, as the simplest of
// clients does.
type bare struct {
	address string
	dial    dialer
}

func (b *bare) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	for _, network := range []string{"udp", "tcp"} {
		msg, err := b.over(ctx, network, q.Msg.Copy())
		if err != nil {
			return nil, err
		}
		if !msg.Truncated || network == "tcp" {
			return &upstream.Reply{Msg: msg, Server: b.address, Network: network}, nil
		}
	}
	return nil, net.ErrClosed // not reached
}

func (b *bare) over(ctx context.Context, network string, query *dns.Msg) (*dns.Msg, error) {
	dial := b.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, network, b.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	query.Id = dns.Id()
	client := &dns.Client{Net: network, Timeout: 5 * time.Second, UDPSize: dns.MaxMsgSize}
	reply, _, err := client.ExchangeWithConnContext(ctx, query, &dns.Conn{Conn: conn, UDPSize: dns.MaxMsgSize})
	return reply, err
}

// askAsOthersDo asks for everything that the lookups need as stubs, validators and people
// with dig do, so that the cache has what they were sent.
func askAsOthersDo(b *bare) {
	names := map[string][]uint16{".": {dns.TypeDNSKEY}, "test.": {dns.TypeDS, dns.TypeDNSKEY}, "EXAMPLE.": {dns.TypeDS, dns.TypeDNSKEY}}
	for _, l := range lookups {
		name := dns.Fqdn(l.name)
		names[name] = append(names[name], l.qtype, dns.TypeDS, dns.TypeDNSKEY)
	}
	for name, types := range names {
		for _, qtype := range types {
			for _, change := range []func(*dns.Msg){
				func(q *dns.Msg) {},
				func(q *dns.Msg) { q.SetEdns0(4096, false) },
				func(q *dns.Msg) { q.AuthenticatedData = true },
				func(q *dns.Msg) { q.SetEdns0(4096, true) },
				func(q *dns.Msg) { q.SetEdns0(1232, true); q.CheckingDisabled = true },
				func(q *dns.Msg) {
					q.SetEdns0(1232, true)
					q.CheckingDisabled = true
					opt := q.IsEdns0()
					opt.Option = []dns.EDNS0{
						&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0123456789abcdef"},
						&dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_PADDING{Padding: make([]byte, 32)},
					}
				},
			} {
				query := new(dns.Msg).SetQuestion(name, qtype)
				change(query)
				b.over(context.Background(), "udp", query) // whatever comes of it
			}
		}
	}
}
