package dane

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// What is written without miekg/dns is what it writes.
func TestRData(t *testing.T) {
	t.Parallel()
	for _, rdatas := range []string{
		"A 192.0.2.1", "AAAA 2001:db8::1", "AAAA ::ffff:192.0.2.1", "MX 0 .", "MX 65535 Mail_1.Example.", `MX 10 a\.b.example.`, `MX 10 \000\255.example.`,
		"TLSA 3 1 1 0123456789abcdef", "TLSA 255 0 10 AB", `TXT "a	b" "c"`, "SOA . . 1 2 3 4 5",
	} {
		for _, owner := range []string{"example.", `a\	b.example.`, "."} {
			rr, err := dns.NewRR(owner + " 300 IN " + rdatas)
			if err != nil {
				t.Fatal(rdatas, err)
			}
			if got, want := rdata(rr), strings.TrimPrefix(rr.String(), rr.Header().String()); got != want {
				t.Errorf("%s: %q, want %q", rdatas, got, want)
			}
		}
	}
	for _, rr := range []dns.RR{
		&dns.A{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeA}}, &dns.A{A: make([]byte, 16)}, &dns.A{A: []byte{1}}, &dns.MX{}, &dns.MX{Mx: "a..b"}, &dns.MX{Mx: ".a"}, &dns.TLSA{},
	} {
		if got, want := rdata(rr), strings.TrimPrefix(rr.String(), rr.Header().String()); got != want {
			t.Errorf("%#v: %q, want %q", rr, got, want)
		}
	}
}
