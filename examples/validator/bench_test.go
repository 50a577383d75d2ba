package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// BenchmarkHandle is a query whose answer is in the resolver's cache, without the socket: the first
// one of a second, and the same again.
func BenchmarkHandle(b *testing.B) {
	var records strings.Builder
	const names = 100
	for i := range names {
		fmt.Fprintf(&records, "m%d MX 10 h%[1]d\nh%[1]d A 192.0.2.1\n_25._tcp.h%[1]d TLSA 3 1 1 %s\n", i, strings.Repeat("ab", 32))
	}
	world := dnssectest.New(b, dnssectest.Zone{Name: "example.", Records: records.String()})
	resolver := world.Resolver()
	s := &server{lookups: b.Context(), responder: &responder{
		resolver: resolver, exchanger: world, timeout: defaultTimeout, inFlight: make(chan struct{}, maxInFlight), log: quiet(),
	}}
	udp := &packetServer{allowed: s.allowed, answer: s.answer, failed: func(err error) { b.Error(err) }}
	from := netip.MustParseAddr("127.0.0.1")
	for _, c := range []struct {
		name  string
		qtype uint16
	}{{"m%d.example.", dns.TypeMX}, {"h%d.example.", dns.TypeA}, {"_25._tcp.h%d.example.", dns.TypeTLSA}, {"no%d.example.", dns.TypeAAAA}} {
		var packets [][]byte
		for i := range names {
			packet, err := set{ad: true, do: true}.query(fmt.Sprintf(c.name, i), c.qtype).Pack()
			if err != nil {
				b.Fatal(err)
			}
			packets = append(packets, packet)
		}
		for _, again := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s again=%t", dns.Type(c.qtype), again), func(b *testing.B) {
				out := make([]byte, 0, ednsSize)
				for _, p := range packets {
					udp.handle(from, p, out)
				}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					packet := packets[i%names]
					reply := udp.again(from, packet, out)
					if !again || reply == nil {
						reply = udp.handle(from, packet, out)
					}
					if reply[3]&0x20 == 0 {
						b.Fatalf("no AD: % x", reply)
					}
				}
			})
		}
	}
}
