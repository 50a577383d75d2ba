package rrsig_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// What is kept of a signature gives the record that was received.
func TestSignatureIsTheRecord(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"of P-256":  "example.com. 3600 IN RRSIG MX 13 2 300 20300101000000 20200101000000 54321 Example.COM. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
		"of a byte": "*.a.example. 1 IN RRSIG TYPE65280 8 2 86400 21060207062815 19700101000000 1 . AQ==",
	} {
		wire, err := (&dns.Msg{Answer: []dns.RR{record[*dns.RRSIG](t, text)}}).Pack()
		if err != nil {
			t.Fatal(err)
		}
		var msg dns.Msg
		if err := msg.Unpack(wire); err != nil {
			t.Fatal(err)
		}
		sig := msg.Answer[0].(*dns.RRSIG)
		of := &dns.RR_Header{Name: sig.Hdr.Name, Rrtype: sig.TypeCovered, Class: dns.ClassINET, Ttl: sig.Hdr.Ttl, Rdlength: 4}
		if diff := cmp.Diff(sig, rrsig.NewSignature(sig).Record(of)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
