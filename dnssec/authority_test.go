package dnssec_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// serverWorld has a zone with a server for each thing that one can do wrong.
func serverWorld(t *testing.T) *dnssectest.Internet {
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "example.", Records: `
			@        3600 SOA a hostmaster 7 3600 900 604800 300
			@        NS good
			@        NS old
			@        NS silent
			@        NS lame
			@        NS forger
			@        NS ns.elsewhere.test.
			good     A 192.0.2.1
			good     AAAA 2001:db8::1
			old      A 192.0.2.2
			silent   A 192.0.2.3
			lame     A 192.0.2.4
			forger   A 192.0.2.5
			_25._tcp.mx 600 TLSA 3 1 1 ` + strings.Repeat("aa", 32) + `
			_25._tcp.www CNAME tlsa.elsewhere.test.`},
		dnssectest.Zone{Name: "elsewhere.test.", Unsigned: true, Records: `
			@  NS ns
			ns A 192.0.2.6
			tlsa TLSA 3 1 1 ` + strings.Repeat("bb", 32)},
		dnssectest.Zone{Name: "sub.example.", Records: `
			@ NS good.example.
			@ NS nowhere.example.`},
	)
	world.TamperAt = func(server netip.Addr, q dns.Question, reply *dns.Msg) bool {
		switch server.String() {
		case "192.0.2.2": // had no transfer for a long time
			replace(world, reply, "example.", dns.TypeSOA, func(rr dns.RR) { rr.(*dns.SOA).Serial = 6 })
			replace(world, reply, "example.", dns.TypeTLSA, func(rr dns.RR) { rr.(*dns.TLSA).Certificate = strings.Repeat("cc", 32) })
		case "192.0.2.3":
			return false
		case "192.0.2.4":
			if q.Name != "." {
				reply.Answer, reply.Ns, reply.Authoritative = nil, nil, false
			}
		case "192.0.2.5":
			for _, rr := range reply.Answer {
				if rr, ok := rr.(*dns.TLSA); ok {
					rr.Certificate = strings.Repeat("ee", 32)
				}
			}
		}
		return true
	}
	return world
}

// replace changes the records of a type in an answer, and signs them again.
func replace(world *dnssectest.Internet, reply *dns.Msg, zone string, rrtype uint16, change func(dns.RR)) {
	for i, rr := range reply.Answer {
		if rr.Header().Rrtype != rrtype {
			continue
		}
		changed := dns.Copy(rr)
		change(changed)
		reply.Answer[i] = changed
		for j, sig := range reply.Answer {
			if sig, ok := sig.(*dns.RRSIG); ok && sig.TypeCovered == rrtype {
				reply.Answer[j] = world.Sign(zone, changed)
			}
		}
	}
}

func TestZoneOf(t *testing.T) {
	t.Parallel()
	world := serverWorld(t)
	resolver := &dnssec.Resolver{Exchanger: world, Anchors: world.Anchors()}
	for _, tt := range []struct {
		name, zone string
		status     dnssec.Status
		servers    []string
	}{
		{"_25._tcp.mx.example", "example.", dnssec.Secure, []string{
			"forger.example. [192.0.2.5]", "good.example. [192.0.2.1 2001:db8::1]", "lame.example. [192.0.2.4]",
			"ns.elsewhere.test. [192.0.2.6]", "old.example. [192.0.2.2]", "silent.example. [192.0.2.3]"}},
		{"Example.", "example.", dnssec.Secure, nil},
		{"nobody.at.all.example.", "example.", dnssec.Secure, nil},
		{"_25._tcp.www.example.", "example.", dnssec.Secure, nil}, // an alias
		{"mx.sub.example.", "sub.example.", dnssec.Secure, []string{"good.example. [192.0.2.1 2001:db8::1]", "nowhere.example. []"}},
		{"mx.elsewhere.test.", "elsewhere.test.", dnssec.Insecure, []string{"ns.elsewhere.test. [192.0.2.6]"}},
		{"notexample.", ".", dnssec.Secure, nil},
	} {
		zone, err := resolver.ZoneOf(t.Context(), tt.name)
		if err != nil || zone.Name != tt.zone || zone.Status != tt.status || zone.SOA == nil || zone.Omitted != 0 {
			t.Errorf("%s: %+v, %v", tt.name, zone, err)
			continue
		}
		var servers []string
		for _, s := range zone.Servers {
			servers = append(servers, fmt.Sprint(s.Name, " ", s.Addresses))
			if s.Err != nil {
				t.Errorf("%s: %v", s.Name, s.Err)
			}
		}
		if tt.servers != nil && !cmp.Equal(servers, tt.servers) {
			t.Errorf("%s: %s", tt.name, cmp.Diff(servers, tt.servers))
		}
	}
	if _, err := resolver.ZoneOf(t.Context(), "two..dots"); err == nil {
		t.Error("what is no name lies in a zone")
	}
}

// A zone with more servers than are looked at says so.
func TestZoneOfIsBounded(t *testing.T) {
	t.Parallel()
	var records strings.Builder
	for i := range 20 {
		fmt.Fprintf(&records, "@ NS ns%d\n", i)
	}
	for i := range 10 {
		fmt.Fprintf(&records, "ns0 A 192.0.2.%d\n", i+1)
	}
	world := dnssectest.New(t, dnssectest.Zone{Name: "example.", Records: records.String()})
	zone, err := world.Resolver().ZoneOf(t.Context(), "example.")
	if err != nil || len(zone.Servers) != 16 || zone.Omitted != 4 || len(zone.Servers[0].Addresses) != 8 || zone.Servers[0].Omitted != 2 {
		t.Errorf("%+v, %v", zone, err)
	}
}

// An address of a name server that cannot be looked up is told, and does not hide the others.
func TestZoneOfWithBrokenServers(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "example.", Records: "@ NS ns\n@ NS ns.broken.\nns A 192.0.2.1"},
		dnssectest.Zone{Name: "broken.", Records: "ns A 192.0.2.2", Faults: map[string]dnssectest.Fault{dnssectest.WholeZone: dnssectest.ServFail}})
	zone, err := world.Resolver().ZoneOf(t.Context(), "example.")
	if err != nil || len(zone.Servers) != 2 || zone.Servers[0].Err == nil || zone.Servers[1].Err != nil {
		t.Errorf("%+v, %v", zone, err)
	}
}

// Each server is heard by itself, and what it says is validated.
func TestAt(t *testing.T) {
	t.Parallel()
	world := serverWorld(t)
	for name, r := range map[string]*dnssec.Resolver{
		"forwarder": {Exchanger: world, Anchors: world.Anchors()},
		"recursor":  {Exchanger: world.Recursor(), Anchors: world.Anchors()},
	} {
		for _, tt := range []struct {
			server, question string
			status           dnssec.Status
			want             string
			err              error
		}{
			{"192.0.2.1", "_25._tcp.mx.example. TLSA", dnssec.Secure, "aaaa", nil},
			{"192.0.2.1", "example. SOA", dnssec.Secure, " 7 ", nil},
			{"192.0.2.1", "_25._tcp.no.example. TLSA", dnssec.Secure, "", nil},
			{"192.0.2.1", "_25._tcp.www.example. TLSA", dnssec.Insecure, "bbbb", nil}, // the end comes from others
			{"192.0.2.2", "_25._tcp.mx.example. TLSA", dnssec.Secure, "cccc", nil},
			{"192.0.2.2", "example. SOA", dnssec.Secure, " 6 ", nil},
			{"192.0.2.3", "_25._tcp.mx.example. TLSA", dnssec.Indeterminate, "", context.DeadlineExceeded},
			{"192.0.2.4", "_25._tcp.mx.example. TLSA", dnssec.Indeterminate, "", upstream.ErrLame},
			{"192.0.2.5", "_25._tcp.mx.example. TLSA", dnssec.Bogus, "", nil},
		} {
			t.Run(name+" "+tt.server+" "+tt.question, func(t *testing.T) {
				t.Parallel()
				authority := &upstream.Authority{Zone: "example.", Address: netip.AddrPortFrom(netip.MustParseAddr(tt.server), 53), Dial: world.Dial, Timeout: 200 * time.Millisecond}
				at, err := r.At("Example", authority)
				if err != nil {
					t.Fatal(err)
				}
				owner, rrtype, _ := strings.Cut(tt.question, " ")
				answer, err := at.Lookup(t.Context(), owner, dns.StringToType[rrtype])
				if tt.status < dnssec.Insecure {
					e, _ := errors.AsType[*dnssec.Error](err)
					if e == nil || e.Status != tt.status || tt.err != nil && !errors.Is(err, tt.err) {
						t.Errorf("%+v, %v", answer, err)
					}
					return
				}
				if err != nil || answer.Status != tt.status || (tt.want == "") != (len(answer.Records) == 0) {
					t.Fatalf("%+v, %v", answer, err)
				}
				if len(answer.Records) > 0 && !strings.Contains(answer.Records[0].String(), tt.want) {
					t.Error(answer.Records)
				}
			})
		}
	}
	if _, err := new(dnssec.Resolver).At("two..dots", world); err == nil {
		t.Error("what is no name is a zone")
	}
}
