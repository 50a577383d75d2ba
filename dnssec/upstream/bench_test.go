package upstream_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// BenchmarkExchange asks a name server on loopback, as a validator does: through a Pool that has
// a Recursor. The server allocates nothing. All its replies are signed, so the Pool never gets to
// know whether it would pass signatures on, and has a timer for that, which the Recursor alone has not.
func BenchmarkExchange(b *testing.B) {
	recursor := &upstream.Recursor{Hints: []netip.AddrPort{serveSigned(b)}, FullNames: true}
	for _, by := range []struct {
		name      string
		exchanger upstream.Exchanger
	}{
		{"pool", &upstream.Pool{Exchangers: []upstream.Exchanger{recursor}}},
		{"recursor", recursor},
	} {
		b.Run(by.name, func(b *testing.B) {
			query := new(dns.Msg).SetQuestion("mail.example.", dns.TypeA)
			query.SetEdns0(1232, true)
			ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second) // as a lookup has
			defer cancel()
			b.ReportAllocs()
			for b.Loop() {
				reply, err := by.exchanger.Exchange(ctx, &upstream.Query{Msg: query})
				if err != nil || len(reply.Msg.Answer) != 2 {
					b.Fatal(reply, err)
				}
			}
		})
	}
}

// serveSigned answers every question by the same A record, with a signature of nothing.
func serveSigned(b *testing.B) netip.AddrPort {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	records := signedRecords(b)
	done := make(chan struct{})
	go func() {
		defer close(done)
		packet := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(packet)
			if err != nil {
				return
			}
			end := 12
			for ; end < n && packet[end] != 0; end += int(packet[end]) + 1 {
			}
			reply := append(packet[:end+5], records...)
			reply[2] = 0x84                          // QR, AA
			binary.BigEndian.PutUint16(reply[6:], 2) // answers
			conn.WriteToUDPAddrPort(reply, from)
		}
	}()
	b.Cleanup(func() { conn.Close(); <-done })
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

// signedRecords returns the records of a reply behind the question, in wire form. Their owner is
// the name in the question.
func signedRecords(b *testing.B) []byte {
	msg := new(dns.Msg).SetQuestion("mail.example.", dns.TypeA)
	msg.Compress = true
	for _, text := range []string{
		"mail.example. 3600 A 192.0.2.1",
		"mail.example. 3600 RRSIG A 13 2 3600 20300101000000 20200101000000 1 example. " +
			"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
	} {
		rr, err := dns.NewRR(text)
		if err != nil {
			b.Fatal(err)
		}
		msg.Answer = append(msg.Answer, rr)
	}
	msg.SetEdns0(1232, true)
	wire, err := msg.Pack()
	if err != nil {
		b.Fatal(err)
	}
	question := new(dns.Msg).SetQuestion("mail.example.", dns.TypeA)
	return wire[question.Len():]
}
