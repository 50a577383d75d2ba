package validate

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// BenchmarkCollect is what it takes to sort the records of a parsed reply: two mail hosts,
// with signatures, name servers and glue.
func BenchmarkCollect(b *testing.B) {
	msg := new(dns.Msg)
	for section, records := range map[*[]dns.RR][]string{
		&msg.Answer: {"example. 60 MX 1 a.example.", "example. 60 MX 2 b.example."},
		&msg.Ns:     {"example. 60 NS ns.example."},
		&msg.Extra:  {"ns.example. 60 A 192.0.2.1", "ns.example. 60 AAAA 2001:db8::1"},
	} {
		for _, text := range records {
			rr, err := dns.NewRR(text)
			if err != nil {
				b.Fatal(err)
			}
			*section = append(*section, rr)
		}
	}
	msg.Answer = append(msg.Answer, &dns.RRSIG{Hdr: dns.RR_Header{Name: "example.", Rrtype: dns.TypeRRSIG, Class: dns.ClassINET}, TypeCovered: dns.TypeMX})
	b.ReportAllocs()
	for b.Loop() {
		if answers, authority := Collect(canonical.Root, msg); len(answers) != 1 || len(answers[0].Sigs) != 1 || len(authority) != 1 {
			b.Fatal(answers, authority)
		}
	}
}
