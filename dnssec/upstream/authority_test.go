package upstream

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

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
