package rrsig_test

import (
	"errors"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/ds"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// The keys, DS records and signatures that the RFCs print for their algorithms.
func TestVectors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rfc, key string
		ds       string // if the RFC has one
		set, sig string
		want     error
	}{
		{
			rfc: "RFC 5702 §6.1 RSA/SHA-256, a key of 512 bits, which are too few",
			key: "example.net. 3600 IN DNSKEY 256 3 8 AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36BponcwtkZ4cAgtvd4Qs8PkxUdp6p/DlUmObdk=",
			set: "www.example.net. 3600 IN A 192.0.2.91",
			sig: "www.example.net. 3600 IN RRSIG A 8 3 3600 20300101000000 20000101000000 9033 example.net. " +
				"kRCOH6u7l0QGy9qpC9l1sLncJcOKFLJ7GhiUOibu4teYp5VE9RncriShZNz85mwlMgNEacFYK/lPtPiVYP4bwg==",
			want: rrsig.ErrKeyRefused,
		},
		{
			rfc: "RFC 5702 §6.2 RSA/SHA-512",
			key: "example.net. 3600 IN DNSKEY 256 3 10 AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X0O6pnWnjJQujX/AyhqFD" +
				"xj13tOnD9u/1kTg7cV6rklMrZDtJCQ5PCl/D7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDtaR7ZQBlZ3PFY12ZTSncorffcGmhOL",
			set: "www.example.net. 3600 IN A 192.0.2.91",
			sig: "www.example.net. 3600 IN RRSIG A 10 3 3600 20300101000000 20000101000000 3740 example.net. " +
				"tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQL1d0YRoOe0CbxrVDYd0xDtsuJRaeUw1ep94PzEWzr0iGYgZBWm/zpq+9fOuagYJRfDqfReKBzMweOL" +
				"DiNa8iP5g9vMhpuv6OPlvpXwm9Sa9ZXIbNl1MBGk0fthPgxdDLw=",
		},
		{
			rfc: "RFC 6605 §6.1 P-256",
			key: "example.net. 3600 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
			ds:  "example.net. 3600 IN DS 55648 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
			set: "www.example.net. 3600 IN A 192.0.2.1",
			sig: "www.example.net. 3600 IN RRSIG A 13 3 3600 20100909100439 20100812100439 55648 example.net. " +
				"qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
		},
		{
			rfc: "RFC 6605 §6.2 P-384",
			key: "example.net. 3600 IN DNSKEY 257 3 14 xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
			ds:  "example.net. 3600 IN DS 10771 14 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6",
			set: "www.example.net. 3600 IN A 192.0.2.1",
			sig: "www.example.net. 3600 IN RRSIG A 14 3 3600 20100909102025 20100812102025 10771 example.net. " +
				"/L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm",
		},
		{
			rfc: "RFC 8080 §6.1 Ed25519",
			key: "example.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=",
			ds:  "example.com. 3600 IN DS 3613 15 2 3aa5ab37efce57f737fc1627013fee07bdf241bd10f3b1964ab55c78e79a304b",
			set: "example.com. 3600 IN MX 10 mail.example.com.",
			sig: "example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 3613 example.com. " +
				"oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==",
		},
		{
			rfc: "RFC 8080 §6.1 Ed25519, another key",
			key: "example.com. 3600 IN DNSKEY 257 3 15 zPnZ/QwEe7S8C5SPz2OfS5RR40ATk2/rYnE9xHIEijs=",
			ds:  "example.com. 3600 IN DS 35217 15 2 401781b934e392de492ec77ae2e15d70f6575a1c0bc59c5275c04ebe80c6614c",
			set: "example.com. 3600 IN MX 10 mail.example.com.",
			sig: "example.com. 3600 IN RRSIG MX 15 2 3600 1440021600 1438207200 35217 example.com. " +
				"zXQ0bkYgQTEFyfLyi9QoiY6D8ZdYo4wyUhVioYZXFdT410QPRITQSqJSnzQoSm5poJ7gD7AQR0O7KuI5k2pcBg==",
		},
		{
			rfc: "RFC 8080 §6.2 Ed448, which is not supported",
			key: "example.com. 3600 IN DNSKEY 257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA",
			ds:  "example.com. 3600 IN DS 9713 16 2 6ccf18d5bc5d7fc2fceb1d59d17321402f2aa8d368048db93dd811f5cb2b19c7",
			set: "example.com. 3600 IN MX 10 mail.example.com.",
			sig: "example.com. 3600 IN RRSIG MX 16 2 3600 1440021600 1438207200 9713 example.com. " +
				"3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSAxGILn/NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA",
			want: rrsig.ErrUnsupported,
		},
	} {
		t.Run(tt.rfc, func(t *testing.T) {
			t.Parallel()
			key, sig := record[*dns.DNSKEY](t, tt.key), record[*dns.RRSIG](t, tt.sig)
			set, apex := rrset(t, record[dns.RR](t, tt.set)), zone(t, key.Hdr.Name)
			if tt.ds != "" && !ds.Matches(record[*dns.DS](t, tt.ds), apex, key) {
				t.Error("the DS record does not match the key")
			}
			if err := rrsig.Check(set, sig, apex, time.Unix(int64(sig.Inception), 0), 0); err != nil {
				t.Error(err)
			}
			if err := rrsig.ZoneKey(key); err != nil {
				t.Error(err)
			}
			verifier := rrsig.NewKey(supported, key)
			if !verifier.Named(sig) {
				t.Errorf("the signature does not name the key, %d", verifier.Tag)
			}
			if err := verifier.Verify(set, sig); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if tt.want != nil {
				return
			}
			set.Owner = zone(t, "x."+set.Owner.String())
			if err := verifier.Verify(set, sig); !errors.Is(err, rrsig.ErrSignature) {
				t.Errorf("another owner: %v", err)
			}
		})
	}
}
