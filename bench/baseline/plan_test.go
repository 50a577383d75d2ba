//go:build unix

package main

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// The signatures that answers rest on verify by crypto alone, whatever the algorithm, each once.
func TestBareSignatures(t *testing.T) {
	t.Parallel()
	const records = "@ MX 10 mx\n@ MX 9 other\nmx A 192.0.2.1\nmx A 192.0.2.2\n_25._tcp.mx TLSA 3 1 1 " +
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "test."},
		dnssectest.Zone{Name: "p256.test.", Records: records},
		dnssectest.Zone{Name: "rsa.test.", Records: records, Algorithm: dns.RSASHA256},
		dnssectest.Zone{Name: "ed25519.test.", Records: records, Algorithm: dns.ED25519},
		dnssectest.Zone{Name: "unsigned.test.", Records: records, Unsigned: true},
	)
	resolver := world.Resolver()
	for _, tt := range []struct {
		domain string
		want   int // DS and keys of the zone, MX, A, a denial of AAAA, and TLSA
	}{
		{"p256.test", 3 + 6}, // and what is above
		{"rsa.test", 3 + 6},
		{"ed25519.test", 3 + 6},
		{"unsigned.test", 3 + 1},
	} {
		all, err := verified(t.Context(), resolver, []string{tt.domain})
		if err != nil || len(all) != tt.want {
			t.Errorf("%s: %d signatures, want %d: %v", tt.domain, len(all), tt.want, err)
		}
		if _, err := bare(all); err != nil {
			t.Errorf("%s: %v", tt.domain, err)
		}
	}
	answer, err := resolver.Lookup(t.Context(), "mx.p256.test", dns.TypeA)
	if err != nil {
		t.Fatal(err)
	}
	chain := answer.Chain()
	last := chain[len(chain)-1]
	last.Records[0].(*dns.A).A[3]++
	forged, err := newSignature(last, last.Records[len(last.Records)-1].(*dns.RRSIG), chain)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bare([]signature{forged}); err == nil {
		t.Error("a signature of other records verifies")
	}
	if _, err := newSignature(last, last.Records[len(last.Records)-1].(*dns.RRSIG), []dnssec.Link{last}); err == nil {
		t.Error("a signature without a key")
	}
}
