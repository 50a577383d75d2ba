package dnssec_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A rollingZone serves "example." or the root, whose keys change. It is an Exchanger that does what
// its fields say; they are guarded by the mutex.
type rollingZone struct {
	mu      sync.Mutex
	now     time.Time
	keys    []*sign.Key
	signers []*sign.Key
	broken  map[string]bool // servers whose keys are forged
	failing bool            // nobody answers
	queries []string
}

func newRollingZone(t *testing.T) *rollingZone {
	t.Helper()
	return rollingZoneOf(t, rollingKey(t))
}

func rollingZoneOf(t *testing.T, key *sign.Key) *rollingZone {
	t.Helper()
	return &rollingZone{now: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), keys: []*sign.Key{key}, signers: []*sign.Key{key}}
}

func rollingKey(t *testing.T) *sign.Key { return keyOf(t, "example.") }

func keyOf(t *testing.T, zone string) *sign.Key {
	t.Helper()
	key, err := sign.NewKey(zone, dns.ECDSAP256SHA256, sign.KSK)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (z *rollingZone) Now() time.Time {
	z.mu.Lock()
	defer z.mu.Unlock()
	return z.now
}

// set changes the zone under its lock, and returns the queries since the last call.
func (z *rollingZone) set(change func()) []string {
	z.mu.Lock()
	defer z.mu.Unlock()
	change()
	queries := z.queries
	z.queries = nil
	return queries
}

func (z *rollingZone) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	z.mu.Lock()
	defer z.mu.Unlock()
	question := q.Msg.Question[0]
	z.queries = append(z.queries, dns.Type(question.Qtype).String())
	if z.failing {
		return nil, errors.New("nobody answers")
	}
	server := "first"
	for _, avoided := range q.Avoid {
		if avoided == "first" {
			server = "second"
		}
		if avoided == "second" {
			return nil, upstream.ErrExhausted
		}
	}
	msg := new(dns.Msg)
	msg.SetReply(q.Msg)
	var set []dns.RR
	signers := z.signers
	if question.Qtype == dns.TypeDNSKEY {
		for _, key := range z.keys {
			set = append(set, key.Public)
		}
		if z.broken[server] {
			signers = nil
		}
	} else {
		set = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: []byte{192, 0, 2, 1}}}
	}
	msg.Answer = set
	for _, signer := range signers {
		sig, err := signer.Sign(set, z.now.Add(-day), z.now.Add(20*day))
		if err != nil {
			return nil, err
		}
		msg.Answer = append(msg.Answer, sig)
	}
	return &upstream.Reply{Msg: msg, Server: server, Network: "fake"}, nil
}

func (z *rollingZone) resolver(trace func(string, []anchor.Change, error)) (*dnssec.Resolver, *anchor.Tracker) {
	key := z.keys[0].Public
	tracker := &anchor.Tracker{Start: anchor.Set{{Zone: key.Hdr.Name, DS: key.ToDS(dns.SHA256)}}, Trace: trace}
	return &dnssec.Resolver{Exchanger: z, Anchors: tracker, Time: z.Now}, tracker
}

func wantStatus(t *testing.T, r *dnssec.Resolver, want dnssec.Status) {
	t.Helper()
	answer, err := r.Lookup(t.Context(), "www.example", dns.TypeA)
	if answer == nil || answer.Status != want {
		t.Fatalf("%+v, %v; want %s", answer, err, want)
	}
}
