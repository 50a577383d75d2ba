package upstream

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/miekg/dns"
)

// A denial by a zone above is as lame as a referral to it.
func TestDenialByAZoneAbove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bad := serveReply(func(r *dns.Msg) {
			r.Rcode = dns.RcodeNameError
			r.Ns = []dns.RR{rr(". 60 SOA a. b. 1 2 3 4 60")}
		})
		for range 20 {
			net := newNet(t, internet(map[string]behaviour{"192.0.2.10": bad})) // .11 is good
			r := &Recursor{Hints: hints("192.0.2.1"), Dial: net.dial}
			if _, got := askRecursor(t, r, "mx.example.test. A"); got != "NOERROR, 192.0.2.80" {
				t.Fatalf("got %s", got)
			}
		}
	})
}

// What a server may say that is asked for a zone.
func TestClassify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, zone, question string
		rcode                int
		authoritative        bool
		authority            string
		want                 kind
	}{
		{"NXDOMAIN by the zone", "example.test.", "mx.example.test. A", dns.RcodeNameError, false, "example.test. 60 SOA a. b. 1 2 3 4 60", answer},
		{"NXDOMAIN by a zone above", "example.test.", "mx.example.test. A", dns.RcodeNameError, true, ". 60 SOA a. b. 1 2 3 4 60", lame},
		{"NXDOMAIN with nothing in it", "example.test.", "mx.example.test. A", dns.RcodeNameError, false, "", lame},
		{"NXDOMAIN with authority", "example.test.", "mx.example.test. A", dns.RcodeNameError, true, "", answer},
		{"NXDOMAIN with a proof", "example.test.", "mx.example.test. A", dns.RcodeNameError, false, "a.example.test. 60 NSEC z.example.test. A", answer},
		{"no DS, by the zone above the cut", "p.test.", "c.p.test. DS", dns.RcodeSuccess, true, "p.test. 60 SOA a. b. 1 2 3 4 60", answer},
		{"no DS, by the zone below the cut", "p.test.", "c.p.test. DS", dns.RcodeSuccess, true, "c.p.test. 60 SOA a. b. 1 2 3 4 60", childSide},
		{"no DS of the root", ".", ". DS", dns.RcodeSuccess, true, ". 60 SOA a. b. 1 2 3 4 60", answer},
		{"a referral", "test.", "mx.example.test. A", dns.RcodeSuccess, false, "example.test. 60 NS ns.example.test.", referral},
	} {
		name, rrtype, _ := strings.Cut(tt.question, " ")
		reply := new(dns.Msg)
		reply.Rcode, reply.Authoritative = tt.rcode, tt.authoritative
		if tt.authority != "" {
			reply.Ns = []dns.RR{rr(tt.authority)}
		}
		if got, _ := classify(tt.zone, dns.Question{Name: name, Qtype: dns.StringToType[rrtype], Qclass: dns.ClassINET}, reply); got != tt.want {
			t.Errorf("%s: kind %d, want %d", tt.name, got, tt.want)
		}
	}
}
