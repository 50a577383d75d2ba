package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
)

// A moody resolver has another address each time it is asked.
type moody struct {
	asked int
	holds time.Duration
	fails bool
}

func (m *moody) Lookup(_ context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	m.asked++
	if m.fails {
		return nil, errors.New("not today")
	}
	h := dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: uint32(m.holds / time.Second)}
	return &dnssec.Answer{
		Name: name, Type: qtype, Status: dnssec.Secure, Expires: time.Now().Add(m.holds),
		Records: []dns.RR{&dns.A{Hdr: h, A: []byte{192, 0, 2, byte(m.asked)}}},
	}, nil
}

// TestRepeats: a reply is given again to the same query only, by who may ask only, within the same
// second only, and never after its answer has expired.
func TestRepeats(t *testing.T) {
	this, other := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.9")
	standard := set{ad: true}.query("www.example.", dns.TypeA)
	change := func(f func(*dns.Msg)) *dns.Msg {
		q := standard.Copy()
		f(q)
		return q
	}
	for _, tt := range []struct {
		why   string
		holds time.Duration
		fails bool
		wait  time.Duration
		next  *dns.Msg
		asked int // in all
	}{
		{"the same query", time.Minute, false, 0, standard, 1},
		{"with another ID", time.Minute, false, 999 * time.Millisecond, change(func(q *dns.Msg) { q.Id++ }), 1},
		{"in the next second", time.Minute, false, time.Second, standard, 2},
		{"a minute later", time.Minute, false, time.Minute, standard, 2},
		{"the answer does not outlive the second", 999 * time.Millisecond, false, 0, standard, 2},
		{"the answer holds for this transaction alone", 0, false, 0, standard, 2},
		{"a failure", time.Minute, true, 0, standard, 2},
		{"another type", time.Minute, false, 0, change(func(q *dns.Msg) { q.Question[0].Qtype = dns.TypeAAAA }), 2},
		{"other letters", time.Minute, false, 0, change(func(q *dns.Msg) { q.Question[0].Name = "wWw.example." }), 2},
		{"without AD", time.Minute, false, 0, change(func(q *dns.Msg) { q.AuthenticatedData = false }), 2},
		{"with CD", time.Minute, false, 0, change(func(q *dns.Msg) { q.CheckingDisabled = true }), 2},
		{"with DO", time.Minute, false, 0, change(func(q *dns.Msg) { q.IsEdns0().SetDo() }), 2},
		{"with less room", time.Minute, false, 0, change(func(q *dns.Msg) { q.IsEdns0().SetUDPSize(512) }), 2},
		{"another class", time.Minute, false, 0, change(func(q *dns.Msg) { q.Question[0].Qclass = dns.ClassCHAOS }), 1},
	} {
		t.Run(tt.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which begins at a full second
				resolver := &moody{holds: tt.holds, fails: tt.fails}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s := &server{lookups: ctx, responder: &responder{resolver: resolver, timeout: time.Minute, inFlight: make(chan struct{}, 1), log: quiet()}}
				udp := &packetServer{allowed: s.allowed, answer: s.answer, failed: func(err error) { t.Error(err) }}
				ask := func(from netip.Addr, query *dns.Msg) *dns.Msg {
					t.Helper()
					packet, err := query.Pack()
					if err != nil {
						t.Fatal(err)
					}
					out := make([]byte, 0, ednsSize)
					packed := udp.again(from, packet, out)
					if packed == nil {
						packed = udp.handle(from, packet, out)
					}
					reply := new(dns.Msg)
					if err := reply.Unpack(packed); err != nil {
						t.Fatal(err)
					}
					if reply.Id != query.Id || reply.Question[0] != query.Question[0] || reply.CheckingDisabled != query.CheckingDisabled {
						t.Errorf("it is no reply to the query:\n%v", reply)
					}
					return reply
				}
				first := ask(this, standard)
				if refused := ask(other, standard); refused.Rcode != dns.RcodeRefused || len(refused.Answer) > 0 {
					t.Errorf("a stranger gets\n%v", refused)
				}
				time.Sleep(tt.wait)
				second := ask(this, tt.next)
				if resolver.asked != tt.asked {
					t.Errorf("the resolver is asked %d times, want %d", resolver.asked, tt.asked)
				}
				if tt.asked == 1 && second.Rcode == dns.RcodeSuccess && second.Answer[0].String() != first.Answer[0].String() {
					t.Errorf("again it is\n%v", second)
				}
				if second.AuthenticatedData != (tt.next.AuthenticatedData && !tt.fails && second.Rcode == dns.RcodeSuccess) {
					t.Errorf("AD is wrong:\n%v", second)
				}
			})
		})
	}
}

// TestRepeatsAreBounded: whatever is asked, only so much is kept, and only for a second.
func TestRepeatsAreBounded(t *testing.T) {
	r, now := new(repeats), time.Unix(1, 0)
	until := now.Add(time.Hour)
	for i := range 2 * maxRepeats {
		r.put(fmt.Appendf(nil, "ID%d", i), []byte("ID reply"), until, now)
	}
	if got := len(r.replies); got != maxRepeats {
		t.Errorf("%d replies are kept, want %d", got, maxRepeats)
	}
	now = now.Add(time.Second)
	r.put(make([]byte, maxRepeatedQuery+1), []byte("ID reply"), until, now)
	r.put(make([]byte, maxRepeatedQuery), []byte("ID reply"), until, now)
	if got := len(r.replies); got != 1 {
		t.Errorf("in the next second %d are kept, want 1", got)
	}
	// The reply is written to where the caller has room, and can be changed there.
	out := make([]byte, 0, ednsSize)
	for range 2 {
		got := r.get(append([]byte("xy"), make([]byte, maxRepeatedQuery-idSize)...), out, now)
		if !slices.Equal(got, []byte("xy reply")) {
			t.Errorf("%q", got)
		}
		clear(got)
	}
}
