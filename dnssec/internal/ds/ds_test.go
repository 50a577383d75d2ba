package ds_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/ds"
	"github.com/danesmtp/danesmtp/dnssec/internal/sign"
)

func record[T dns.RR](t *testing.T, text string) T {
	t.Helper()
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return rr.(T)
}

// The key of RFC 4034 §5.4, and its digests there and in RFC 4509 §2.3.
const exampleKey = "dskey.example.com. 86400 IN DNSKEY 256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw=="

func TestMatches(t *testing.T) {
	t.Parallel()
	key := record[*dns.DNSKEY](t, exampleKey)
	for _, tt := range []struct {
		name, rfc, owner, ds string
		want                 bool
	}{
		{"SHA-1", "RFC 4034 §5.4", "dskey.example.com.", "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", true},
		{"SHA-256", "RFC 4509 §2.3", "dskey.example.com.", "60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A", true},
		{"the owner's case does not count", "RFC 4034 §5.1.4", "DSKEY.Example.COM", "60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118", true},
		{"another owner", "RFC 4034 §5.1.4", "other.example.com.", "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", false},
		{"another tag", "RFC 4034 §5.1.1", "dskey.example.com.", "60486 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", false},
		{"another algorithm", "RFC 4034 §5.1.2", "dskey.example.com.", "60485 7 1 2BB183AF5F22588179A53B0A98631FAD1A292118", false},
		{"an unsupported digest", "RFC 4034 §5.1.3", "dskey.example.com.", "60485 5 3 2BB183AF5F22588179A53B0A98631FAD1A292118", false},
		{"a short digest", "RFC 4034 §5.1.4", "dskey.example.com.", "60485 5 1 2BB183AF", false},
		{"a wrong digest", "RFC 4034 §5.1.4", "dskey.example.com.", "60485 5 1 3BB183AF5F22588179A53B0A98631FAD1A292118", false},
	} {
		owner, err := canonical.ParseName(tt.owner)
		if err != nil {
			t.Fatal(err)
		}
		if got := ds.Matches(record[*dns.DS](t, "x. DS "+tt.ds), owner, key); got != tt.want {
			t.Errorf("%s, %s: %v", tt.name, tt.rfc, got)
		}
	}
}

func TestMatchesSHA384(t *testing.T) {
	t.Parallel()
	key, err := sign.NewKey("example.", dns.ECDSAP384SHA384, sign.KSK)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := canonical.ParseName("example.")
	if err != nil {
		t.Fatal(err)
	}
	if !ds.SupportedDigest(dns.SHA384) || !ds.Matches(key.Public.ToDS(dns.SHA384), owner, key.Public) {
		t.Error("SHA-384 does not match")
	}
}

// A record matches a key of which it holds the digest, and no other one.
func FuzzMatches(f *testing.F) {
	f.Add("example.", uint16(257), uint8(13), []byte("key"), uint8(2), "00")
	f.Fuzz(func(t *testing.T, name string, flags uint16, algorithm uint8, public []byte, digest uint8, text string) {
		owner, err := canonical.ParseName(name)
		if err != nil {
			return
		}
		key := &dns.DNSKEY{
			Hdr: dns.RR_Header{Name: owner.String(), Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET}, Flags: flags, Protocol: 3,
			Algorithm: algorithm, PublicKey: base64.StdEncoding.EncodeToString(public),
		}
		if len(public) < 4000 && ds.KeyTag(key) != key.KeyTag() {
			t.Errorf("%v: tag %d, and by miekg/dns %d", key, ds.KeyTag(key), key.KeyTag())
		}
		record := &dns.DS{KeyTag: key.KeyTag(), Algorithm: algorithm, DigestType: digest, Digest: text}
		if own := key.ToDS(digest); own != nil && ds.SupportedDigest(digest) && digest != dns.SHA1 {
			if !ds.Matches(own, owner, key) {
				t.Errorf("%v does not match %v", own, key)
			}
			if ds.Matches(record, owner, key) != strings.EqualFold(text, own.Digest) {
				t.Errorf("%v and %v", record, key)
			}
			return
		}
		ds.Matches(record, owner, key)
	})
}
