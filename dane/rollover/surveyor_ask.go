package rollover

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
	"github.com/danesmtp/danesmtp/tlsa"
)

// askAll fills the views, a few at a time.
func (w *work) askAll(ctx context.Context) {
	var all sync.WaitGroup
	places := make(chan struct{}, maxAskedAtOnce)
	for i := range w.Views {
		v := &w.Views[i]
		if v.Err != nil {
			continue
		}
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			v.Err = w.ask(ctx, v)
		})
	}
	all.Wait()
}

// ask fills a view.
func (w *work) ask(ctx context.Context, v *View) error {
	authority := w.authority(v.Zone, v.Address)
	defer authority.CloseIdleConnections()
	server := &ttlWatch{Exchanger: authority}
	at, err := w.resolver.At(v.Zone, server)
	if err != nil {
		return err
	}
	answer, err := at.Lookup(ctx, w.Owner, dns.TypeTLSA)
	if err != nil {
		if e, ok := errors.AsType[*dnssec.Error](err); ok {
			v.Status = e.Status
		}
		return err
	}
	v.Status = answer.Status
	soa, err := at.Lookup(ctx, v.Zone, dns.TypeSOA)
	if err != nil {
		return err
	}
	for _, record := range soa.Records {
		if record, ok := record.(*dns.SOA); ok {
			v.Serial, v.NegativeTTL = record.Serial, min(lifetime(soa, soa.Type), seconds(record.Minttl)) // RFC 2308 §5
		}
	}
	for _, record := range answer.Records {
		if r, ok := readRecord(record); ok {
			v.Records = append(v.Records, r)
		}
	}
	v.TTL = lifetime(answer, answer.Type)
	for _, alias := range answer.Aliases {
		v.Aliases = append(v.Aliases, alias.Target)
		v.AliasTTL = max(v.AliasTTL, lifetime(answer, alias.Type))
	}
	if v.Status != dnssec.Secure {
		v.TTL = max(v.TTL, seconds(server.longest.Load())) // nothing better is known, and nobody relies on it
	}
	if len(answer.Records) == 0 {
		v.TTL = v.NegativeTTL
	}
	if chain := answer.Chain(); len(chain) > 0 {
		last := chain[len(chain)-1]
		v.Inception, v.Expires = last.Inception, last.Expiration
	}
	return nil
}

// lifetime is how long a cache may keep the records of a type in an answer: the TTL that was received, or signed. A
// Resolver gives up an answer when a key that it rests on expires; others keep it.
func lifetime(answer *dnssec.Answer, qtype uint16) time.Duration {
	longest := uint32(0)
	see := func(rr dns.RR) {
		if rr.Header().Rrtype == qtype {
			longest = max(longest, rr.Header().Ttl)
		}
		if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == qtype {
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

// readRecord reads a record of the DNS. One that cannot be read means nothing to senders.
func readRecord(rr dns.RR) (tlsa.Record, bool) {
	record, ok := rr.(*dns.TLSA)
	if !ok {
		return tlsa.Record{}, false
	}
	data, err := hex.DecodeString(record.Certificate)
	return tlsa.Record{
		Usage: tlsa.Usage(record.Usage), Selector: tlsa.Selector(record.Selector), Matching: tlsa.Matching(record.MatchingType), Data: data,
	}, err == nil
}
