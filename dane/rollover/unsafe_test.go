package rollover_test

import (
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane/rollover"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/tlsa"
	"github.com/danesmtp/danesmtp/tlsa/tlsatest"
)

// watch begins with what was kept.
func (p *publisher) watch(t *testing.T, kept []byte) *rollover.Watch {
	t.Helper()
	w := &rollover.Watch{Surveyor: p.surveyor(), Host: "mx.example", Port: 25, Chain: p.chain(), State: rollover.NewState("_25._tcp.mx.example.", p.chain())}
	if kept != nil {
		if err := w.State.Resume(kept, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func kept(t *testing.T, w *rollover.Watch) []byte {
	t.Helper()
	text, err := json.Marshal(w.State)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Of records with two digests senders may take either (RFC 7671 §9).
func TestEitherDigestCounts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		of256    string // whose record has this digest
		of512    string
		accepted bool
	}{
		{"both of the next", "next", "next", true},
		{"SHA2-512 of the next alone", "current", "next", false},
		{"SHA2-256 of the next alone", "next", "current", false},
		{"SHA2-512 only", "", "next", true},
	} {
		p := newPublisher(t)
		certs := map[string]func(tlsa.Matching) tlsa.Record{
			"current": func(m tlsa.Matching) tlsa.Record { return p.current.Record(tlsa.SPKI, m) },
			"next":    func(m tlsa.Matching) tlsa.Record { return p.next.Record(tlsa.SPKI, m) },
		}
		var set []tlsa.Record
		if tt.of256 != "" {
			set = append(set, certs[tt.of256](tlsa.SHA256))
		}
		set = append(set, certs[tt.of512](tlsa.SHA512))
		s := &rollover.Survey{Host: "mx.example", Owner: "_25._tcp.mx.example.", Time: time.Now(), Views: []rollover.View{{Zone: "example.", Server: "ns1.example.", Status: dnssec.Secure, Records: set}}}
		if ok := s.Judge(p.chain()).OK(); ok != tt.accepted {
			t.Errorf("%s: accepted %t", tt.name, ok)
		}
	}
}

// What a cache may have counts: an alias that led elsewhere, as well as the records.
func TestAliasesInCaches(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		before, after string // of the zone
		left          time.Duration
	}{
		{"the records change behind an alias", "_25._tcp.mx 3600 CNAME a\na 60 TLSA OLD", "_25._tcp.mx 3600 CNAME a\na 60 TLSA NEW", time.Minute},
		{"the alias is pointed elsewhere", "_25._tcp.mx 3600 CNAME a\na 60 TLSA OLD", "_25._tcp.mx 60 CNAME b\na 60 TLSA OLD\nb 60 TLSA NEW", time.Hour},
		{"the second of two aliases is", "_25._tcp.mx 60 CNAME a\na 3600 CNAME b\nb 60 TLSA OLD", "_25._tcp.mx 60 CNAME a\na 60 CNAME c\nc 60 TLSA NEW", time.Hour},
		{"records take the place of an alias", "_25._tcp.mx 3600 CNAME a\na 60 TLSA OLD", "_25._tcp.mx 60 TLSA NEW", time.Hour},
		{"an alias takes the place of records", "_25._tcp.mx 600 TLSA OLD", "_25._tcp.mx 3600 CNAME a\na 60 TLSA NEW", 10 * time.Minute},
		{"a DNAME is pointed elsewhere", "_tcp.mx 3600 DNAME a\n_25.a 60 TLSA OLD", "_tcp.mx 60 DNAME b\n_25.a 60 TLSA OLD\n_25.b 60 TLSA NEW", time.Hour},
		{"nobody has seen what was before", "", "_25._tcp.mx 3600 CNAME a\na 60 TLSA NEW", time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPublisher(t)
				records := strings.NewReplacer("OLD", p.record(p.current).String(), "NEW", p.record(p.next).String())
				w := p.watch(t, nil)
				for _, zone := range []string{tt.before, tt.after} {
					world := dnssectest.New(t, dnssectest.Zone{Name: "example.", Records: "@ SOA ns hostmaster 1 7200 900 604800 30\n" + records.Replace(zone)})
					w.Surveyor = &rollover.Surveyor{Resolver: world.Resolver(), Dial: world.Dial, Timeout: time.Second}
					if zone != "" {
						w.Look(t.Context())
					}
				}
				look := w.Look(t.Context())
				if left := look.SafeAt.Sub(look.Time); look.Verdict != rollover.NotSafe || left != tt.left+rounding {
					t.Errorf("%s after %v: %s; want %v", look.Verdict, left, look.Why, tt.left+rounding)
				}
			})
		})
	}
}

// The resolver on the way may have an older alias than the name servers, and so does not
// know who has the records.
func TestOlderAliasInTheResolver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t)
		set := func(apex string) dnssectest.Zone {
			return dnssectest.Zone{Name: apex, Records: "a 60 TLSA " + p.record(p.next).String()}
		}
		world := dnssectest.New(t, set("old."), set("new."), dnssectest.Zone{Name: "example.", Records: "_25._tcp.mx 60 CNAME a.new."})
		point := func(q dns.Question, reply *dns.Msg, target string) {
			if q.Qtype == dns.TypeTLSA && dns.CanonicalName(q.Name) == "_25._tcp.mx.example." {
				alias := record("_25._tcp.mx.example. 60 IN CNAME " + target)
				reply.Answer = []dns.RR{alias, world.Sign("example.", alias)}
			}
		}
		world.Tamper = func(q dns.Question, reply *dns.Msg) { point(q, reply, "a.old.") }
		world.TamperAt = func(_ netip.Addr, q dns.Question, reply *dns.Msg) bool {
			point(q, reply, "a.new.")
			return true
		}
		w := p.watch(t, nil)
		w.Surveyor = &rollover.Surveyor{Resolver: world.Resolver(), Dial: world.Dial, Timeout: time.Second}
		w.Since = time.Now().Add(-time.Hour)
		if look := w.Look(t.Context()); look.Verdict != rollover.Unknown || !strings.Contains(look.Why, "that the resolver does not have") {
			t.Errorf("%s: %s", look.Verdict, look.Why)
		}
	})
}

// The records of a host that is an alias are looked for at its target first (RFC 7672 §2.2.2).
func TestHostThatIsAnAlias(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, zone string
		verdict    rollover.Verdict
		why        string
	}{
		{"no alias", "mx A 192.0.2.25", rollover.Safe, ""},
		{"its target has no records", "mx CNAME real\nreal A 192.0.2.25", rollover.Safe, ""},
		{"its target has records", "mx CNAME real\nreal A 192.0.2.25\n_25._tcp.real TLSA OLD", rollover.Unknown, "look at that host"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPublisher(t)
			records := "_25._tcp.mx 60 TLSA " + p.record(p.next).String() + "\n" + strings.ReplaceAll(tt.zone, "OLD", p.record(p.current).String())
			world := dnssectest.New(t, dnssectest.Zone{Name: "example.", Records: records})
			w := p.watch(t, nil)
			w.Surveyor = &rollover.Surveyor{Resolver: world.Resolver(), Dial: world.Dial}
			w.Since = time.Now().Add(-time.Hour)
			if look := w.Look(t.Context()); look.Verdict != tt.verdict || !strings.Contains(look.Why, tt.why) {
				t.Errorf("%s: %s", look.Verdict, look.Why)
			}
		})
	}
}

// A TTL that is lowered while its time runs is not the one that caches have.
func TestLoweredTTL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t)
		p.ttl = 86400
		p.publish(p.both(), 1, 2, 3)
		w := p.watch(t, nil)
		w.Look(t.Context())
		time.Sleep(time.Hour)
		p.ttl = 60
		w = p.watch(t, kept(t, w))
		if look := w.Look(t.Context()); look.Verdict != rollover.NotSafe || look.SafeAt.Sub(look.Time) != 23*time.Hour+rounding {
			t.Errorf("%s, safe at %v: %s", look.Verdict, look.SafeAt, look.Why)
		}
	})
}

// What was seen counts for as long as somebody looks: records may go and come back.
func TestLongAgo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		gap     time.Duration
		verdict rollover.Verdict
	}{{24 * time.Hour, rollover.Safe}, {48 * time.Hour, rollover.NotSafe}} {
		synctest.Test(t, func(t *testing.T) {
			p := newPublisher(t)
			p.publish(p.both(), 1, 2, 3)
			w := p.watch(t, nil)
			w.Look(t.Context())
			time.Sleep(tt.gap)
			if look := p.watch(t, kept(t, w)).Look(t.Context()); look.Verdict != tt.verdict {
				t.Errorf("after %v: %s: %s", tt.gap, look.Verdict, look.Why)
			}
		})
	}
}

// Two processes keep what they see in one place: the one that saw a server go back counts.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t)
		p.publish(p.both(), 1, 2, 3)
		one, two := p.watch(t, nil), p.watch(t, nil)
		one.Look(t.Context())
		time.Sleep(5 * time.Minute)
		p.publish([]tlsa.Record{p.record(p.current)}, 2)
		two.Look(t.Context())
		p.publish(p.both(), 2)
		time.Sleep(6 * time.Minute)
		if err := one.State.Resume(kept(t, two), time.Now()); err != nil {
			t.Fatal(err)
		}
		if look := one.Look(t.Context()); look.Verdict != rollover.NotSafe || look.SafeAt.Sub(look.Time) != 10*time.Minute+rounding {
			t.Errorf("%s, safe at %v: %s", look.Verdict, look.SafeAt, look.Why)
		}
	})
}

// A server that goes back for a minute, between looks that are ten minutes apart, is seen.
func TestFlappingServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t)
		p.publish(p.both(), 1, 2, 3)
		go func() {
			for range 12 {
				time.Sleep(5 * time.Minute)
				p.publish([]tlsa.Record{p.record(p.current)}, 2)
				time.Sleep(time.Minute + time.Second)
				p.publish(p.both(), 2)
				time.Sleep(4*time.Minute - time.Second)
			}
		}()
		w := p.watch(t, nil)
		w.Timeout = 2 * time.Hour
		if look, err := w.Wait(t.Context(), nil); err != rollover.ErrTimeout {
			t.Errorf("%v, %s at %v: %s", err, look.Verdict, look.Time, look.Why)
		}
		time.Sleep(2 * time.Hour) // the other one ends
	})
}

// Servers that are notified are seconds behind, and are seen soon.
func TestLooksSoon(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPublisher(t)
		p.publish(p.both(), 1, 2)
		go func() {
			time.Sleep(5 * time.Second)
			p.publish(p.both(), 3)
		}()
		start := time.Now()
		if _, err := p.watch(t, nil).Wait(t.Context(), nil); err != nil || time.Since(start) > 10*time.Minute+10*time.Second+rounding {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// A certificate with the key of the current one need not wait for any cache.
func TestSameKey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		current func(*publisher) *tlsatest.Certificate
		records func(*publisher) []tlsa.Record
		before  bool // a set without the record was seen
		verdict rollover.Verdict
	}{
		{"it is known", (*publisher).renewed, (*publisher).ofNext, false, rollover.Safe},
		{"beside another record", (*publisher).renewed, (*publisher).both, false, rollover.Safe},
		{"nothing is known", nil, (*publisher).ofNext, false, rollover.NotSafe},
		{"another key", func(p *publisher) *tlsatest.Certificate { return p.current }, (*publisher).both, false, rollover.NotSafe},
		{"by a record of the CA, which may be new", (*publisher).renewed, func(p *publisher) []tlsa.Record {
			return []tlsa.Record{p.next.Issuer.Record(tlsa.SPKI, tlsa.SHA256)}
		}, false, rollover.NotSafe},
		{"the record was not there", (*publisher).renewed, (*publisher).both, true, rollover.NotSafe},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPublisher(t)
				w := p.watch(t, nil)
				if tt.current != nil {
					w.Current = tt.current(p).Chain()
				}
				if tt.before {
					w.Look(t.Context())
				}
				p.publish(tt.records(p), 1, 2, 3)
				if look := w.Look(t.Context()); look.Verdict != tt.verdict {
					t.Errorf("%s: %s", look.Verdict, look.Why)
				}
			})
		})
	}
}

func (p *publisher) ofNext() []tlsa.Record { return []tlsa.Record{p.record(p.next)} }

// renewed is a certificate with the key of the next one.
func (p *publisher) renewed() *tlsatest.Certificate {
	return p.next.Issuer.Issue(tlsatest.Leaf{Names: []string{"mx.example"}, Key: p.next.Key})
}

// What was seen is not asserted away.
func TestAssertedAgainstWhatWasSeen(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		since   time.Duration // before the last look, which is an hour after the first
		verdict rollover.Verdict
	}{{2 * time.Hour, rollover.NotSafe}, {59 * time.Minute, rollover.Safe}} {
		synctest.Test(t, func(t *testing.T) {
			p := newPublisher(t)
			w := p.watch(t, nil)
			w.Look(t.Context())
			p.publish(p.both(), 1, 2, 3)
			time.Sleep(time.Hour)
			w.Since = time.Now().Add(-tt.since)
			if look := w.Look(t.Context()); look.Verdict != tt.verdict {
				t.Errorf("since %v: %s: %s", tt.since, look.Verdict, look.Why)
			}
		})
	}
}

// A router that has no way to an address says so in the words of this machine. That is not
// known here, and others may have one.
func TestRouterWithoutARoute(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		network string // over which there is an error at once; others are silent
		verdict rollover.Verdict
	}{{"udp", rollover.Safe}, {"tcp", rollover.Unknown}} {
		synctest.Test(t, func(t *testing.T) {
			p := newPublisher(t)
			p.publish(p.both(), 1, 2, 3)
			p.root = func(_ dns.Question, r *dns.Msg) {
				r.Extra = append(r.Extra, record("ns1.example. 60 IN A 192.0.2.4"))
			}
			w := p.watch(t, nil)
			w.Since = time.Now().Add(-time.Hour)
			w.Surveyor.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				switch {
				case address != "192.0.2.4:53":
					return p.dial(ctx, network, address)
				case network == tt.network:
					return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
				}
				ours, _ := net.Pipe()
				return silent{ours}, nil
			}
			if look := w.Look(t.Context()); look.Verdict != tt.verdict {
				t.Errorf("%s: %s: %s", tt.network, look.Verdict, look.Why)
			}
		})
	}
}

// silent takes all and says nothing.
type silent struct{ net.Conn }

func (silent) Write(b []byte) (int, error) { return len(b), nil }
