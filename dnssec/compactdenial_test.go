package dnssec_test

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// RFC 9824: a zone that is signed as it is asked says by a record at the name itself
// that it does not exist, or has no such type.
func TestCompactDenialOfExistence(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, types string
		answered    int // the rcode of the reply
		qtype       uint16
		status      dnssec.Status
		rcode       int
	}{
		{"no such name", "RRSIG NSEC TYPE128", dns.RcodeSuccess, dns.TypeA, dnssec.Secure, dns.RcodeNameError},
		{"no such name, and the rcode says so", "RRSIG NSEC TYPE128", dns.RcodeNameError, dns.TypeTLSA, dnssec.Secure, dns.RcodeNameError},
		{"no such type", "A RRSIG NSEC", dns.RcodeSuccess, dns.TypeMX, dnssec.Secure, dns.RcodeSuccess},
		{"an empty non-terminal", "RRSIG NSEC", dns.RcodeSuccess, dns.TypeMX, dnssec.Secure, dns.RcodeSuccess},
		{"no such name, but with types", "A RRSIG NSEC TYPE128", dns.RcodeSuccess, dns.TypeMX, dnssec.Secure, dns.RcodeSuccess},
		{"the type is there", "A RRSIG NSEC", dns.RcodeSuccess, dns.TypeA, dnssec.Bogus, dns.RcodeServerFailure},
		{"a name that is there is no alias", "CNAME RRSIG NSEC", dns.RcodeSuccess, dns.TypeA, dnssec.Bogus, dns.RcodeServerFailure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			world := dnssectest.New(t, dnssectest.Zone{Name: "test."})
			nsec := parseRR(t, `none.test. 300 IN NSEC \000.none.test. `+tt.types)
			sig := world.Sign("test.", nsec)
			world.Tamper = func(q dns.Question, reply *dns.Msg) {
				if q.Name == "none.test." {
					reply.Rcode, reply.Answer, reply.Ns = tt.answered, nil, []dns.RR{nsec, sig}
				}
			}
			answer, err := world.Resolver().Lookup(t.Context(), "none.test.", tt.qtype)
			if answer.Status != tt.status || answer.RCode != tt.rcode {
				t.Errorf("%s, rcode %d, %v", answer.Status, answer.RCode, err)
			}
		})
	}
}
