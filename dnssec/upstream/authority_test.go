package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// An Authority asks one server and returns what that says, whatever the others would.
func TestAuthority(t *testing.T) {
	t.Parallel()
	const zone = "example.test.\nmx 60 A 192.0.2.80"
	for _, tt := range []struct {
		name     string
		server   behaviour
		question string
		want     string // the address, or the rcode
		err      error
		took     time.Duration // at least
	}{
		{name: "it answers", server: authority(zone), question: "mx.example.test.", want: "192.0.2.80"},
		{name: "in any case of letters", server: authority(zone), question: "MX.Example.Test.", want: "192.0.2.80"},
		{name: "it denies", server: authority(zone), question: "nobody.example.test.", want: "NXDOMAIN"},
		{name: "it refuses", server: serveReply(func(r *dns.Msg) { r.Rcode = dns.RcodeRefused }), question: "mx.example.test.", want: "REFUSED"},
		{name: "it fails", server: serveReply(func(r *dns.Msg) { r.Rcode = dns.RcodeServerFailure }), question: "mx.example.test.", want: "SERVFAIL"},
		{name: "it is silent", server: silent, question: "mx.example.test.", err: context.DeadlineExceeded, took: 5 * time.Second},
		{name: "it refers to others", server: authority("test.\nexample NS ns.example\nns.example A 192.0.2.81"), question: "mx.example.test.", err: ErrLame},
		{name: "it refers to the root", server: serveReply(func(r *dns.Msg) { r.Ns = []dns.RR{rr(". 60 NS a.root.")} }), question: "mx.example.test.", err: ErrLame},
		{name: "it has another zone", server: authority("other.test.\nmx A 192.0.2.82"), question: "mx.example.test.", want: "REFUSED"},
		{name: "the question is of another zone", server: authority(zone), question: "mx.other.test.", err: errOutside},
		{name: "the question is of a name that ends alike", server: authority(zone), question: "mx.notexample.test.", err: errOutside},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				net := newNet(t, map[string]behaviour{"192.0.2.10": tt.server})
				a := &Authority{Zone: "Example.test.", Address: hints("192.0.2.10")[0], Dial: net.dial}
				start := time.Now()
				reply, err := a.Exchange(t.Context(), &Query{Msg: question(tt.question, dns.TypeA)})
				if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) || time.Since(start) < tt.took {
					t.Fatalf("after %v: %v, want %v", time.Since(start), err, tt.err)
				}
				if err != nil {
					return
				}
				got := dns.RcodeToString[reply.Msg.Rcode]
				if len(reply.Msg.Answer) > 0 {
					got = reply.Msg.Answer[0].(*dns.A).A.String()
				}
				if got != tt.want || reply.Server != "192.0.2.10:53" {
					t.Errorf("%s from %s, want %s", got, reply.Server, tt.want)
				}
				if _, err := a.Exchange(t.Context(), &Query{Msg: question(tt.question, dns.TypeA), Avoid: []string{reply.Server}}); !errors.Is(err, ErrExhausted) {
					t.Errorf("although it is to be avoided: %v", err)
				}
			})
		})
	}
}

// No data leads to servers of this machine, unless its user says so.
func TestAuthorityIsAllowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, address := range []string{"127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "224.0.0.1", "0.0.0.0"} {
			net := newNet(t, map[string]behaviour{"127.0.0.1": authority("example.test.\nmx A 192.0.2.80")})
			a := &Authority{Zone: "example.test.", Address: netip.AddrPortFrom(netip.MustParseAddr(address), 53), Dial: net.dial}
			if _, err := a.Exchange(t.Context(), &Query{Msg: question("mx.example.test.", dns.TypeA)}); !errors.Is(err, ErrNotAllowed) || len(net.log) > 0 {
				t.Errorf("%s: %v, %q", address, err, net.log)
			}
		}
		net := newNet(t, map[string]behaviour{"127.0.0.1": authority("example.test.\nmx A 192.0.2.80")})
		a := &Authority{Zone: "example.test.", Address: hints("127.0.0.1")[0], Dial: net.dial, Allow: netip.Addr.IsLoopback}
		if _, err := a.Exchange(t.Context(), &Query{Msg: question("mx.example.test.", dns.TypeA)}); err != nil {
			t.Error(err)
		}
	})
}

// A server of the zone above names servers that the zone itself may not.
// A Delegation is asked for as other questions are: over TCP alone if that is wanted, over a
// connection that CloseIdleConnections closes.
func TestAuthorityDelegationOverTCP(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		net := newNet(t, map[string]behaviour{"192.0.2.10": authority("test.\nexample NS ns.example\nns.example A 192.0.2.81")})
		a := &Authority{Zone: "test.", Address: hints("192.0.2.10")[0], Dial: net.dial, TCP: true}
		if got, err := a.Delegation(t.Context(), "example.test."); err != nil || len(got.Servers) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		if udp, tcp := net.queries(" udp "), net.queries(" tcp "); udp != 0 || tcp != 1 {
			t.Errorf("%d queries over UDP and %d over TCP", udp, tcp)
		}
		start := time.Now()
		a.CloseIdleConnections()
		net.running.Wait()
		if open := time.Since(start); open > 0 {
			t.Errorf("the connection stayed open for %s", open)
		}
	})
}

func TestAuthorityDelegation(t *testing.T) {
	t.Parallel()
	const above = "test.\nexample NS ns1.example\nexample NS ns2.other\nns1.example A 192.0.2.81\nns1.example A 127.0.0.1\nother NS ns2.other\nns2.other A 192.0.2.82\n"
	many := "test.\n"
	for i := range 15 {
		many += fmt.Sprintf("example NS ns%d.elsewhere.\n", i)
	}
	for _, tt := range []struct {
		name   string
		server behaviour
		zone   string
		want   *Delegation
		err    error
	}{
		{name: "it refers", server: authority(above), zone: "Example.test", want: &Delegation{Zone: "example.test.", Servers: []DelegatedServer{
			{Name: "ns1.example.test.", Glue: []netip.Addr{netip.MustParseAddr("192.0.2.81")}},
			{Name: "ns2.other.test.", Glue: []netip.Addr{netip.MustParseAddr("192.0.2.82")}}}}},
		{name: "it answers itself", server: authority("example.test.\n@ NS ns1"), zone: "example.test.", err: ErrNoReferral},
		{name: "there is no such zone", server: authority(above), zone: "nobody.test.", err: ErrNoReferral},
		{name: "it refers to a zone between", server: authority(above), zone: "sub.example.test.", err: ErrLame},
		{name: "it refuses", server: serveReply(func(r *dns.Msg) { r.Rcode = dns.RcodeRefused }), zone: "example.test.", err: ErrLame},
		{name: "the zone is elsewhere", server: authority(above), zone: "example.other.", err: errOutside},
		{name: "there are too many", server: authority(many), zone: "example.test.", want: &Delegation{Zone: "example.test.", Omitted: 2}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				net := newNet(t, map[string]behaviour{"192.0.2.10": tt.server})
				a := &Authority{Zone: "test.", Address: hints("192.0.2.10")[0], Dial: net.dial}
				got, err := a.Delegation(t.Context(), tt.zone)
				if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
					t.Fatalf("%v, want %v", err, tt.err)
				}
				if tt.want != nil && tt.want.Omitted > 0 {
					if got.Omitted != tt.want.Omitted || len(got.Servers) != maxNameServers {
						t.Errorf("%+v", got)
					}
					return
				}
				if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// Whoever wants to know what a server says gets it as it came, over the transport of choice.
func TestAuthorityVerbatim(t *testing.T) {
	t.Parallel()
	above := authority("test.\nexample NS ns.example\nns.example A 192.0.2.81")
	for _, tt := range []struct {
		name    string
		server  behaviour
		tcp     bool
		network string
		has     func(*dns.Msg) bool
	}{
		{"the delegation, with its glue", above, false, "udp", func(m *dns.Msg) bool { return len(m.Ns) == 1 && len(m.Extra) > 0 }},
		{"over TCP", above, true, "tcp", func(m *dns.Msg) bool { return len(m.Ns) == 1 }},
		{"the answer of a server that does not serve the zone", serveReply(func(r *dns.Msg) { r.Ns = []dns.RR{rr(". 60 NS a.root.")} }), false, "udp",
			func(m *dns.Msg) bool { return len(m.Ns) == 1 && !m.Authoritative }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				net := newNet(t, map[string]behaviour{"192.0.2.10": tt.server})
				a := &Authority{Zone: "test.", Address: hints("192.0.2.10")[0], Dial: net.dial, TCP: tt.tcp, Verbatim: true}
				reply, err := a.Exchange(t.Context(), &Query{Msg: question("example.test.", dns.TypeNS)})
				if err != nil || reply.Network != tt.network || !tt.has(reply.Msg) {
					t.Fatalf("%+v, %v", reply, err)
				}
				if _, err := a.Exchange(t.Context(), &Query{Msg: question("example.test.", dns.TypeNS), Avoid: []string{reply.Server}}); !errors.Is(err, ErrExhausted) {
					t.Errorf("although it is to be avoided: %v", err)
				}
			})
		})
	}
}
