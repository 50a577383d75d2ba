package upstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

const (
	addr1 = "192.0.2.1"
	addr2 = "192.0.2.2"
)

func dropsTLSA(network string, query *dns.Msg) [][]byte {
	if query.Question[0].Qtype == dns.TypeTLSA {
		return nil
	}
	return good(network, query)
}

func referring(_, reply *dns.Msg) {
	reply.Answer, reply.Ns, reply.Rcode = nil, []dns.RR{rr("test. 60 NS ns.test.")}, dns.RcodeSuccess
}

func droppingDO(network string, query *dns.Msg) [][]byte {
	if isDNSSEC(query) {
		return nil
	}
	return good(network, query)
}

func withoutEDNS(_, reply *dns.Msg) { reply.Extra = nil; strip(reply) }

// faults is the table that the package's documentation has in short form.
// The server with the fault is asked alone, and with a good one behind it.
var faults = []struct {
	name   string
	server behaviour
	query  *dns.Msg // nil: the address of signed.test
	// What comes of it. With two servers the good one answers, unless it is said here
	// that the first one does.
	alone   string // a server, or part of an error
	causes  []Cause
	first   bool
	elapsed time.Duration // until the good server's answer
}{
	{name: "none", server: good, alone: addr1 + ":53 udp", first: true},
	{name: "none, and the zone is unsigned", server: good, query: question("unsigned.test.", dns.TypeA), alone: addr1 + ":53 udp", first: true},
	{name: "dead", server: nil, alone: "connection refused"},
	{name: "silent", server: silent, alone: "no reply in time", elapsed: defaultTimeout},
	{name: "silent over UDP", server: byNetwork(silent, good), alone: addr1 + ":53 tcp", elapsed: defaultTimeout},
	{name: "silent for one type", server: dropsTLSA, query: question("_25._tcp.signed.test.", dns.TypeTLSA), alone: "no reply in time", elapsed: defaultTimeout},
	{name: "forgeries come first", server: wire(func(packet []byte) [][]byte {
		var packets [][]byte
		for i := range 10 {
			forged := append([]byte(nil), packet...)
			forged[0] ^= byte(i + 1)
			packets = append(packets, forged)
		}
		return append(packets, packet)
	}), alone: addr1 + ":53 udp", first: true},
	{name: "garbage behind the message", server: wire(func(packet []byte) [][]byte { return [][]byte{append(packet, 0)} }),
		alone: addr1 + ":53 tcp", first: true, elapsed: fallbackDelay},
	{name: "a record that nobody can read", server: cut(good), alone: "malformed message", elapsed: fallbackDelay},
	{name: "truncates over UDP", server: wire(func(packet []byte) [][]byte { packet[2] |= flagTC; return [][]byte{packet} }),
		alone: addr1 + ":53 tcp", first: true},
	{name: "truncates everything", server: but(func(_, reply *dns.Msg) { reply.Truncated = true }), alone: "reply is truncated"},
	{name: "SERVFAIL", server: but(refusing(dns.RcodeServerFailure)), alone: "SERVFAIL"},
	{name: "REFUSED", server: but(refusing(dns.RcodeRefused)), alone: "REFUSED"},
	{name: "NOTIMP", server: but(refusing(dns.RcodeNotImplemented)), alone: "NOTIMP"},
	{name: "FORMERR", server: but(refusing(dns.RcodeFormatError)), alone: "FORMERR"},
	{name: "lame", server: but(referring), alone: "referral"},
	{name: "SERVFAIL when asked with DNSSEC", server: but(ifDNSSEC(refusing(dns.RcodeServerFailure))), alone: "fails when asked with DNSSEC", causes: []Cause{FailsDNSSEC}},
	{name: "FORMERR when asked with EDNS", server: but(ifDNSSEC(refusing(dns.RcodeFormatError))), alone: "fails when asked with DNSSEC", causes: []Cause{FailsDNSSEC}},
	{name: "SERVFAIL for denials with DNSSEC", server: but(failsDenials), query: question("nobody.", dns.TypeA),
		alone: "fails for names that do not exist", causes: []Cause{FailsDenials}},
	{name: "drops DNSSEC records, and the zone is signed", server: but(stripping),
		alone: "drops DNSSEC records", causes: []Cause{DropsSignatures, DropsDenials}},
	{name: "drops DNSSEC records, and the zone is unsigned", server: but(stripping), query: question("unsigned.test.", dns.TypeA),
		alone: "drops DNSSEC records", causes: []Cause{DropsSignatures, DropsDenials}},
	{name: "knows no EDNS", server: but(withoutEDNS), alone: "answers without EDNS", causes: []Cause{NoEDNS, DropsSignatures, DropsDenials}},
	{name: "drops queries with DNSSEC", server: droppingDO, alone: "fails when asked with DNSSEC", causes: []Cause{FailsDNSSEC}, elapsed: defaultTimeout},
	{name: "drops DNSSEC records, but nobody asks for them", server: but(stripping), query: plain("signed.test.", dns.TypeA),
		alone: addr1 + ":53 udp", first: true},
}

func TestPoolAgainstFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range faults {
		query := tt.query
		if query == nil {
			query = question("signed.test.", dns.TypeA)
		}
		t.Run(tt.name+", and no other server", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := newNet(t, map[string]behaviour{addr1: tt.server})
				reply, err := net.pool(addr1).Exchange(t.Context(), &Query{Msg: query})
				incapable, ok := errors.AsType[*CapabilityError](err)
				if ok != (tt.causes != nil) || ok && fmt.Sprint(incapable.Servers[0].Causes) != fmt.Sprint(tt.causes) {
					t.Errorf("got %v, want the causes %v", err, tt.causes)
				}
				if got := outcome(reply, err); !strings.Contains(got, tt.alone) || !strings.Contains(got, addr1) {
					t.Errorf("got %s, want %s", got, tt.alone)
				}
				if err == nil && reply.Msg.Truncated {
					t.Error("the reply is truncated")
				}
			})
		})
		t.Run(tt.name+", before a good server", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := newNet(t, map[string]behaviour{addr1: tt.server, addr2: good})
				start := time.Now()
				reply, err := net.pool(addr1, addr2).Exchange(t.Context(), &Query{Msg: query})
				if elapsed := time.Since(start); elapsed != tt.elapsed {
					t.Errorf("took %s, want %s", elapsed, tt.elapsed)
				}
				want := addr2
				if tt.first {
					want = addr1
				}
				if err == nil && tt.first != (len(reply.PassedOver) == 0) {
					t.Errorf("passed over: %v", reply.PassedOver)
				}
				if err != nil || reply.Server != want+":53" || isRefusal(reply.Msg) && query.Question[0].Name != "nobody." {
					t.Errorf("got %s, want an answer of %s", outcome(reply, err), want)
				}
			})
		})
	}
}

// A server that answers is not put behind others for what a domain has in its records.
func TestRepliesThatCannotBeReadCauseNoBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr2: good, addr1: named(map[string]behaviour{"odd": cut(good)})})
		pool := net.pool(addr1, addr2)
		for _, q := range []struct{ name, server string }{{"odd.signed.test.", addr2}, {"even.signed.test.", addr1}} {
			reply, err := pool.Exchange(t.Context(), &Query{Msg: question(q.name, dns.TypeA)})
			if err != nil || reply.Server != q.server+":53" {
				t.Errorf("%s: got %s, want an answer of %s", q.name, outcome(reply, err), q.server)
			}
		}
		closeAll(pool)
	})
}

// A pool of three, as in the worst of days.
func TestDeadThenStrippingThenGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr2: but(stripping), "192.0.2.3": good})
		pool := net.pool(addr1, addr2, "192.0.2.3")
		for _, name := range []string{"signed.test.", "unsigned.test.", "nobody.", "signed.test."} {
			reply, err := pool.Exchange(t.Context(), &Query{Msg: question(name, dns.TypeA)})
			if err != nil || reply.Server != "192.0.2.3:53" {
				t.Errorf("%s: got %s", name, outcome(reply, err))
			}
			var why []string
			for _, err := range reply.PassedOver {
				why = append(why, err.Error())
			}
			slices.Sort(why)
			if len(why) != 2 || !strings.Contains(why[0], addr1) || !strings.Contains(why[0], "connection refused") ||
				!strings.Contains(why[1], addr2+":53 drops DNSSEC records") {
				t.Errorf("%s: passed over: %q", name, why)
			}
		}
	})
}

func TestEveryServerFails(t *testing.T) {
	t.Parallel()
	servFail, refused := but(refusing(dns.RcodeServerFailure)), but(refusing(dns.RcodeRefused))
	for _, tt := range []struct {
		name    string
		servers []behaviour
		query   *dns.Msg
		want    []string // in the outcome
	}{
		{"network errors name each server", []behaviour{nil, silent}, question("signed.test.", dns.TypeA),
			[]string{"upstream: no server gave an answer: 192.0.2.1:53 over udp", "connection refused; 192.0.2.2:53 over udp", "no reply in time; over tcp: no reply in time"}},
		{"the last SERVFAIL is the best reply", []behaviour{servFail, servFail, refused}, question("signed.test.", dns.TypeA),
			[]string{"192.0.2.2:53 SERVFAIL"}},
		{"the last SERVFAIL, not asking for DNSSEC", []behaviour{servFail, servFail, refused}, plain("signed.test.", dns.TypeA),
			[]string{"192.0.2.2:53 SERVFAIL"}},
		{"a reply is better than errors", []behaviour{nil, refused, silent}, question("signed.test.", dns.TypeA),
			[]string{"192.0.2.2:53 REFUSED"}},
		{"SERVFAIL of a capable server is about the name", []behaviour{but(stripping), good, refused}, question("broken.test.", dns.TypeA),
			[]string{"192.0.2.2:53 SERVFAIL"}},
		{"SERVFAIL for everything beside an incapable server", []behaviour{but(stripping), servFail}, question("signed.test.", dns.TypeA),
			[]string{"no server is capable of DNSSEC: 192.0.2.1:53 drops DNSSEC records", "192.0.2.2:53", "server answered SERVFAIL"}},
		{"dead beside an incapable server", []behaviour{but(stripping), nil}, question("signed.test.", dns.TypeA),
			[]string{"192.0.2.1:53 drops DNSSEC records", "192.0.2.2:53 over udp: signed.test. A: dial udp: connection refused"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				servers, addresses := map[string]behaviour{}, []string(nil)
				for i, serve := range tt.servers {
					addresses = append(addresses, fmt.Sprintf("192.0.2.%d", i+1))
					servers[addresses[i]] = serve
				}
				got := outcome(newNet(t, servers).pool(addresses...).Exchange(t.Context(), &Query{Msg: tt.query}))
				for _, want := range tt.want {
					if !strings.Contains(got, want) {
						t.Errorf("got %s, want %s", got, want)
					}
				}
				if n := strings.Count(got, "upstream: "); n > 1 {
					t.Errorf("%s: %d times the package's name", got, n)
				}
			})
		})
	}
}

func TestCausesAreVisible(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr2: silent})
		_, err := net.pool(addr1, addr2).Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
		e, ok := errors.AsType[*Error](err)
		if !errors.Is(err, syscall.ECONNREFUSED) || !errors.Is(err, context.DeadlineExceeded) || !ok || e.Name != "signed.test." {
			t.Errorf("got %v", err)
		}
	})
}

// A server that does not answer must not cost its time with each query, nor be
// forgotten.
func TestSilentServerIsInBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr1: firstPackets(silent, good), addr2: good})
		pool := net.pool(addr1, addr2)
		for _, step := range []struct {
			wait    time.Duration
			server  string
			elapsed time.Duration
		}{
			{0, addr2, defaultTimeout}, // five packets to the first server
			{0, addr2, 0},
			{backoffTime - time.Second, addr2, 0},
			{time.Second, addr1, 0},
			{0, addr1, 0},
		} {
			time.Sleep(step.wait)
			start := time.Now()
			reply, err := pool.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
			if err != nil || reply.Server != step.server+":53" || time.Since(start) != step.elapsed {
				t.Errorf("got %s after %s; want %s after %s", outcome(reply, err), time.Since(start), step.server, step.elapsed)
			}
		}
	})
}

// Resting servers are better than none.
func TestServersInBackoffAreAskedLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr1: firstPackets(silent, good)})
		pool := net.pool(addr1, addr2)
		q := &Query{Msg: question("signed.test.", dns.TypeA)}
		if reply, err := pool.Exchange(t.Context(), q); err == nil {
			t.Fatalf("got %s", outcome(reply, err))
		}
		reply, err := pool.Exchange(t.Context(), q)
		wantAnswer(t, reply, err, addr1+":53 udp")
	})
}

func TestBackoffEndsWithAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr1: firstPackets(silent, good), addr2: good})
		pool := net.pool(addr1, addr2)
		q := &Query{Msg: question("signed.test.", dns.TypeA)}
		reply, err := pool.Exchange(t.Context(), q)
		wantAnswer(t, reply, err, addr2+":53 udp")
		reply, err = pool.Exchange(t.Context(), &Query{Msg: q.Msg, Avoid: []string{addr2 + ":53"}})
		wantAnswer(t, reply, err, addr1+":53 udp")
		reply, err = pool.Exchange(t.Context(), q)
		wantAnswer(t, reply, err, addr1+":53 udp")
	})
}

func TestImpatientCallersCauseNoBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr1: slow(2*time.Second, good), addr2: good})
		pool := net.pool(addr1, addr2)
		q := &Query{Msg: question("signed.test.", dns.TypeA)}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := pool.Exchange(ctx, q); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		reply, err := pool.Exchange(t.Context(), q)
		wantAnswer(t, reply, err, addr1+":53 udp")
	})
}

// SERVFAIL is mostly the fault of the name's own servers.
func TestServFailCausesNoBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr1: good, addr2: good})
		pool := net.pool(addr1, addr2)
		if got := outcome(pool.Exchange(t.Context(), &Query{Msg: question("broken.test.", dns.TypeA)})); got != addr2+":53 SERVFAIL" {
			t.Errorf("got %s", got)
		}
		reply, err := pool.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
		wantAnswer(t, reply, err, addr1+":53 udp")
	})
}

func TestDeadServersLeaveTimeForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr1: silent, addr2: silent, "192.0.2.3": slow(100*time.Millisecond, good)})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		reply, err := net.pool(addr1, addr2, "192.0.2.3").Exchange(ctx, &Query{Msg: question("signed.test.", dns.TypeA)})
		wantAnswer(t, reply, err, "192.0.2.3:53 udp")
		if ctx.Err() != nil {
			t.Error("the deadline has passed")
		}
	})
}

// An Exchanger that heeds nothing but its context.
type endless struct{}

func (endless) Exchange(ctx context.Context, _ *Query) (*Reply, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestTheWholeWaitIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pool := &Pool{Exchangers: []Exchanger{endless{}, endless{}}}
		start := time.Now()
		_, err := pool.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
		if err == nil || time.Since(start) != defaultTimeout+maxTry {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		if !strings.Contains(err.Error(), "server 1: signed.test. A") || !strings.Contains(err.Error(), "server 2") {
			t.Errorf("%v does not name the servers", err)
		}
		start = time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err = pool.Exchange(ctx, &Query{Msg: question("signed.test.", dns.TypeA)}); !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
			t.Errorf("cancelled: %v after %s", err, time.Since(start))
		}
	})
}

type nothing struct{}

func (nothing) Exchange(context.Context, *Query) (*Reply, error) { return nil, nil }

func TestExchangerWithoutReplyOrError(t *testing.T) {
	t.Parallel()
	pool := &Pool{Exchangers: []Exchanger{nothing{}}}
	if _, err := pool.Exchange(t.Context(), &Query{Msg: plain("signed.test.", dns.TypeA)}); !errors.Is(err, errNoReply) {
		t.Errorf("got %v", err)
	}
}

func TestAvoid(t *testing.T) {
	t.Parallel()
	const one, two = addr1 + ":53", addr2 + ":53"
	// A server that drops signatures only here and there is found out late.
	sloppy := but(func(query, reply *dns.Msg) {
		if query.Question[0].Name != "signed.test." {
			strip(reply)
		}
	})
	for _, tt := range []struct {
		name          string
		first, second behaviour
		avoid         []string
		want          string // in the outcome
	}{
		{"the next server is asked", good, good, []string{one}, two + " udp"},
		{"the first server is asked again, if it is not avoided", good, good, []string{two}, one + " udp"},
		{"nobody is left, and all are capable", good, good, []string{one, two}, ErrExhausted.Error()},
		{"an incapable server does not stand in for the answer of a good one", but(stripping), good, []string{two}, ErrExhausted.Error()},
		{"an incapable one was to blame", sloppy, sloppy, []string{one, two}, "no server is capable of DNSSEC: 192.0.2.1:53 drops"},
		{"an incapable one was to blame, and the other is dead", sloppy, nil, []string{one}, "no server is capable of DNSSEC: 192.0.2.1:53 drops"},
		{"an incapable one was to blame, and the other, capable, fails", sloppy, but(func(query, reply *dns.Msg) {
			if query.Question[0].Name == "signed.test." {
				refusing(dns.RcodeServerFailure)(query, reply)
			}
		}), []string{one}, "no server is capable of DNSSEC: 192.0.2.1:53 drops"},
		{"the other one is dead", good, nil, []string{one}, "192.0.2.2:53 over udp: signed.test. A: dial udp: connection refused"},
		{"it cannot be found out who was to blame", silent, silent, []string{one, two}, ErrExhausted.Error() + ": 192.0.2.1:53"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := newNet(t, map[string]behaviour{addr1: tt.first, addr2: tt.second})
				reply, err := net.pool(addr1, addr2).Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA), Avoid: tt.avoid})
				if got := outcome(reply, err); !strings.Contains(got, tt.want) {
					t.Errorf("got %s, want %s", got, tt.want)
				}
				if exhausted := strings.HasPrefix(tt.want, ErrExhausted.Error()); errors.Is(err, ErrExhausted) != exhausted {
					t.Errorf("%v is ErrExhausted: %t", err, !exhausted)
				}
			})
		})
	}
}

func TestPoolsCompose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr1: but(stripping), addr2: good})
		pool := &Pool{Exchangers: []Exchanger{net.pool(addr1), net.pool(addr2)}}
		q := &Query{Msg: question("signed.test.", dns.TypeA)}
		reply, err := pool.Exchange(t.Context(), q)
		wantAnswer(t, reply, err, addr2+":53 udp")
		q.Avoid = []string{reply.Server}
		if _, err := pool.Exchange(t.Context(), q); !errors.Is(err, ErrExhausted) {
			t.Errorf("got %v", err)
		}
		pool = &Pool{Exchangers: []Exchanger{net.pool(addr1), net.pool(addr1)}}
		_, err = pool.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
		if e, ok := errors.AsType[*CapabilityError](err); !ok || len(e.Servers) != 2 {
			t.Errorf("got %v", err)
		}
	})
}
