package compare_test

import (
	"context"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/compare"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

func dialing(errno syscall.Errno) error {
	return &net.OpError{Op: "dial", Net: "udp", Err: os.NewSyscallError("connect", errno)}
}

// Where one server of a zone is at odds with the other, it is told which one and in what; and
// nothing is told where they agree.
func TestCompare(t *testing.T) {
	t.Parallel()
	type tamper = func(w *world, server string, q dns.Question, reply *dns.Msg) bool
	other := func(change func(w *world, q dns.Question, reply *dns.Msg) bool) tamper {
		return func(w *world, server string, q dns.Question, reply *dns.Msg) bool {
			return server != addrOther || change(w, q, reply)
		}
	}
	refusal := func(qtype uint16, rcode int) tamper {
		return other(func(w *world, q dns.Question, reply *dns.Msg) bool {
			if qtype == dns.TypeANY || q.Qtype == qtype {
				refuse(reply, rcode)
			}
			return true
		})
	}
	const tlsa = "_25._tcp.mail.example. TLSA"
	for _, tt := range []struct {
		name   string
		tamper tamper
		change func(*world)
		want   []string
	}{
		{name: "they agree"},
		{"one has a TTL of 0", other(func(w *world, q dns.Question, reply *dns.Msg) bool {
			for _, section := range [][]dns.RR{reply.Answer, reply.Ns} {
				for _, rr := range section {
					rr.Header().Ttl = 0
				}
			}
			return true
		}), nil, nil},
		{"one is slow", other(func(w *world, q dns.Question, reply *dns.Msg) bool { time.Sleep(200 * time.Millisecond); return true }), nil, nil},
		{"one has an old serial", other(func(w *world, q dns.Question, reply *dns.Msg) bool {
			w.replace(reply, dns.TypeSOA, func(rr dns.RR) { rr.(*dns.SOA).Serial = 6 })
			return true
		}), nil, []string{"serials differ"}},
		{"one has another TLSA record", other(func(w *world, q dns.Question, reply *dns.Msg) bool {
			w.replace(reply, dns.TypeTLSA, func(rr dns.RR) { rr.(*dns.TLSA).Certificate = otherKey })
			return true
		}), nil, []string{"differ: " + tlsa + " | 3 1 1 own at good.example. | 3 1 1 other at other.example."}},
		{"one has no TLSA record", other(func(w *world, q dns.Question, reply *dns.Msg) bool {
			if q.Qtype == dns.TypeTLSA {
				w.deny(reply)
			}
			return true
		}), nil, []string{"differ: " + tlsa + " | 3 1 1 own at good.example. | no TLSA record at other.example."}},
		{"one has another key", other(func(w *world, q dns.Question, reply *dns.Msg) bool {
			w.replace(reply, dns.TypeDNSKEY, func(rr dns.RR) { rr.(*dns.DNSKEY).PublicKey = "AAAA" })
			return true
		}), nil, []string{"differ: example. DNSKEY | KEY at good.example. | 257 3 13 AAAA at other.example.",
			"other.example. example. SOA bogus", "other.example. example. NS bogus", "other.example. example. DNSKEY bogus",
			"other.example. example. MX bogus", "other.example. mail.example. A bogus", "other.example. mail.example. AAAA bogus", "other.example. " + tlsa + " bogus"}},
		{"one has another MX record", other(func(w *world, q dns.Question, reply *dns.Msg) bool {
			w.replace(reply, dns.TypeMX, func(rr dns.RR) { rr.(*dns.MX).Preference = 20 })
			return true
		}), nil, []string{"differ: example. MX | 10 mail.example. at good.example. | 20 mail.example. at other.example."}},
		{"one spells names in capitals", other(func(w *world, q dns.Question, reply *dns.Msg) bool {
			w.replace(reply, dns.TypeMX, func(rr dns.RR) { rr.(*dns.MX).Mx = "MAIL.Example." })
			return true
		}), nil, nil},
		{"one has a wrong signature", other(func(w *world, q dns.Question, reply *dns.Msg) bool {
			for _, rr := range reply.Answer {
				if rr, ok := rr.(*dns.TLSA); ok {
					rr.Certificate = otherKey
				}
			}
			return true
		}), nil, []string{"differ: " + tlsa + " | 3 1 1 own at good.example. | 3 1 1 other at other.example.", "other.example. " + tlsa + " bogus"}},
		{"one drops signatures", other(func(w *world, q dns.Question, reply *dns.Msg) bool {
			reply.Answer = slices.DeleteFunc(reply.Answer, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG })
			return true
		}), nil, []string{"other.example. example. SOA bogus", "other.example. example. NS bogus", "other.example. example. DNSKEY bogus",
			"other.example. example. MX bogus", "other.example. mail.example. A bogus", "other.example. mail.example. AAAA bogus", "other.example. " + tlsa + " bogus"}},
		{"one drops questions for TLSA", other(func(w *world, q dns.Question, reply *dns.Msg) bool { return q.Qtype != dns.TypeTLSA }), nil,
			[]string{"other.example. " + tlsa + " silent"}},
		{"one fails for TLSA", refusal(dns.TypeTLSA, dns.RcodeServerFailure), nil, []string{"other.example. " + tlsa + " refused"}},
		{"one does not know TLSA", refusal(dns.TypeTLSA, dns.RcodeNotImplemented), nil, []string{"other.example. " + tlsa + " refused"}},
		{"one refuses", refusal(dns.TypeANY, dns.RcodeRefused), nil, []string{"other.example (192.0.2.2) refused"}},
		{"one fails", refusal(dns.TypeANY, dns.RcodeServerFailure), nil, []string{"other.example (192.0.2.2) refused"}},
		{"one is lame: it refers to the root", other(func(w *world, q dns.Question, reply *dns.Msg) bool {
			refuse(reply, dns.RcodeSuccess)
			reply.Ns = []dns.RR{&dns.NS{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeNS, Class: dns.ClassINET}, Ns: "ns."}}
			return true
		}), nil, []string{"other.example (192.0.2.2) lame"}},
		{"one is a resolver", other(func(w *world, q dns.Question, reply *dns.Msg) bool {
			reply.Authoritative, reply.RecursionAvailable = false, true
			return true
		}), nil, []string{"other.example (192.0.2.2) lame"}},
		{"one is silent", other(func(w *world, q dns.Question, reply *dns.Msg) bool { return false }), nil, []string{"other.example (192.0.2.2) silent"}},
		{"one is not there", nil, func(w *world) {
			w.unreachable["udp "+addrOther], w.unreachable["tcp "+addrOther] = dialing(syscall.ECONNREFUSED), dialing(syscall.ECONNREFUSED)
		}, []string{"other.example (192.0.2.2) silent"}},
		{"this machine has no route to one", nil, func(w *world) {
			w.unreachable["udp "+addrOther], w.unreachable["tcp "+addrOther] = dialing(syscall.ENETUNREACH), dialing(syscall.ENETUNREACH)
		}, []string{"other.example (192.0.2.2) local"}},
		{"one has no TCP", nil, func(w *world) { w.unreachable["tcp "+addrOther] = dialing(syscall.ECONNREFUSED) },
			[]string{"other.example (192.0.2.2) no-tcp"}},
		{"one has no UDP", nil, func(w *world) { w.drops = func(server string, q *dns.Msg) bool { return server == addrOther } },
			[]string{"other.example (192.0.2.2) no-udp"}},
		{"one refuses EDNS", other(func(w *world, q dns.Question, reply *dns.Msg) bool {
			return reply.IsEdns0() == nil || refuse(reply, dns.RcodeFormatError)
		}), nil, []string{"other.example (192.0.2.2) no-edns", "other.example. example. SOA refused", "other.example. example. NS refused", "other.example. example. DNSKEY refused",
			"other.example. example. MX refused", "other.example. mail.example. A refused", "other.example. mail.example. AAAA refused", "other.example. " + tlsa + " refused"}},
		{"one drops options of EDNS", nil, func(w *world) {
			w.drops = func(server string, q *dns.Msg) bool {
				opt := q.IsEdns0()
				return server == addrOther && opt != nil && slices.ContainsFunc(opt.Option, func(o dns.EDNS0) bool { return o.Option() == 65001 })
			}
		}, []string{"other.example (192.0.2.2) fails-unknown-option"}},
		{"one takes any version of EDNS", other(func(w *world, q dns.Question, reply *dns.Msg) bool {
			if reply.Rcode == dns.RcodeBadVers {
				reply.Rcode = dns.RcodeSuccess
			}
			return true
		}), nil, []string{"other.example (192.0.2.2) fails-unknown-version"}},
		{"the zone above knows one server alone", func(w *world, server string, q dns.Question, reply *dns.Msg) bool {
			if server == addrRoot && strings.EqualFold(q.Name, "example.") {
				reply.Ns = slices.DeleteFunc(reply.Ns, func(rr dns.RR) bool { ns, ok := rr.(*dns.NS); return ok && ns.Ns == "other.example." })
			}
			return true
		}, nil, []string{"other.example (192.0.2.2) is named on one side only"}},
		{"the zone above has old glue", func(w *world, server string, q dns.Question, reply *dns.Msg) bool {
			for _, rr := range reply.Extra {
				if rr, ok := rr.(*dns.A); ok && server == addrRoot && rr.Hdr.Name == "other.example." {
					rr.A = net.ParseIP("192.0.2.9")
				}
			}
			return true
		}, nil, []string{"other.example (192.0.2.9) silent"}},
		{"the answer varies with the day", func() tamper {
			n := byte(0)
			return other(func(w *world, q dns.Question, reply *dns.Msg) bool {
				w.replace(reply, dns.TypeA, func(rr dns.RR) { n++; rr.(*dns.A).A = net.IPv4(192, 0, 2, 100+n) })
				return true
			})
		}(), nil, []string{"differ: mail.example. A | 192.0.2.25 at good.example. | 192.0.2.101 at other.example. (varies)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.tamper)
				if tt.change != nil {
					tt.change(w)
				}
				report, err := w.comparer().Compare(t.Context(), questions()...)
				if err != nil || report.Path != compare.PathOpen || len(report.Zones) != 1 || report.Omitted != 0 {
					t.Fatalf("%+v, %v", report, err)
				}
				z := &report.Zones[0]
				if diff := cmp.Diff(tt.want, summary(z)); diff != "" || z.Name != "example." || z.Parent != "." || z.Status != dnssec.Secure {
					t.Errorf("%s %s (-want +got):\n%s", z.Name, z.Status, diff)
				}
			})
		})
	}
}

// A zone that does not resolve is found by its delegation, and its servers are asked.
func TestCompareBrokenZone(t *testing.T) {
	t.Parallel()
	for _, fault := range []dnssectest.Fault{dnssectest.Expired, dnssectest.WrongDS, dnssectest.NoKeys, dnssectest.ServFail, dnssectest.Refused} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, nil, dnssectest.Zone{Name: "broken.", Records: "@ MX 10 mail", Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: fault}})
			report, err := w.comparer().Compare(t.Context(), compare.Question{Name: "broken.", Type: dns.TypeMX})
			if err != nil || len(report.Zones) != 1 || report.Path != compare.PathOpen {
				t.Fatalf("%+v, %v", report, err)
			}
			z := &report.Zones[0]
			if z.Name != "broken." || z.Problem == "" || len(z.Servers) != 1 || z.Servers[0].Address.String() == "" {
				t.Fatalf("%+v", z)
			}
			s := &z.Servers[0]
			a := s.Answer(compare.Question{Name: "broken.", Type: dns.TypeMX})
			if fault >= dnssectest.ServFail && (s.Outcome != compare.Refused || a != nil) ||
				fault < dnssectest.ServFail && (s.Outcome != compare.Answered || a == nil || a.Outcome != compare.Bogus || !cmp.Equal(a.Records, []string{"10 mail.broken."})) {
				t.Errorf("%d: %+v, %+v", fault, s, a)
			}
		})
	}
}

// A zone above that does not resolve is in nobody's way where the zone itself does: it may have
// a trust anchor of its own.
func TestCompareBelowBrokenZone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil, dnssectest.Zone{Name: "broken.", Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.Silent}},
			dnssectest.Zone{Name: "island.broken.", Records: "@ MX 10 mail\nmail A 192.0.2.26"})
		keys, err := w.Exchange(t.Context(), &upstream.Query{Msg: new(dns.Msg).SetQuestion("island.broken.", dns.TypeDNSKEY)})
		if err != nil {
			t.Fatal(err)
		}
		c := w.comparer()
		c.Resolver = &dnssec.Resolver{Exchanger: w, Anchors: anchor.Set{{Zone: "island.broken.", Key: keys.Msg.Answer[0].(*dns.DNSKEY)}}}
		report, err := c.Compare(t.Context(), compare.Question{Name: "island.broken.", Type: dns.TypeMX}, compare.Question{Name: "mail.island.broken.", Type: dns.TypeA})
		if err != nil || len(report.Zones) != 1 || len(report.Zones[0].Servers) != 1 || report.Zones[0].Problem != "" || report.Elapsed > time.Minute {
			t.Fatalf("%+v, %v", report, err)
		}
		if a := report.Zones[0].Servers[0].Answer(compare.Question{Name: "mail.island.broken.", Type: dns.TypeA}); a == nil || a.Status != dnssec.Secure {
			t.Errorf("%+v", a)
		}
	})
}

// Aliases are followed into other zones, and what follows from an answer is asked, too.
func TestCompareFollows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, nil,
			dnssectest.Zone{Name: "a.", Records: "@ MX 10 mail\nmail CNAME host.b."},
			dnssectest.Zone{Name: "b.", Records: "host A 192.0.2.26\nhost AAAA 2001:db8::26"})
		c := w.comparer()
		c.Next = func(q compare.Question, a *compare.Answer) []compare.Question {
			if q.Type == dns.TypeMX && len(a.Records) > 0 {
				return []compare.Question{{Name: a.Records[0][3:], Type: dns.TypeA}}
			}
			return nil
		}
		report, err := c.Compare(t.Context(), compare.Question{Name: "a", Type: dns.TypeMX})
		if err != nil || len(report.Zones) != 2 {
			t.Fatalf("%+v, %v", report, err)
		}
		alias := report.Zones[0].Servers[0].Answer(compare.Question{Name: "mail.a.", Type: dns.TypeA})
		end := report.Zones[1].Servers[0].Answer(compare.Question{Name: "host.b.", Type: dns.TypeA})
		if alias == nil || alias.Alias != "host.b." || len(alias.Records) > 0 || alias.Status != dnssec.Secure ||
			end == nil || !cmp.Equal(end.Records, []string{"192.0.2.26"}) || end.SignatureEnds.IsZero() {
			t.Errorf("%+v, %+v", alias, end)
		}
	})
}

// Where nobody is reached, or somebody else answers, that is no verdict on the servers.
func TestPath(t *testing.T) {
	t.Parallel()
	everybody := func(change func(reply *dns.Msg) bool) func(*world, string, dns.Question, *dns.Msg) bool {
		return func(w *world, server string, q dns.Question, reply *dns.Msg) bool { return change(reply) }
	}
	for _, tt := range []struct {
		name   string
		tamper func(*world, string, dns.Question, *dns.Msg) bool
		errno  syscall.Errno
		want   compare.Path
	}{
		{"it is open", nil, 0, compare.PathOpen},
		{"port 53 is blocked", everybody(func(*dns.Msg) bool { return false }), 0, compare.PathBlocked},
		{"it is closed", nil, syscall.ECONNREFUSED, compare.PathBlocked},
		{"a resolver answers in place of all servers", everybody(func(reply *dns.Msg) bool {
			reply.Authoritative, reply.RecursionAvailable = false, true
			reply.Answer, reply.Ns = append(reply.Answer, reply.Ns...), nil
			return true
		}), 0, compare.PathIntercepted},
		{"somebody refuses in place of all servers", everybody(func(reply *dns.Msg) bool { return refuse(reply, dns.RcodeRefused) }), 0, compare.PathIntercepted},
		{"this machine has no route", nil, syscall.ENETUNREACH, compare.PathUnknown},
		{"this machine has no descriptors", nil, syscall.EMFILE, compare.PathUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tt.tamper)
				c := w.comparer()
				if tt.errno != 0 {
					c.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, dialing(tt.errno) }
				}
				report, err := c.Compare(t.Context(), questions()...)
				if err != nil || report.Path != tt.want {
					t.Errorf("%+v, %v", report, err)
				}
			})
		})
	}
}
