package wireform_test

import (
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/wireform"
)

// BenchmarkUnpack is a referral-free answer with two records, their signature, keys, a
// denial and an OPT record, read here and, beside it, by miekg/dns.
func BenchmarkUnpack(b *testing.B) {
	msg := new(dns.Msg)
	msg.SetQuestion("example.com.", dns.TypeMX)
	msg.Compress = true
	for _, text := range []string{
		"example.com. 300 IN MX 10 mail.example.com.", "example.com. 300 IN MX 20 backup.example.com.",
		"example.com. 300 IN RRSIG MX 13 2 300 20300101000000 20200101000000 1 example.com. qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
		"example.com. 300 IN DNSKEY 257 3 13 GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
		"_25._tcp.example.com. 300 IN TLSA 3 1 1 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17",
		"example.com. 300 IN NSEC www.example.com. A NS SOA MX RRSIG NSEC DNSKEY",
		"example.com. 300 IN A 192.0.2.1",
	} {
		rr, err := dns.NewRR(text)
		if err != nil {
			b.Fatal(err)
		}
		msg.Answer = append(msg.Answer, rr)
	}
	msg.SetEdns0(1232, true)
	packet, err := msg.Pack()
	if err != nil {
		b.Fatal(err)
	}
	// They take turns, and medians count, so that the ratio holds on a busy machine.
	var here, theirs []time.Duration
	for b.Loop() {
		start := time.Now()
		if err := new(dns.Msg).Unpack(packet); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if _, err := wireform.Unpack(packet); err != nil {
			b.Fatal(err)
		}
		here, theirs = append(here, time.Since(middle)), append(theirs, middle.Sub(start))
	}
	slices.Sort(here)
	slices.Sort(theirs)
	b.ReportMetric(float64(here[b.N/2]), "ns/op")
	b.ReportMetric(float64(theirs[b.N/2]), "miekg-ns/op")
	b.ReportMetric(float64(here[b.N/2])/float64(theirs[b.N/2]), "x-miekg")
}
