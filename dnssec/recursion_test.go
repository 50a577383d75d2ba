package dnssec_test

import (
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// Whatever moves the queries, the contract is kept.
func TestEveryExchangerKeepsTheContract(t *testing.T) {
	t.Parallel()
	listen := func(t *testing.T, world *dnssectest.Internet) string {
		address, err := world.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return address
	}
	for name, open := range map[string]func(*testing.T, *dnssectest.Internet) upstream.Exchanger{
		"Client": func(t *testing.T, world *dnssectest.Internet) upstream.Exchanger {
			return &upstream.Client{Address: listen(t, world)}
		},
		"Client over TCP": func(t *testing.T, world *dnssectest.Internet) upstream.Exchanger {
			return &upstream.Client{Address: "tcp://" + listen(t, world)}
		},
		"Pool": func(t *testing.T, world *dnssectest.Internet) upstream.Exchanger {
			pool, err := upstream.Servers(listen(t, world))
			if err != nil {
				t.Fatal(err)
			}
			return pool
		},
		"Recursor": func(t *testing.T, world *dnssectest.Internet) upstream.Exchanger { return world.Recursor() },
		"Pool of a Recursor": func(t *testing.T, world *dnssectest.Internet) upstream.Exchanger {
			return &upstream.Pool{Exchangers: []upstream.Exchanger{world.Recursor()}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dnssectest.TestLookup(t, func(t *testing.T, world *dnssectest.Internet) dnssectest.Lookuper {
				return &dnssec.Resolver{Exchanger: open(t, world), Anchors: world.Anchors()}
			})
		})
	}
}

// A forwarder and the authoritative servers lead to the same answers.
func TestRecursorGivesTheSameAnswers(t *testing.T) {
	t.Parallel()
	for _, denial := range []dnssectest.Denial{dnssectest.NSEC, dnssectest.NSEC3, dnssectest.NSEC3OptOut} {
		world := dnssectest.New(t,
			dnssectest.Zone{Name: "test.", Denial: denial},
			dnssectest.Zone{Name: "shapes.test.", Denial: denial, Records: shapes + "\nnowhere NS ns.nowhere.test.\naway CNAME www.unsigned.test."},
			dnssectest.Zone{Name: "sub.sub.shapes.test.", Denial: denial, Records: "@ MX 10 mail"},
			dnssectest.Zone{Name: "unsigned.test.", Unsigned: true, Records: "www A 192.0.2.1"},
			dnssectest.Zone{Name: "broken.test.", Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.WrongDS}, Records: "@ MX 10 mail"},
		)
		forwarded := world.Resolver()
		recursive := &dnssec.Resolver{Exchanger: world.Recursor(), Anchors: world.Anchors()}
		questions := []string{"sub.sub.shapes.test. MX", "sub.shapes.test. A", "unsigned.test. MX", "x.unsigned.test. A", "broken.test. MX",
			"away.shapes.test. A", "test. DS", "shapes.test. DS", "unsigned.test. DS", ". DNSKEY", "nobody. A"}
		for _, q := range shapeQuestions {
			questions = append(questions, q.question)
		}
		for _, q := range questions {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			want, _ := lookupBy(ctx, forwarded, q)
			got, err := lookupBy(ctx, recursive, q)
			cancel()
			if got == nil || got.Status != want.Status || got.RCode != want.RCode || len(got.Records) != len(want.Records) || len(got.Aliases) != len(want.Aliases) {
				t.Errorf("%s, denial %d: got %+v, %v\nwant %+v", q, denial, got, err, want)
			}
		}
	}
}

// A referral that proves too little is no proof that the zone is bogus: its server may
// say more when it is asked.
func TestReferralsThatProveTooLittle(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test.", Denial: dnssectest.NSEC3OptOut},
		dnssectest.Zone{Name: "unsigned.test.", Unsigned: true, Records: "@ MX 10 mail"})
	world.Tamper = func(_ dns.Question, reply *dns.Msg) {
		if !reply.Authoritative && len(reply.Ns) > 0 && reply.Ns[0].Header().Name == "unsigned.test." {
			covering := reply.Ns[len(reply.Ns)-1].Header().Name
			reply.Ns = slices.DeleteFunc(reply.Ns, func(rr dns.RR) bool { return rr.Header().Name == covering })
		}
	}
	resolver := &dnssec.Resolver{Exchanger: world.Recursor(), Anchors: world.Anchors()}
	if answer, err := lookupBy(t.Context(), resolver, "unsigned.test. MX"); err != nil || answer.Status != dnssec.Insecure {
		t.Errorf("%+v, %v", answer, err)
	}
}

// A network that answers in place of the servers, and drops DNSSEC records, is no reason
// for a signed zone to look broken.
func TestInterceptedNetwork(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "test."}, dnssectest.Zone{Name: "shapes.test.", Records: shapes})
	world.Tamper = func(_ dns.Question, reply *dns.Msg) {
		drop := func(rr dns.RR) bool {
			return slices.Contains([]uint16{dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3}, rr.Header().Rrtype)
		}
		reply.Answer, reply.Ns = slices.DeleteFunc(reply.Answer, drop), slices.DeleteFunc(reply.Ns, drop)
	}
	proxy, err := world.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	recursor := world.Recursor()
	recursor.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, proxy)
	}
	resolver := &dnssec.Resolver{Exchanger: &upstream.Pool{Exchangers: []upstream.Exchanger{recursor}}, Anchors: world.Anchors()}
	if answer, err := lookupBy(t.Context(), resolver, "shapes.test. MX"); answer.Status != dnssec.Indeterminate {
		t.Errorf("%s: %v", answer.Status, err)
	}
}

// A network that loses three packets of ten on each way costs time, not answers.
func TestLossCostsTime(t *testing.T) {
	t.Parallel()
	const lossRate = 0.3
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			world := dnssectest.New(t, dnssectest.Zone{Name: "test."}, dnssectest.Zone{Name: "shapes.test.", Records: shapes})
			var mu sync.Mutex
			random := rand.New(rand.NewPCG(seed, 7672))
			recursor := world.Recursor()
			recursor.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := world.Dial(ctx, network, address)
				if err != nil || network != "udp" {
					return conn, err
				}
				return &lossyConn{Conn: conn, lost: func() bool {
					mu.Lock()
					defer mu.Unlock()
					return random.Float64() < lossRate
				}}, nil
			}
			resolver := &dnssec.Resolver{Exchanger: recursor, Anchors: world.Anchors()}
			for _, q := range shapeQuestions {
				if answer, err := lookupBy(t.Context(), resolver, q.question); err != nil || answer.Status != dnssec.Secure {
					t.Errorf("seed %d, %s: %v", seed, q.question, err)
				}
			}
		})
	}
}

// A lossyConn loses datagrams.
type lossyConn struct {
	net.Conn
	lost func() bool
}

func (c *lossyConn) Write(packet []byte) (int, error) {
	if c.lost() {
		return len(packet), nil
	}
	return c.Conn.Write(packet)
}

func (c *lossyConn) Read(packet []byte) (int, error) {
	for {
		n, err := c.Conn.Read(packet)
		if err != nil || !c.lost() {
			return n, err
		}
	}
}
