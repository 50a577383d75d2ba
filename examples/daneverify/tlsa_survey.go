package main

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/tlsa"
)

// Limits of a survey.
const (
	maxSurveyZones = 4 // one, and those that aliases lead to
	maxAskedAtOnce = 8
)

// A survey is what each name server says about the TLSA records of a service.
type survey struct {
	owner string
	at    time.Time
	zones []*dnssec.Zone
	views []*view
}

// A view is what a sender gets whose resolver asks this server.
type view struct {
	zone, server string
	address      netip.Addr // invalid if the server's addresses could not be looked up

	err       error // why there is no answer
	status    dnssec.Status
	records   []tlsa.Record
	serial    uint32
	ttl       time.Duration // for which the answer may be kept
	negative  time.Duration // for which it may be kept that there are no records
	inception time.Time     // of the signature
	expires   time.Time
}

// survey asks every name server of every zone that the records depend on, at each of its
// addresses. The error says that it is not known whom to ask.
func (n *zoneNetwork) survey(ctx context.Context, owner string, now time.Time) (*survey, error) {
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	s := &survey{owner: owner, at: now}
	names := []string{owner}
	answer, err := n.resolver.Lookup(ctx, owner, dns.TypeTLSA)
	if answer != nil && err == nil {
		for _, alias := range answer.Aliases {
			names = append(names, alias.Target)
		}
	}
	for _, name := range names {
		zone, err := n.resolver.ZoneOf(ctx, name)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(s.zones, func(z *dnssec.Zone) bool { return z.Name == zone.Name }) {
			continue
		}
		if len(s.zones) == maxSurveyZones {
			return nil, errors.New("aliases lead through too many zones")
		}
		s.zones = append(s.zones, zone)
	}
	n.askAll(ctx, s)
	return s, nil
}

// askAll makes the views.
func (n *zoneNetwork) askAll(ctx context.Context, s *survey) {
	var all sync.WaitGroup
	places := make(chan struct{}, maxAskedAtOnce)
	for _, zone := range s.zones {
		for _, server := range zone.Servers {
			if server.Err != nil {
				s.views = append(s.views, &view{zone: zone.Name, server: server.Name, err: server.Err})
			}
			for _, address := range server.Addresses {
				v := &view{zone: zone.Name, server: server.Name, address: address}
				s.views = append(s.views, v)
				all.Go(func() {
					places <- struct{}{}
					defer func() { <-places }()
					v.err = n.ask(ctx, v, s.owner)
				})
			}
		}
	}
	all.Wait()
}

// ask fills a view.
func (n *zoneNetwork) ask(ctx context.Context, v *view, owner string) error {
	server := &ttlWatch{Exchanger: &upstream.Authority{
		Zone: v.zone, Address: netip.AddrPortFrom(v.address, 53), Dial: n.dial, Allow: n.allow, Timeout: n.timeout,
	}}
	at, err := n.resolver.At(v.zone, server)
	if err != nil {
		return err
	}
	answer, err := at.Lookup(ctx, owner, dns.TypeTLSA)
	if err != nil {
		if e, ok := errors.AsType[*dnssec.Error](err); ok {
			v.status = e.Status
		}
		return err
	}
	v.status = answer.Status
	soa, err := at.Lookup(ctx, v.zone, dns.TypeSOA)
	if err != nil {
		return err
	}
	for _, record := range soa.Records {
		if record, ok := record.(*dns.SOA); ok {
			v.serial, v.negative = record.Serial, min(lifetime(soa), seconds(record.Minttl)) // RFC 2308 §5
		}
	}
	for _, record := range answer.Records {
		if r, ok := tlsaRecord(record); ok {
			v.records = append(v.records, r)
		}
	}
	v.ttl = lifetime(answer)
	if v.status != dnssec.Secure {
		v.ttl = max(v.ttl, seconds(server.longest.Load())) // nothing better is known, and nobody relies on it
	}
	if len(answer.Records) == 0 {
		v.ttl = v.negative
	}
	if chain := answer.Chain(); len(chain) > 0 {
		last := chain[len(chain)-1]
		v.inception, v.expires = last.Inception, last.Expiration
	}
	return nil
}

// lifetime is how long a cache may keep an answer: the TTL that was received, or signed. A
// Resolver gives up an answer when a key that it rests on expires; others keep it.
func lifetime(answer *dnssec.Answer) time.Duration {
	longest := uint32(0)
	see := func(rr dns.RR) {
		if rr.Header().Rrtype == answer.Type {
			longest = max(longest, rr.Header().Ttl)
		}
		if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == answer.Type {
			longest = max(longest, sig.OrigTtl)
		}
	}
	for _, rr := range answer.Records {
		see(rr)
	}
	for _, link := range answer.Chain() {
		for _, rr := range link.Records {
			see(rr)
		}
	}
	return seconds(longest)
}

// A ttlWatch sees the TTL of TLSA records as a server sends them.
type ttlWatch struct {
	upstream.Exchanger
	longest atomic.Uint32
}

// Exchange is that of the server.
func (w *ttlWatch) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	reply, err := w.Exchanger.Exchange(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, rr := range reply.Msg.Answer {
		if ttl := rr.Header().Ttl; rr.Header().Rrtype == dns.TypeTLSA && ttl > w.longest.Load() {
			w.longest.Store(ttl)
		}
	}
	return reply, nil
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

// tlsaRecord reads a record of the DNS. One that cannot be read means nothing to senders.
func tlsaRecord(rr dns.RR) (tlsa.Record, bool) {
	record, ok := rr.(*dns.TLSA)
	if !ok {
		return tlsa.Record{}, false
	}
	data, err := hex.DecodeString(record.Certificate)
	return tlsa.Record{
		Usage: tlsa.Usage(record.Usage), Selector: tlsa.Selector(record.Selector), Matching: tlsa.Matching(record.MatchingType), Data: data,
	}, err == nil
}

// isLocal reports whether it is this machine that cannot reach an address, as one without
// IPv6 cannot: no packet was sent. That says nothing about the server. A host that is
// reported to be unreachable is another thing.
func isLocal(err error) bool {
	dial, ok := errors.AsType[*net.OpError](err)
	return ok && dial.Op == "dial" && (errors.Is(err, syscall.ENETUNREACH) ||
		errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT))
}

// longestTTL is how long a cache may keep what the servers say now, without the views that
// are left out.
func (s *survey) longestTTL(in func(*view) bool) time.Duration {
	var longest time.Duration
	for _, v := range s.views {
		if v.err == nil && in(v) {
			longest = max(longest, v.ttl)
		}
	}
	return longest
}

// negativeTTL is how long a cache may keep that there are no records.
func (s *survey) negativeTTL() time.Duration {
	var longest time.Duration
	for _, v := range s.views {
		longest = max(longest, v.negative)
	}
	return longest
}
