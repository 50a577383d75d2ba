package dnssec_test

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
)

// The zone of RFC 4035 §A, with keys of our own, and the responses of RFC 4035 §B.
func TestRFC4035(t *testing.T) {
	t.Parallel()
	const chain = `
@     NSEC a     NS SOA MX RRSIG NSEC DNSKEY
a     DS 57855 5 1 b6dcd485719adca18e5f3d48a2331627fdd3636b
a     NSEC ai    NS DS RRSIG NSEC
ai    NSEC b     A HINFO AAAA RRSIG NSEC
b     NSEC ns1   NS RRSIG NSEC
ns1   NSEC ns2   A RRSIG NSEC
ns2   NSEC *.w   A RRSIG NSEC
*.w   NSEC x.w   MX RRSIG NSEC
x.w   NSEC x.y.w MX RRSIG NSEC
x.y.w NSEC xx    MX RRSIG NSEC
xx    NSEC @     A HINFO AAAA RRSIG NSEC`
	const delegations = `
a NS ns1.a
a NS ns2.a
a DS 57855 5 1 b6dcd485719adca18e5f3d48a2331627fdd3636b
ns1.a A 192.0.2.5
ns2.a A 192.0.2.6
b NS ns1.b
b NS ns2.b
ns1.b A 192.0.2.7
ns2.b A 192.0.2.8`
	checkChain(t, &sign.Zone{Apex: "example."}, referenceZone+delegations, chain)

	world := dnssectest.New(t,
		dnssectest.Zone{Name: "example.", Records: referenceZone, Algorithm: dns.RSASHA1, TwoKeys: true},
		dnssectest.Zone{Name: "a.example.", Records: referenceChild},
		dnssectest.Zone{Name: "b.example.", Records: referenceChild, Unsigned: true})
	checkReference(t, world, "example.", "192.0.2.1:53", chain, []referenceCase{
		{name: "RFC 4035 §B.1 answer", question: "x.w.example. MX", status: dnssec.Secure},
		{name: "RFC 4035 §B.2 name error", question: "ml.example. A", rcode: dns.RcodeNameError, status: dnssec.Secure,
			proof: []string{"b.example. NSEC", "example. NSEC"}},
		{name: "RFC 4035 §B.3 no data error", question: "ns1.example. MX", status: dnssec.Secure, proof: []string{"ns1.example. NSEC"}},
		{name: "RFC 4035 §B.4 referral to signed zone", question: "mc.a.example. MX", status: dnssec.Secure, proof: []string{"a.example. DS"}},
		{name: "RFC 4035 §B.5 referral to unsigned zone", question: "mc.b.example. MX", status: dnssec.Insecure, proof: []string{"b.example. NSEC"}},
		{name: "RFC 4035 §B.6 wildcard expansion", question: "a.z.w.example. MX", status: dnssec.Secure, proof: []string{"x.y.w.example. NSEC"}},
		{name: "RFC 4035 §B.7 wildcard no data error", question: "a.z.w.example. AAAA", status: dnssec.Secure,
			proof: []string{"x.y.w.example. NSEC", "*.w.example. NSEC"}},
		{name: "RFC 4035 §B.8 DS child zone no data error", question: "example. DS", status: dnssec.Bogus, child: true,
			proof: []string{"example. NSEC"}},
	})
}
