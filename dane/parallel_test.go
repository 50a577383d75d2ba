package dane_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// A network takes a time to connect to each address, the last octet of which is the
// key. What is not in it takes forever.
type network struct {
	internet *danetest.Internet
	takes    map[byte]time.Duration

	now, most, all atomic.Int32 // connections being made, the most at a time, and all
}

func (n *network) dial(ctx context.Context, proto, address string) (net.Conn, error) {
	n.all.Add(1)
	now := n.now.Add(1)
	defer n.now.Add(-1)
	for most := n.most.Load(); now > most && !n.most.CompareAndSwap(most, now); most = n.most.Load() {
	}
	takes, ok := n.takes[netip.MustParseAddrPort(address).Addr().As4()[3]]
	if !ok {
		takes = time.Hour
	}
	select {
	case <-time.After(takes):
		return n.internet.Dial(ctx, proto, address)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// seconds are what it takes to connect to 192.0.2.1 and so on.
func seconds(each ...int) map[byte]time.Duration {
	takes := make(map[byte]time.Duration)
	for i, n := range each {
		takes[byte(i+1)] = time.Duration(n) * time.Second
	}
	return takes
}

// fourHosts: the first and the last have another key; the second is good, as is the
// third, which has a dead address, too.
func fourHosts(t *testing.T) *danetest.Internet {
	return danetest.New(t, danetest.Domain{Name: "a.example", Hosts: []danetest.Host{
		{Name: "m1", TLSA: []string{"3 1 1 " + digest}}, {Name: "m2", TLSA: []string{"3 1 1"}},
		{Name: "m3", TLSA: []string{"3 1 1"}}, {Name: "m4", TLSA: []string{"3 1 1 " + digest}},
	}, Zone: dnssectest.Zone{Records: "m3 A 192.0.2.99"}})
}

// facts are what must not depend on who answers first.
func facts(r *dane.Result) string {
	var b strings.Builder
	fmt.Fprintln(&b, r.Outcome, r.Failure().ResultType)
	for _, h := range r.Hosts {
		fmt.Fprintln(&b, h.Name, h.Action)
		for _, p := range h.Attempts {
			fmt.Fprintln(&b, " ", p.Addr, p.Authenticated, h.Classify(p.Err).ResultType)
		}
	}
	return b.String()
}

// Whatever the limit, and whoever is fast, the result and the order of the hooks are
// those of one after the other.
func TestParallel(t *testing.T) {
	t.Parallel()
	const want = `success 
m1.a.example must-authenticate
  192.0.2.1:25 false certificate-not-trusted
m2.a.example must-authenticate
  192.0.2.2:25 true 
m3.a.example must-authenticate
  192.0.2.3:25 true 
  192.0.2.99:25 false 
m4.a.example must-authenticate
  192.0.2.4:25 false certificate-not-trusted
`
	var order []string
	for _, tt := range []struct {
		name     string
		parallel int
		takes    map[byte]time.Duration
		most     int32
		elapsed  time.Duration
	}{
		{"one after the other", 1, seconds(1, 1, 1, 1), 1, 4*time.Second + 15*time.Second},
		{"two at a time, never two that end together", 2, seconds(1, 3, 1, 1), 2, 2*time.Second + 15*time.Second},
		{"by default all of these", 0, seconds(1, 1, 1, 1), 5, 15 * time.Second},
		{"the first is the slowest", 0, seconds(14, 3, 2, 1), 5, 15 * time.Second},
		{"the last is the slowest", 0, seconds(1, 2, 3, 14), 5, 15 * time.Second},
		{"a limit that is none is one", -1, seconds(1, 1, 1, 1), 1, 19 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{internet: fourHosts(t), takes: tt.takes}
				v := n.internet.Verifier()
				v.Dial, v.AttemptTimeout = n.dial, 15*time.Second
				c := &dane.Checker{Verifier: v, Parallel: tt.parallel}
				var hooks []string // not locked: all hooks are called by this goroutine
				ctx := dane.WithTrace(t.Context(), &dane.Trace{
					Lookup:  func(l dane.Lookup) { hooks = append(hooks, fmt.Sprint(l.Name, l.Type)) },
					Host:    func(h *dane.Host) { hooks = append(hooks, h.Name) },
					Attempt: func(h *dane.Host, p dane.Attempt) { hooks = append(hooks, p.Addr.String()) },
				})
				start := time.Now()
				result, err := c.Verify(ctx, "a.example")
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, facts(result)); diff != "" {
					t.Error(diff)
				}
				if order == nil {
					order = hooks
				}
				if diff := cmp.Diff(order, hooks); diff != "" {
					t.Errorf("order of the hooks: %s", diff)
				}
				if elapsed := time.Since(start); n.most.Load() != tt.most || elapsed != tt.elapsed {
					t.Errorf("%d connections at a time in %s, want %d in %s", n.most.Load(), elapsed, tt.most, tt.elapsed)
				}
				if p := result.Hosts[1].Attempts[0]; p.Elapsed != tt.takes[2] || p.Session.Steps[0].Duration != p.Elapsed {
					t.Errorf("the probe took %s", p.Elapsed)
				}
			})
		})
	}
}

// With FirstSuccess nobody waits for what comes after the host that is delivered to.
func TestFirstSuccess(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		parallel int
		takes    map[byte]time.Duration
		dials    int32
		elapsed  time.Duration
	}{
		{"one after the other: no connection too many", 1, seconds(1, 2), 2, 3 * time.Second},
		{"those after the good one hang", 0, seconds(1, 2), 5, 2 * time.Second},
		{"a worse one is fast, and a better one counts", 0, seconds(5, 2, 1), 5, 5 * time.Second},
		{"two at a time: no connection beyond them", 2, seconds(1, 2), 3, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{internet: fourHosts(t), takes: tt.takes}
				v := n.internet.Verifier()
				v.Dial = n.dial
				c := &dane.Checker{Verifier: v, Parallel: tt.parallel, FirstSuccess: true}
				start := time.Now()
				result, err := c.Verify(t.Context(), "a.example")
				if err != nil {
					t.Fatal(err)
				}
				const want = "success \nm1.a.example must-authenticate\n  192.0.2.1:25 false certificate-not-trusted\n" +
					"m2.a.example must-authenticate\n  192.0.2.2:25 true \n"
				if diff := cmp.Diff(want, facts(result)); diff != "" {
					t.Error(diff)
				}
				if elapsed := time.Since(start); n.all.Load() != tt.dials || n.now.Load() != 0 || elapsed != tt.elapsed {
					t.Errorf("%d connections in %s, %d go on; want %d in %s", n.all.Load(), elapsed, n.now.Load(), tt.dials, tt.elapsed)
				}
			})
		})
	}
}

// With FirstSuccess the other addresses of the good host are not waited for either,
// and hosts after one without DANE are not looked up.
func TestFirstSuccessWithinHosts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		internet := danetest.New(t,
			danetest.Domain{Name: "a.example", Hosts: one("3 1 1"), Zone: dnssectest.Zone{Records: "mail A 192.0.2.99"}},
			danetest.Domain{Name: "b.example", Hosts: []danetest.Host{{Name: "m1"}, {Name: "m2", TLSA: []string{"3 1 1"}}}})
		n := &network{internet: internet, takes: seconds(1)}
		v := internet.Verifier()
		v.Dial = n.dial
		c := &dane.Checker{Verifier: v, FirstSuccess: true}
		start := time.Now()
		result, err := c.Verify(t.Context(), "a.example")
		if err != nil || result.Outcome != dane.OutcomeSuccess || len(result.Hosts[0].Attempts) != 1 || time.Since(start) != time.Second {
			t.Errorf("%v, %v, %s", result, err, time.Since(start))
		}
		result, err = c.Verify(t.Context(), "b.example")
		if err != nil || result.Outcome != dane.OutcomeNone || len(result.Hosts) != 1 || time.Since(start) != time.Second {
			t.Errorf("%v, %v, %s", result, err, time.Since(start))
		}
	})
}

// When the caller has no more interest, all ends at once, and the result says so:
// unless the host that counts was known before, or had failed on its own.
func TestCancelledVerify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		takes   map[byte]time.Duration
		outcome dane.Outcome
		err     error
	}{
		{"nobody has answered", nil, dane.OutcomeFailure, context.Canceled},
		{"only a worse host has", map[byte]time.Duration{2: time.Second}, dane.OutcomeFailure, context.Canceled},
		{"the host that counts has", seconds(1, 1), dane.OutcomeSuccess, nil},
	} {
		for _, parallel := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s, limit %d", tt.name, parallel), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := &network{internet: fourHosts(t), takes: tt.takes}
					v := n.internet.Verifier()
					v.Dial = n.dial
					c := &dane.Checker{Verifier: v, Parallel: parallel}
					ctx, cancel := context.WithCancel(t.Context())
					time.AfterFunc(4*time.Second, cancel)
					start := time.Now()
					result, err := c.Verify(ctx, "a.example")
					if err != nil || result.Outcome != tt.outcome || !errors.Is(result.Err, tt.err) || len(result.Hosts) != 4 {
						t.Errorf("%s, %v, %d hosts; error %v", result.Outcome, result.Err, len(result.Hosts), err)
					}
					if failure := result.Failure(); failure.ResultType != "" || failure.Permanent {
						t.Errorf("reported as %+v", failure)
					}
					if time.Since(start) != 4*time.Second || n.now.Load() != 0 {
						t.Errorf("after %s %d connections go on", time.Since(start), n.now.Load())
					}
				})
			})
		}
	}
}

// A hook that panics leaves no goroutine behind: the bubble would not end.
func TestPanicInHook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &network{internet: fourHosts(t), takes: seconds(1)}
		v := n.internet.Verifier()
		v.Dial = n.dial
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		checker(v).Verify(dane.WithTrace(t.Context(), &dane.Trace{Attempt: func(*dane.Host, dane.Attempt) { panic("hook") }}), "a.example")
	})
}

// That a dialer speaks of a cancellation is a failure like any other, as long as it is
// not the caller's.
func TestCancelledDial(t *testing.T) {
	t.Parallel()
	internet := fourHosts(t)
	v := internet.Verifier()
	v.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == "192.0.2.1:25" {
			return nil, context.Canceled
		}
		return internet.Dial(ctx, network, address)
	}
	if result, err := checker(v).Verify(t.Context(), "a.example"); err != nil || result.Outcome != dane.OutcomeSuccess {
		t.Errorf("%v, %v", result, err)
	}
}

// A host that a route names twice is looked up and probed once, and they
// all share one budget at once.
func TestHostsAreProbedOnce(t *testing.T) {
	t.Parallel()
	var hosts []danetest.Host
	var route []string
	for i := range 8 {
		name := fmt.Sprintf("m%d", i)
		hosts = append(hosts, danetest.Host{Name: name, TLSA: []string{"3 1 1"}})
		route = append(route, name+".a.example", strings.ToUpper(name)+".A.example.")
	}
	n := &network{internet: danetest.New(t, danetest.Domain{Name: "a.example", Hosts: hosts}), takes: seconds(make([]int, 8)...)}
	v := n.internet.Verifier()
	v.Dial, v.Policy = n.dial, policy(t, dane.Profile{Route: dane.Route{Hosts: route}})
	c := &dane.Checker{Verifier: v, Parallel: 8}
	result, err := c.Verify(t.Context(), "a.example")
	if err != nil || result.Outcome != dane.OutcomeSuccess || len(result.Hosts) != 8 || n.all.Load() != 8 {
		t.Fatalf("%v, %v, %d connections", result, err, n.all.Load())
	}
	for i, h := range result.Hosts {
		if h.Name != fmt.Sprintf("m%d.a.example", i) || len(h.Attempts) != 1 || !h.Attempts[0].Authenticated {
			t.Errorf("host %d: %s, %v", i, h.Name, h.Err)
		}
	}
	asked := make(map[string]int)
	for _, q := range n.internet.DNS.Questions() {
		if q.Qtype == dns.TypeA || q.Qtype == dns.TypeTLSA {
			asked[q.Name+" "+dns.TypeToString[q.Qtype]]++
		}
	}
	for question, times := range asked {
		if times > 1 {
			t.Errorf("asked %d times for %s", times, question)
		}
	}
	if len(asked) != 2*8 {
		t.Errorf("asked for %v", asked)
	}
}
