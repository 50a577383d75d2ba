package dnssec_test

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// RFC 9905: SHA-1 can be given up, and what rests on nothing else is then unsupported.
func TestNoSHA1(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "good.", Records: "@ A 192.0.2.1"},
		dnssectest.Zone{Name: "digest.", Digest: dns.SHA1, Records: "@ A 192.0.2.1"},
		dnssectest.Zone{Name: "algorithm.", Algorithm: dns.RSASHA1NSEC3SHA1, Records: "@ A 192.0.2.1"})
	for _, tt := range []struct {
		zone       string
		with, less dnssec.Status
		code       dnssec.EDE // without SHA-1
	}{
		{"good.", dnssec.Secure, dnssec.Secure, 0},
		{"digest.", dnssec.Secure, dnssec.Insecure, dnssec.EDEUnsupportedDigest},
		{"algorithm.", dnssec.Secure, dnssec.Insecure, dnssec.EDEUnsupportedAlgorithm},
	} {
		resolver := world.Resolver()
		if answer, err := resolver.Lookup(t.Context(), tt.zone, dns.TypeA); err != nil || answer.Status != tt.with {
			t.Errorf("%s with SHA-1: %+v, %v", tt.zone, answer, err)
		}
		resolver = world.Resolver()
		resolver.Algorithms.NoSHA1 = true
		if answer, err := resolver.Lookup(t.Context(), tt.zone, dns.TypeA); err != nil || answer.Status != tt.less || answer.Reason.Code != tt.code {
			t.Errorf("%s without SHA-1: %+v, %v", tt.zone, answer, err)
		}
	}
}
