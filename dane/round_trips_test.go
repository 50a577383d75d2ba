package dane_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

const aRound = 100 * time.Millisecond

// distant takes a round trip for each lookup, and more for some.
type distant struct {
	dane.Resolver
	more map[string]int // rounds, by name and type
}

func (d distant) Lookup(ctx context.Context, name string, qtype uint16) (*dnssec.Answer, error) {
	time.Sleep(aRound * time.Duration(1+d.more[name+" "+dns.TypeToString[qtype]]))
	return d.Resolver.Lookup(ctx, name, qtype)
}

// What is asked in one round trip is asked at the same time: MX; then A and AAAA of all
// hosts; then TLSA, which waits for nothing that it does not depend on.
func TestRoundsOfLookups(t *testing.T) {
	t.Parallel()
	const addresses, records = "mx.example.org A secure 192.0.2.1\n", "_25._tcp.mx.example.org TLSA secure 3 1 1 " + digest + "\n"
	const alias = "mx.example.org A secure ->mx.example.net; 192.0.2.1\n"
	for _, tt := range []struct {
		name, script string
		more         map[string]int
		parallel     int
		rounds       int
	}{
		{"MX, addresses, TLSA", "example.org MX secure 10 mx.example.org.\n" + addresses + records, nil, 0, 3},
		{"no TLSA lookup behind insecure addresses", "example.org MX secure 10 mx.example.org.\nmx.example.org A insecure 192.0.2.1\n" + records, nil, 0, 2},
		{"nor behind an insecure MX record", "example.org MX insecure 10 mx.example.org.\n" + addresses + records, nil, 0, 2},
		{"five hosts take no longer than one", "example.org MX secure 1 a.example.org.; 2 b.example.org.; 3 c.example.org.; 4 d.example.org.; 5 mx.example.org.\n" +
			"a.example.org A secure 192.0.2.2\nb.example.org A secure 192.0.2.3\nc.example.org A secure 192.0.2.4\nd.example.org A secure 192.0.2.5\n" + addresses + records, nil, 0, 3},
		{"but one after the other if that is wanted", "example.org MX secure 1 a.example.org.; 5 mx.example.org.\na.example.org A secure 192.0.2.2\n" + addresses + records, nil, 1, 5},
		{"a slow denial of AAAA does not hold up TLSA", "example.org MX secure 10 mx.example.org.\n" + addresses + records, map[string]int{"mx.example.org. AAAA": 3}, 0, 5},
		{"a slow answer to A does, since it may decide", "example.org MX secure 10 mx.example.org.\n" + addresses + records + "mx.example.org AAAA secure 2001:db8::1\n", map[string]int{"mx.example.org. A": 3}, 0, 6},
		{"insecure IPv4, secure IPv6", "example.org MX secure 10 mx.example.org.\nmx.example.org A insecure 192.0.2.1\nmx.example.org AAAA secure 2001:db8::1\n" + records, nil, 0, 3},
		{"an alias: two names, one after the other", "example.org MX secure 10 mx.example.org.\n" + alias + records, nil, 0, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &dane.Verifier{Resolver: distant{parseScript(tt.script), tt.more}, Dial: noNetwork}
				c := &dane.Checker{Verifier: v, Parallel: tt.parallel}
				start := time.Now()
				if _, err := c.Verify(t.Context(), "example.org"); err != nil {
					t.Fatal(err)
				}
				if elapsed := time.Since(start); elapsed != time.Duration(tt.rounds)*aRound {
					t.Errorf("%s, want %d rounds", elapsed, tt.rounds)
				}
			})
		})
	}
}

// A distantServer takes a round trip for each query.
type distantServer struct{ upstream.Exchanger }

func (d distantServer) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	time.Sleep(aRound)
	return d.Exchanger.Exchange(ctx, q)
}

// With signed zones the chain of keys costs rounds, too, but once: hosts in the domain's
// own zone need no other, and more hosts need no more rounds.
func TestRoundsOfQueries(t *testing.T) {
	t.Parallel()
	rounds := func(hosts int) (rounds time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			d := danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{}}
			for i := range hosts {
				d.Hosts = append(d.Hosts, danetest.Host{Name: fmt.Sprintf("m%d", i), TLSA: []string{"3 1 1"}})
			}
			internet := danetest.New(t, d)
			v := internet.Verifier()
			v.Resolver = &dnssec.Resolver{Exchanger: distantServer{internet.DNS}, Anchors: internet.DNS.Anchors()}
			start := time.Now()
			result, err := checker(v).Verify(t.Context(), "a.example")
			if err != nil || result.Outcome != dane.OutcomeSuccess || len(result.Hosts) != hosts {
				t.Fatalf("%v, %v", result, err)
			}
			rounds = time.Since(start) / aRound
		})
		return rounds
	}
	// MX; then the keys of the zones above it, addresses and TLSA. Not all of eight hosts are
	// asked for ahead.
	if one, eight := rounds(1), rounds(8); one != 2 || eight > 4 {
		t.Errorf("%d rounds for one host, %d for eight", one, eight)
	}
}

// A silentServer does not answer questions for the addresses of a host.
type silentServer struct {
	upstream.Exchanger
	host string
	mu   sync.Mutex
	sent map[uint16]int // by type
}

const silence = 5 * time.Second

func (s *silentServer) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	asked := q.Msg.Question[0]
	if asked.Name != s.host || asked.Qtype != dns.TypeA && asked.Qtype != dns.TypeAAAA {
		return s.Exchanger.Exchange(ctx, q)
	}
	s.mu.Lock()
	s.sent[asked.Qtype]++
	s.mu.Unlock()
	if time.Sleep(silence - time.Millisecond); asked.Qtype == dns.TypeA {
		time.Sleep(time.Millisecond)
	}
	return nil, context.DeadlineExceeded
}

// Both families are waited for at the same time where neither comes, and each is asked for once.
func TestSilenceIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		host := danetest.Host{Name: "m", TLSA: []string{"3 1 1"}}
		internet := danetest.New(t, danetest.Domain{Name: "a.example", Zone: dnssectest.Zone{}, Hosts: []danetest.Host{host}})
		server := &silentServer{Exchanger: internet.DNS, host: "m.a.example.", sent: make(map[uint16]int)}
		v := internet.Verifier()
		v.Resolver = &dnssec.Resolver{Exchanger: server, Anchors: internet.DNS.Anchors()}
		start := time.Now()
		result, err := checker(v).Verify(t.Context(), "a.example")
		if err != nil || result.Outcome != dane.OutcomeFailure {
			t.Errorf("%v, %v", result, err)
		}
		if took := time.Since(start); took != silence {
			t.Errorf("it took %s, want %s", took, silence)
		}
		if diff := cmp.Diff(map[uint16]int{dns.TypeA: 1, dns.TypeAAAA: 1}, server.sent); diff != "" {
			t.Errorf("queries by type (-want +got):\n%s", diff)
		}
	})
}
