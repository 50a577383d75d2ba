package dnssec_test

import (
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// A denial lives for the least of all that bounds it: a SOA shortens and never lengthens
// (RFC 2308 §5, RFC 9077 §3).
func TestDenialExpires(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		soa     []string // of the reply
		forged  bool     // not signed
		nsec    uint32   // TTL of the NSEC records, as received
		signed  uint32   // their original TTL
		expires time.Duration
	}{
		{name: "the TTL of the NSEC records", soa: []string{". 7200 IN SOA ns. h. 1 7200 3600 1209600 7200"}, nsec: 3600, signed: 3600, expires: time.Hour},
		{name: "MINIMUM, of signers before RFC 9077", soa: []string{". 7200 IN SOA ns. h. 1 7200 3600 1209600 60"}, nsec: 7200, signed: 7200, expires: time.Minute},
		{name: "the TTL of the SOA", soa: []string{". 60 IN SOA ns. h. 1 7200 3600 1209600 7200"}, nsec: 7200, signed: 7200, expires: time.Minute},
		{name: "the original TTL", soa: []string{". 7200 IN SOA ns. h. 1 7200 3600 1209600 7200"}, nsec: 7200, signed: 120, expires: 2 * time.Minute},
		{name: "three hours", soa: []string{". 86400 IN SOA ns. h. 1 7200 3600 1209600 86400"}, nsec: 86400, signed: 86400, expires: 3 * time.Hour},
		{name: "a forged SOA shortens", soa: []string{". 7200 IN SOA ns. h. 1 7200 3600 1209600 60"}, forged: true, nsec: 7200, signed: 7200, expires: time.Minute},
		{name: "a forged SOA does not lengthen", soa: []string{". 86400 IN SOA ns. h. 1 7200 3600 1209600 86400"}, forged: true, nsec: 60, signed: 60, expires: time.Minute},
		{name: "of two SOAs the shorter one", soa: []string{". 60 IN SOA ns. h. 1 7200 3600 1209600 7200", ". 7200 IN SOA ns. h. 1 7200 3600 1209600 7200"}, forged: true, nsec: 7200, signed: 7200, expires: time.Minute},
		{name: "the SOA of another zone has no say", soa: []string{"other. 5 IN SOA ns. h. 1 7200 3600 1209600 5"}, forged: true, nsec: 3600, signed: 3600, expires: time.Hour},
		{name: "none", nsec: 3600, signed: 3600, expires: time.Hour},
		{name: "zero", soa: []string{". 0 IN SOA ns. h. 1 7200 3600 1209600 60"}, nsec: 3600, signed: 3600},
	} {
		for _, denial := range []dnssectest.Denial{dnssectest.NSEC, dnssectest.NSEC3, dnssectest.NSEC3OptOut} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				now := time.Now().Truncate(time.Second)
				world := dnssectest.New(t, dnssectest.Zone{Name: ".", Denial: denial, Records: "www A 192.0.2.1"})
				world.Time = func() time.Time { return now }
				world.Tamper = func(q dns.Question, reply *dns.Msg) {
					for _, rr := range reply.Answer {
						rr.Header().Ttl = 86400 // of the keys
						if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == dns.TypeDNSKEY {
							keys := slices.DeleteFunc(slices.Clone(reply.Answer), func(rr dns.RR) bool { return rr == sig })
							*sig = *world.Sign(".", keys...)
						}
					}
					ns := reply.Ns
					reply.Ns = nil
					for _, rr := range ns {
						if rr.Header().Rrtype != dns.TypeNSEC && rr.Header().Rrtype != dns.TypeNSEC3 {
							continue
						}
						rr.Header().Ttl = tt.signed
						sig := world.Sign(".", rr)
						rr.Header().Ttl, sig.Hdr.Ttl = tt.nsec, tt.nsec
						reply.Ns = append(reply.Ns, rr, sig)
					}
					if len(ns) == 0 {
						return
					}
					for _, text := range tt.soa {
						rr := parseRR(t, text)
						reply.Ns = append(reply.Ns, rr)
						if !tt.forged {
							reply.Ns = append(reply.Ns, world.Sign(".", rr))
						}
					}
				}
				resolver := world.Resolver()
				for _, question := range []string{"www. MX", "no. A"} {
					answer, err := lookupBy(t.Context(), resolver, question)
					if err != nil || len(answer.Records) > 0 {
						t.Fatalf("%s: %+v, %v", question, answer, err)
					}
					if got := answer.Expires.Sub(now); got != tt.expires {
						t.Errorf("%s: it expires after %s, want %s", question, got, tt.expires)
					}
				}
				// Nor does what the denial proves of other names outlive it.
				now = now.Add(tt.expires)
				before := len(world.Questions())
				for _, question := range []string{"www. MX", "no. A", "nothing. MX"} {
					if answer, err := lookupBy(t.Context(), resolver, question); err != nil || answer.Status == dnssec.Indeterminate {
						t.Errorf("%s: %+v, %v", question, answer, err)
					}
				}
				if asked := len(world.Questions()) - before; asked < 2 {
					t.Errorf("%d questions after the end of the denials", asked)
				}
			})
		}
	}
}
