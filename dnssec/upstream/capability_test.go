package upstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

func TestProbe(t *testing.T) {
	t.Parallel()
	drop := func(types ...uint16) func(_, reply *dns.Msg) {
		return func(_, reply *dns.Msg) {
			for _, section := range []*[]dns.RR{&reply.Answer, &reply.Ns} {
				var kept []dns.RR
				for _, rr := range *section {
					gone := false
					for _, rrtype := range types {
						gone = gone || rr.Header().Rrtype == rrtype
					}
					if !gone {
						kept = append(kept, rr)
					}
				}
				*section = kept
			}
		}
	}
	forDenials := func(change func(query, reply *dns.Msg)) func(query, reply *dns.Msg) {
		return func(query, reply *dns.Msg) {
			if query.Question[0].Qtype == dns.TypeDS {
				change(query, reply)
			}
		}
	}
	wildcard := func(query, reply *dns.Msg) {
		reply.Rcode = dns.RcodeSuccess
		reply.Answer = append(reply.Answer, rr(query.Question[0].Name+" 60 DS 1 13 2 00"), sig(query.Question[0].Name, "DS"))
	}
	nsec3 := func(query, reply *dns.Msg) {
		drop(dns.TypeNSEC)(query, reply)
		reply.Ns = append(reply.Ns, rr("x. 60 NSEC3 1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR NS"), sig("x.", "NSEC3"))
	}
	for _, tt := range []struct {
		name   string
		server behaviour
		causes []Cause
		err    string // why it could not be judged
	}{
		{name: "a good server", server: good},
		{name: "a good server with NSEC3", server: but(forDenials(nsec3))},
		{name: "a zone with a wildcard", server: but(forDenials(wildcard))},
		{name: "keys come over TCP only", server: wire(func(packet []byte) [][]byte { packet[2] |= flagTC; return [][]byte{packet} })},
		{name: "no OPT record", server: but(func(_, reply *dns.Msg) { reply.Extra = nil }), causes: []Cause{NoEDNS}},
		{name: "DNSKEY is unknown to it", server: but(drop(dns.TypeDNSKEY)), causes: []Cause{NoKeys}},
		{name: "no RRSIG", server: but(drop(dns.TypeRRSIG)), causes: []Cause{DropsSignatures, DropsDenials}},
		{name: "no NSEC", server: but(drop(dns.TypeNSEC)), causes: []Cause{DropsDenials}},
		{name: "no RRSIG with NSEC", server: but(forDenials(drop(dns.TypeRRSIG))), causes: []Cause{DropsDenials}},
		{name: "RRSIG only, and not the keys, is no key set", server: but(func(query, reply *dns.Msg) {
			if query.Question[0].Qtype == dns.TypeDNSKEY {
				reply.Answer = []dns.RR{sig(".", "DNSKEY")}
			}
		}), causes: []Cause{NoKeys}},
		{name: "the signature covers something else", server: but(func(query, reply *dns.Msg) {
			if query.Question[0].Qtype == dns.TypeDNSKEY {
				reply.Answer[1] = sig(".", "SOA")
			}
		}), causes: []Cause{DropsSignatures}},
		{name: "SERVFAIL for denials", server: but(failsDenials), causes: []Cause{FailsDenials}},
		{name: "SERVFAIL with DNSSEC only", server: but(ifDNSSEC(refusing(dns.RcodeServerFailure))), causes: []Cause{FailsDNSSEC}},
		{name: "silence with DNSSEC only", server: func(network string, query *dns.Msg) [][]byte {
			if isDNSSEC(query) {
				return nil
			}
			return good(network, query)
		}, causes: []Cause{FailsDNSSEC}},
		{name: "large answers do not arrive", server: func(network string, query *dns.Msg) [][]byte {
			packets := good(network, query)
			if isDNSSEC(query) {
				packets[0][2] |= flagTC
			}
			if network == "tcp" {
				return nil
			}
			return packets
		}, causes: []Cause{FailsDNSSEC}},
		{name: "SERVFAIL for everything", server: but(refusing(dns.RcodeServerFailure)), err: "upstream: 192.0.2.1:53: . DNSKEY: server answered SERVFAIL"},
		{name: "nobody there", server: nil, err: "connection refused"},
		{name: "silence", server: silent, err: "no reply in time"},
		{name: "silence for denials", server: func(network string, query *dns.Msg) [][]byte {
			if query.Question[0].Qtype == dns.TypeDS {
				return nil
			}
			return good(network, query)
		}, err: "no reply in time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := newNet(t, map[string]behaviour{addr1: tt.server})
				c := Probe(t.Context(), &Client{Address: addr1, Dial: net.dial}, "")
				if diff := cmp.Diff(tt.causes, c.Causes); diff != "" {
					t.Errorf("causes (-want +got):\n%s", diff)
				}
				if (c.Err != nil) != (tt.err != "") || c.Err != nil && !strings.Contains(c.Err.Error(), tt.err) {
					t.Errorf("got the error %v, want %q", c.Err, tt.err)
				}
				if capable := tt.causes == nil && tt.err == ""; c.Capable() != capable || c.Incapable() != (tt.causes != nil) {
					t.Errorf("capable: %t, incapable: %t", c.Capable(), c.Incapable())
				}
				if c.Server != addr1+":53" || c.Zone != "." {
					t.Errorf("of %q at %q", c.Server, c.Zone)
				}
			})
		})
	}
}

func TestProbeBelowTheRoot(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	names := map[string]string{}
	net := newNet(t, map[string]behaviour{addr1: func(network string, query *dns.Msg) [][]byte {
		q := query.Question[0]
		mu.Lock()
		names[dns.TypeToString[q.Qtype]] = q.Name
		mu.Unlock()
		reply := resolve(query)
		if q.Qtype == dns.TypeDNSKEY {
			reply.Rcode, reply.Answer = dns.RcodeSuccess, []dns.RR{rr("Corp.Test. 60 DNSKEY 257 3 13 a2V5"), sig("corp.test.", "DNSKEY")}
		}
		return [][]byte{pack(network, query, reply)}
	}})
	// A Pool in its place is to judge its servers at that zone, too.
	client := &Client{Address: addr1, Dial: net.dial}
	c := Probe(t.Context(), exchangerFunc(func(ctx context.Context, q *Query) (*Reply, error) {
		if q.Anchor != "corp.test." {
			t.Errorf("the anchor is %q", q.Anchor)
		}
		return client.Exchange(ctx, q)
	}), "Corp.Test")
	if !c.Capable() || c.Zone != "corp.test." {
		t.Errorf("got %+v", c)
	}
	mu.Lock()
	defer mu.Unlock()
	if names["DNSKEY"] != "corp.test." || !strings.HasSuffix(names["DS"], ".corp.test.") {
		t.Errorf("asked for %v", names)
	}
}

type exchangerFunc func(context.Context, *Query) (*Reply, error)

func (f exchangerFunc) Exchange(ctx context.Context, q *Query) (*Reply, error) { return f(ctx, q) }

// How plain queries fare is of no interest where others do well.
func TestProbeDoesNotWaitForThePlainReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr1: func(network string, query *dns.Msg) [][]byte {
			if !isDNSSEC(query) {
				return nil
			}
			return good(network, query)
		}})
		start := time.Now()
		c := Probe(t.Context(), &Client{Address: addr1, Dial: net.dial}, ".")
		if !c.Capable() || time.Since(start) != 0 {
			t.Errorf("%s after %s", c, time.Since(start))
		}
	})
}

// Nothing known must not look like nothing wrong.
func TestZeroCapability(t *testing.T) {
	t.Parallel()
	var c Capability
	if c.Capable() || c.Incapable() || c.String() != "was not judged" {
		t.Errorf("%q, capable: %t", c, c.Capable())
	}
	if text := new(CapabilityError).Error(); text != "upstream: no server is capable of DNSSEC" {
		t.Errorf("got %q", text)
	}
}

func TestCapabilityErrorSaysWhy(t *testing.T) {
	t.Parallel()
	cut := &Error{Server: "192.0.2.3:53", Network: "udp", Name: ".", Type: dns.TypeDNSKEY, Err: errors.New("cable cut")}
	var err error = &CapabilityError{Servers: []Capability{
		{Server: "192.0.2.1:53", Zone: ".", Causes: []Cause{NoEDNS, NoKeys}},
		{Server: "192.0.2.2:53", Zone: ".", Causes: []Cause{Cause(99)}},
		{Server: "192.0.2.3:53", Zone: ".", Err: cut},
	}}
	const want = "upstream: no server is capable of DNSSEC: 192.0.2.1:53 answers without EDNS; has no DNSKEY records for a signed zone" +
		"; 192.0.2.2:53 cause 99; 192.0.2.3:53 over udp: . DNSKEY: cable cut"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	err = fmt.Errorf("dnssec: %w", errors.Join(errors.New("else"), err))
	if e, ok := errors.AsType[*CapabilityError](err); !ok || len(e.Servers) != 3 || !errors.Is(err, cut.Err) {
		t.Errorf("got %v", err)
	}
}

// probeKeys is in the log once for each probe.
const probeKeys = "udp . DNSKEY"

func TestGoodServersAreNotProbedForSignedZones(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr1: good})
		pool := net.pool(addr1)
		for _, name := range []string{"signed.test.", "nobody."} {
			if _, err := pool.Exchange(t.Context(), &Query{Msg: question(name, dns.TypeA)}); err != nil {
				t.Error(err)
			}
		}
		if got := net.queries(""); got != 2 {
			t.Errorf("%d queries, want 2", got)
		}
	})
}

func TestWhatIsKnownOfAServerExpires(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		server behaviour
		life   time.Duration
	}{
		{"capable", good, capableLife},
		{"incapable", but(stripping), incapableLife},
		{"incapable, as far as SERVFAIL shows", but(func(query, reply *dns.Msg) {
			if query.Question[0].Qtype == dns.TypeDS {
				failsDenials(query, reply)
			}
		}), transientLife},
		{"no telling", but(func(query, reply *dns.Msg) {
			if query.Question[0].Name != "unsigned.test." {
				refusing(dns.RcodeServerFailure)(query, reply)
			}
		}), transientLife},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
			net := newNet(t, map[string]behaviour{addr1: tt.server})
			pool := net.pool(addr1)
			pool.Time = func() time.Time { return now }
			ask := func(want int) {
				t.Helper()
				reply, err := pool.Exchange(t.Context(), &Query{Msg: question("unsigned.test.", dns.TypeA)})
				if (err == nil) != (tt.name == "capable") {
					t.Errorf("got %s", outcome(reply, err))
				}
				if got := net.queries(probeKeys); got != want {
					t.Errorf("probed %d times, want %d", got, want)
				}
			}
			ask(1)
			now = now.Add(tt.life - 1)
			ask(1)
			now = now.Add(1)
			ask(2)
		})
	}
}

func TestIncapableServersAreNotEvenAsked(t *testing.T) {
	t.Parallel()
	net := newNet(t, map[string]behaviour{addr1: but(stripping), addr2: good})
	pool := net.pool(addr1, addr2)
	for range 3 {
		reply, err := pool.Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)})
		wantAnswer(t, reply, err, addr2+":53 udp")
	}
	if got := net.queries(addr1 + " udp signed.test. A"); got != 1 {
		t.Errorf("asked %d times, want once", got)
	}
	// For others it is as good as any.
	reply, err := pool.Exchange(t.Context(), &Query{Msg: plain("signed.test.", dns.TypeA)})
	wantAnswer(t, reply, err, addr1+":53 udp")
}

func TestCapabilityIsPerZone(t *testing.T) {
	t.Parallel()
	net := newNet(t, map[string]behaviour{addr1: good})
	pool := net.pool(addr1)
	ask := func(anchor string) error {
		_, err := pool.Exchange(t.Context(), &Query{Msg: question("unsigned.test.", dns.TypeA), Anchor: anchor})
		return err
	}
	if err := ask(""); err != nil {
		t.Error(err)
	}
	// The server knows nothing of such a zone: its silence on signatures proves nothing.
	e, ok := errors.AsType[*CapabilityError](ask("Private."))
	if !ok || !strings.Contains(e.Error(), NoKeys.String()) || e.Servers[0].Zone != "private." {
		t.Errorf("got %v", e)
	}
	for i := range 3 * maxZones {
		ask(fmt.Sprintf("zone%d.", i))
	}
	if got := len(pool.servers[0].capabilities); got > maxZones {
		t.Errorf("%d judgements are kept", got)
	}
}

func TestOneProbeServesAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr1: slow(time.Second/2, good)})
		pool := net.pool(addr1)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				reply, err := pool.Exchange(t.Context(), &Query{Msg: question("unsigned.test.", dns.TypeA)})
				wantAnswer(t, reply, err, addr1+":53 udp")
			})
		}
		all.Wait()
		if got := net.queries(probeKeys); got != 1 {
			t.Errorf("%d probes, want 1", got)
		}
	})
}

// withProbe serves the queries of a probe in another way.
func withProbe(probe behaviour) behaviour {
	return func(network string, query *dns.Msg) [][]byte {
		if query.Question[0].Qtype != dns.TypeA {
			return probe(network, query)
		}
		return good(network, query)
	}
}

func TestWaitersLeaveAProbeAsTheyLike(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr1: withProbe(slow(600*time.Millisecond, good))})
		pool := net.pool(addr1)
		start := time.Now()
		var all sync.WaitGroup
		all.Go(func() { // the first, for whom the probe was started
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := pool.Exchange(ctx, &Query{Msg: question("unsigned.test.", dns.TypeA)})
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 100*time.Millisecond {
				t.Errorf("%v after %s", err, time.Since(start))
			}
		})
		time.Sleep(50 * time.Millisecond)
		all.Go(func() {
			reply, err := pool.Exchange(t.Context(), &Query{Msg: question("unsigned.test.", dns.TypeA)})
			wantAnswer(t, reply, err, addr1+":53 udp")
			if time.Since(start) != 600*time.Millisecond {
				t.Errorf("after %s", time.Since(start))
			}
		})
		all.Wait()
		if got := net.queries(probeKeys); got != 1 {
			t.Errorf("%d probes, want 1", got)
		}
	})
}

func TestProbeEndsWithItsLastWaiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr1: withProbe(first(silent, first(silent, good)))})
		pool := net.pool(addr1)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		q := &Query{Msg: question("unsigned.test.", dns.TypeA)}
		if _, err := pool.Exchange(ctx, q); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		synctest.Wait()
		sent := net.queries("")
		time.Sleep(transientLife - time.Second) // and no longer than what it found would last
		if got := net.queries("") - sent; got != 0 {
			t.Errorf("%d queries of a probe that nobody waits for", got)
		}
		// That it was given up is not held against the server.
		reply, err := pool.Exchange(t.Context(), q)
		wantAnswer(t, reply, err, addr1+":53 udp")
	})
}

// The reply of a server whose capability cannot be found out never passes as that of an unsigned
// zone; nor is it the last word on the server.
func TestRepliesOfUnknownCapability(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{addr1: withProbe(silent), addr2: good})
		q := &Query{Msg: question("unsigned.test.", dns.TypeA)}
		_, err := net.pool(addr1).Exchange(t.Context(), q)
		_, incapable := errors.AsType[*CapabilityError](err)
		if err == nil || incapable || !strings.Contains(err.Error(), "reply has no signatures") {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		reply, err := net.pool(addr1, addr2).Exchange(ctx, q)
		wantAnswer(t, reply, err, addr2+":53 udp")
	})
}
