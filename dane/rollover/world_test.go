package rollover_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/rollover"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// A publisher has the zone example. with the servers 192.0.2.1 to 3, each of which may have
// other records than the zone, and two certificates.
type publisher struct {
	*dnssectest.Internet
	current, next *tlsatest.Certificate
	ttl           int

	mu   sync.Mutex
	sets map[string][]tlsa.Record                  // what a server has in place of the zone's
	said map[string]func(dns.Question, *dns.Msg)   // what a server does to a reply
	dead map[string]syscall.Errno                  // addresses that cannot be reached
	root func(q dns.Question, referral *dns.Msg)   // what the zone above says
	ns   func(records []dns.RR) (changed []dns.RR) // what the zone says of its servers
}

func newPublisher(t *testing.T, zones ...dnssectest.Zone) *publisher {
	ca := tlsatest.NewCA(tlsatest.Authority{Name: "CA"})
	leaf := tlsatest.Leaf{Names: []string{"mx.example"}}
	p := &publisher{current: ca.Issue(leaf), next: ca.Issue(leaf), ttl: 600,
		sets: map[string][]tlsa.Record{}, said: map[string]func(dns.Question, *dns.Msg){}, dead: map[string]syscall.Errno{}}
	p.Internet = dnssectest.New(t, append(zones, dnssectest.Zone{Name: "example.", Records: fmt.Sprintf(`
		@   3600 SOA ns1 hostmaster 1 7200 900 604800 300
		@   NS ns1
		@   NS ns2
		@   NS ns3
		ns1 A 192.0.2.1
		ns2 A 192.0.2.2
		ns3 A 192.0.2.3
		_25._tcp.mx %d TLSA %s`, p.ttl, p.record(p.current))})...)
	p.TamperAt, p.Tamper = p.tamperAt, p.tamper
	return p
}

func (p *publisher) record(c *tlsatest.Certificate) tlsa.Record {
	return c.Record(tlsa.SPKI, tlsa.SHA256)
}

func (p *publisher) both() []tlsa.Record { return []tlsa.Record{p.record(p.current), p.record(p.next)} }

// publish gives servers other records.
func (p *publisher) publish(records []tlsa.Record, servers ...int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range servers {
		p.sets[fmt.Sprintf("192.0.2.%d", n)] = records
	}
}

func (p *publisher) tamperAt(server netip.Addr, q dns.Question, reply *dns.Msg) bool {
	p.mu.Lock()
	records, change := p.sets[server.String()], p.said[server.String()]
	p.mu.Unlock()
	if records != nil && q.Qtype == dns.TypeTLSA && len(reply.Answer) > 0 {
		var set []dns.RR
		for _, r := range records {
			rr, err := dns.NewRR(fmt.Sprintf("%s %d IN TLSA %s", q.Name, p.ttl, r))
			if err != nil {
				panic(err)
			}
			set = append(set, rr)
		}
		reply.Answer = append(set, p.Sign("example.", set...))
	}
	if p.root != nil && q.Qtype == dns.TypeNS && dns.CanonicalName(q.Name) == "example." && !reply.Authoritative {
		p.root(q, reply)
	}
	if change != nil {
		change(q, reply)
	}
	return true
}

// tamper changes what the resolver hears from everybody else.
func (p *publisher) tamper(q dns.Question, reply *dns.Msg) {
	if p.ns == nil || q.Qtype != dns.TypeNS || q.Name != "example." || len(reply.Answer) == 0 {
		return
	}
	var records []dns.RR
	for _, rr := range reply.Answer {
		if rr.Header().Rrtype == dns.TypeNS {
			records = append(records, rr)
		}
	}
	records = p.ns(records)
	reply.Answer = append(records, p.Sign("example.", records...))
}

func (p *publisher) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, _ := net.SplitHostPort(address)
	p.mu.Lock()
	errno, dead := p.dead[host]
	p.mu.Unlock()
	if dead {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", errno)}
	}
	return p.Dial(ctx, network, address)
}

// surveyor has a resolver with an empty cache.
func (p *publisher) surveyor() *rollover.Surveyor {
	return &rollover.Surveyor{
		Resolver: &dnssec.Resolver{Exchanger: p.Internet, Anchors: p.Anchors()}, Dial: p.dial, Timeout: time.Second,
	}
}

func (p *publisher) chain() []*x509.Certificate { return p.next.Chain() }
