package dnssec_test

import (
	"crypto"
	"errors"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/anchor"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
)

// The first example of RFC 8080 §6.1 from its DS record on. The RFC has no signature of
// the keys; it is made by the private key that it prints.
func TestRFC8080(t *testing.T) {
	t.Parallel()
	const (
		inception, expiration = 1438207200, 1440021600

		private = "Private-key-format: v1.2\nAlgorithm: 15 (ED25519)\nPrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n"
	)
	public := parseRR(t, "example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=").(*dns.DNSKEY)
	signer, err := public.NewPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key := sign.Key{Public: public, Private: signer.(crypto.Signer)}
	keySignature, err := key.Sign([]dns.RR{public}, time.Unix(inception-3600, 0), time.Unix(expiration+3600, 0))
	if err != nil {
		t.Fatal(err)
	}
	zone := archive{public, keySignature,
		parseRR(t, "example.com. 3600 IN MX 10 mail.example.com."),
		parseRR(t, "example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 3613 example.com. "+
			"oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg=="),
	}
	ds := parseRR(t, "example.com. 3600 IN DS 3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b").(*dns.DS)
	// Of the second key of RFC 8080 §6.1, and of that of RFC 8080 §6.2.
	other := parseRR(t, "example.com. 3600 IN DS 35217 15 2 401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c").(*dns.DS)
	ed448 := parseRR(t, ed448DS).(*dns.DS)
	for _, tt := range []struct {
		name   string
		anchor *dns.DS
		now    int64
		status dnssec.Status
		code   dnssec.EDE
	}{
		{"at the inception", ds, inception, dnssec.Secure, 0},
		{"at the expiration", ds, expiration, dnssec.Secure, 0},
		{"a second before the inception", ds, inception - 1, dnssec.Bogus, dnssec.EDESignatureNotYetValid},
		{"a second after the expiration", ds, expiration + 1, dnssec.Bogus, dnssec.EDESignatureExpired},
		{"by the DS record of another key", other, inception, dnssec.Bogus, dnssec.EDEDNSKEYMissing},
		{"by that of an Ed448 key, an anchor that is not supported", ed448, inception, dnssec.Indeterminate, dnssec.EDEUnsupportedAlgorithm},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			resolver := &dnssec.Resolver{Exchanger: zone, Anchors: anchor.Set{{Zone: "example.com.", DS: tt.anchor}}, Time: func() time.Time { return time.Unix(tt.now, 0) }}
			answer, err := resolver.Lookup(t.Context(), "example.com.", dns.TypeMX)
			if answer == nil || answer.Status != tt.status || answer.Reason.Code != tt.code || (err != nil) != (tt.status < dnssec.Insecure) {
				t.Errorf("%+v, %v", answer, err)
			}
		})
	}
}

// ed448DS is the DS record of RFC 8080 §6.2.
const ed448DS = "example.com. 3600 IN DS 9713 16 2 6ccf18d5bc5d7fc2fceb1d59d17321402f2aa8d368048db93dd811f5cb2b19c7"

// A delegation to the zone of RFC 8080 §6.2 is insecure, since Ed448 is not supported.
func TestRFC8080Ed448(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t, dnssectest.Zone{Name: "com.", Records: ed448DS}, dnssectest.Zone{Name: "example.com.", AsIs: true, Records: `
		@ SOA ns.example.net. hostmaster 1 3600 300 3600000 3600
		@ NS ns.example.net.
		@ 3600 DNSKEY 257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA
		@ 3600 MX 10 mail.example.com.
		@ 3600 RRSIG MX 16 2 3600 1440021600 1438207200 9713 example.com. 3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSAxGILn/NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA`})
	world.Time = func() time.Time { return time.Unix(1438207200, 0) }
	answer, err := lookup(t, world, "example.com. MX")
	if err != nil || answer.Status != dnssec.Insecure || answer.Reason.Code != dnssec.EDEUnsupportedAlgorithm {
		t.Errorf("%+v, %v", answer, err)
	}
}

// RFC 5702 §6.1 has a key of 512 bits, which is refused by default.
func TestRFC5702(t *testing.T) {
	t.Parallel()
	key := parseRR(t, "example.net. 3600 IN DNSKEY 256 3 8 AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36BponcwtkZ4cAgtvd4Qs8PkxUdp6p/DlUmObdk=")
	sig := parseRR(t, "www.example.net. 3600 IN RRSIG A 8 3 3600 20300101000000 20000101000000 9033 example.net. "+
		"kRCOH6u7l0QGy9qpC9l1sLncJcOKFLJ7GhiUOibu4teYp5VE9RncriShZNz85mwlMgNEacFYK/lPtPiVYP4bwg==").(*dns.RRSIG)
	set, err := canonical.NewRRset(parseRR(t, "www.example.net. 3600 IN A 192.0.2.91"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := verify(suiteAlgorithms(), set, []*dns.RRSIG{sig}, []dns.RR{key}, now); err != nil {
		t.Error(err)
	}
	if err := verify(rrsig.Algorithms{}, set, []*dns.RRSIG{sig}, []dns.RR{key}, now); !errors.Is(err, rrsig.ErrKeyRefused) {
		t.Errorf("by default: %v", err)
	}
}
