package weight

import (
	"reflect"
	"testing"

	"github.com/miekg/dns"
)

// What the usual types have a short cut for is weighed as any other record would be.
func TestUsualTypesWeighAsTheirFieldsDo(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"example. A 192.0.2.1",
		"example. AAAA 2001:db8::1",
		"example. NS ns.example.",
		"example. SOA ns.example. host\\.master.example. 1 2 3 4 5",
		`a\032strange\.name.example. MX 10 mx.example.`,
		"_25._tcp.mx.example. TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"example. DS 1 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"example. DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==",
		"example. RRSIG A 13 1 60 20300101000000 20200101000000 1 example. c2lnbmF0dXJl",
		"example. NSEC a.example. A MX RRSIG NSEC TYPE1234",
		"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A MX RRSIG",
		"example. TXT one two", // which has none
	} {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := Record(rr), pointed(reflect.ValueOf(rr)); got != want || got == 0 {
			t.Errorf("%s: %d octets, want %d", text, got, want)
		}
	}
}
