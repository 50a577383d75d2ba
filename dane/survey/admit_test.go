package survey

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// An event is a query to a DNS server at some time, and what comes of it.
type event struct {
	at    time.Duration
	times int
	reply *upstream.Reply
	err   error
	over  bool // the context has ended
}

func replied(rcode int) *upstream.Reply {
	return &upstream.Reply{Msg: &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: rcode}}, Network: "udp"}
}

// TestDNSServersAreLeftAlone that have answered and then do so no more; others are not.
func TestDNSServersAreLeftAlone(t *testing.T) {
	t.Parallel()
	good, refusal := replied(dns.RcodeSuccess), replied(dns.RcodeRefused)
	silence := fmt.Errorf("no reply: %w", context.DeadlineExceeded)
	answered := event{times: 1, reply: good}
	for _, tt := range []struct {
		name   string
		pause  time.Duration
		events []event
		until  time.Duration // it is left alone; 0 if it is not
		final  bool
	}{
		{name: "sixteen refusals in a row", events: []event{answered, {times: 16, reply: refusal}}, until: time.Minute},
		{name: "sixteen timeouts", events: []event{answered, {times: 16, err: silence}}, until: time.Minute},
		{name: "sixteen refused connections", events: []event{answered, {times: 16, err: os.NewSyscallError("read", syscall.ECONNREFUSED)}}, until: time.Minute},
		{name: "fifteen", events: []event{answered, {times: 15, reply: refusal}}},
		{name: "twice fifteen, and an answer between", events: []event{answered, {times: 15, reply: refusal}, answered, {times: 15, reply: refusal}}},
		{name: "NXDOMAIN is an answer, and so is SERVFAIL", events: []event{answered, {times: 15, reply: refusal}, {times: 1, reply: replied(dns.RcodeNameError)},
			{times: 15, reply: refusal}, {times: 1, reply: replied(dns.RcodeServerFailure)}, {times: 15, reply: refusal}}},
		{name: "one that has never answered", events: []event{{times: 100, err: silence}}},
		{name: "one that has answered two minutes ago", events: []event{answered, {at: 2 * time.Minute, times: 100, reply: refusal}}},
		{name: "what was cut short", events: []event{answered, {times: 100, err: silence, over: true}}},
		{name: "what is odd", events: []event{answered, {times: 100, err: errOdd}}},
		{name: "where nobody is left alone", pause: -1, events: []event{answered, {times: 100, reply: refusal}}},
		{name: "queries that were on their way when the pause began", events: []event{answered, {times: 32, reply: refusal}}, until: time.Minute},
		{name: "one refusal after the pause", events: []event{answered, {times: 16, reply: refusal}, {at: time.Minute, times: 1, reply: refusal}}, until: 3 * time.Minute},
		{name: "an answer after the pause", events: []event{answered, {times: 16, reply: refusal}, {at: time.Minute, times: 1, reply: good}, {at: time.Minute, times: 15, reply: refusal}}},
		{name: "again and again", events: []event{answered, {times: 16, reply: refusal},
			{at: time.Minute, times: 1, reply: refusal}, {at: 3 * time.Minute, times: 1, reply: refusal}, {at: 7 * time.Minute, times: 1, reply: refusal},
			{at: 15 * time.Minute, times: 1, reply: refusal}, {at: 31 * time.Minute, times: 1, reply: refusal}}, until: 63 * time.Minute, final: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Survey{Limits: Limits{Pause: tt.pause, DNS: Limit{-1, -1}}}
				server, began := netip.MustParseAddr("192.0.2.53"), time.Now()
				for _, e := range tt.events {
					time.Sleep(e.at - time.Since(began))
					ctx, cancel := context.WithCancel(t.Context())
					var dones []func(*upstream.Reply, error)
					for range e.times {
						done, err := s.AdmitDNS(ctx, server)
						if err != nil {
							t.Fatalf("after %v: %v", e.at, err)
						}
						dones = append(dones, done)
					}
					if e.over {
						cancel()
					}
					for _, done := range dones {
						done(e.reply, e.err)
					}
					cancel()
				}
				_, err := s.AdmitDNS(t.Context(), server)
				busy, _ := errors.AsType[*busyError](err)
				switch {
				case (busy != nil) != (tt.until > 0), (err != nil) != errors.Is(err, ErrBusy):
					t.Errorf("left alone %t, want %t: %v", busy != nil, tt.until > 0, err)
				case busy == nil:
				case busy.until.IsZero() != tt.final, !tt.final && busy.until.Sub(began) != tt.until:
					t.Errorf("until %v, want %v", busy.until, began.Add(tt.until))
				}
				if tt.until > 0 {
					time.Sleep(tt.until - time.Since(began))
					if _, err := s.AdmitDNS(t.Context(), server); err != nil {
						t.Errorf("after the pause: %v", err)
					}
				}
			})
		})
	}
}

// TestQueriesOverTCPCount as one more.
func TestQueriesOverTCPCount(t *testing.T) {
	t.Parallel()
	for network, want := range map[string][]time.Duration{
		"udp": {0, 0, 500 * time.Millisecond, time.Second},
		"tcp": {0, 500 * time.Millisecond, 1500 * time.Millisecond, 2500 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &Survey{Limits: Limits{DNS: Limit{-1, 2}}}
			began := time.Now()
			var got []time.Duration
			for range 4 {
				done, err := s.AdmitDNS(t.Context(), netip.MustParseAddr("192.0.2.53"))
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, time.Since(began))
				reply := replied(dns.RcodeSuccess)
				reply.Network = network
				done(reply, nil)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("over %s queries are admitted at (-want +got):\n%s", network, diff)
			}
		})
	}
}

// TestWhoWaitsForADNSServer is sent to others when it is left alone.
func TestWhoWaitsForADNSServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &Survey{Limits: Limits{DNS: Limit{17, -1}}}
		server := netip.MustParseAddr("192.0.2.53")
		for range 17 {
			done, err := s.AdmitDNS(t.Context(), server)
			if err != nil {
				t.Fatal(err)
			}
			defer done(nil, errOdd)
		}
		sent := make(chan error)
		go func() {
			_, err := s.AdmitDNS(t.Context(), server)
			sent <- err
		}()
		synctest.Wait()
		key := dnsGate(server)
		s.limiter.learn(key, answers, false)
		for range unansweredInARow {
			s.limiter.learn(key, refuses, false)
		}
		if err := <-sent; !errors.Is(err, ErrBusy) {
			t.Errorf("error %v", err)
		}
	})
}
