//go:build unix

package main

import (
	"net"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
)

// The signatures that answers rest on verify by crypto alone, whatever the algorithm, each once.
func TestBareSignatures(t *testing.T) {
	t.Parallel()
	const records = "@ MX 10 mx\n@ MX 9 other\nmx A 192.0.2.1\nmx A 192.0.2.2\n_25._tcp.mx TLSA 3 1 1 " +
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "test."},
		dnssectest.Zone{Name: "p256.test.", Records: records},
		dnssectest.Zone{Name: "rsa.test.", Records: records, Algorithm: dns.RSASHA256},
		dnssectest.Zone{Name: "ed25519.test.", Records: records, Algorithm: dns.ED25519},
		dnssectest.Zone{Name: "unsigned.test.", Records: records, Unsigned: true},
	)
	resolver := world.Resolver()
	for _, tt := range []struct {
		domain string
		want   int // DS and keys of the zone, MX, A, a denial of AAAA, and TLSA
	}{
		{"p256.test", 3 + 6}, // and what is above
		{"rsa.test", 3 + 6},
		{"ed25519.test", 3 + 6},
		{"unsigned.test", 3 + 1},
	} {
		all, err := verified(t.Context(), resolver, []string{tt.domain})
		if err != nil || len(all) != tt.want {
			t.Errorf("%s: %d signatures, want %d: %v", tt.domain, len(all), tt.want, err)
		}
		if _, err := bare(all); err != nil {
			t.Errorf("%s: %v", tt.domain, err)
		}
	}
	answer, err := resolver.Lookup(t.Context(), "mx.p256.test", dns.TypeA)
	if err != nil {
		t.Fatal(err)
	}
	chain := answer.Chain()
	last := chain[len(chain)-1]
	last.Records[0].(*dns.A).A[3]++
	forged, err := newSignature(last, last.Records[len(last.Records)-1].(*dns.RRSIG), chain)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bare([]signature{forged}); err == nil {
		t.Error("a signature of other records verifies")
	}
	if _, err := newSignature(last, last.Records[len(last.Records)-1].(*dns.RRSIG), []dnssec.Link{last}); err == nil {
		t.Error("a signature without a key")
	}
}

// What went to the servers goes there once more, and each packet has its reply.
func TestBareExchanges(t *testing.T) {
	t.Parallel()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var echoed atomic.Int32
	go func() { // ends when the server closes
		packet := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(packet)
			if err != nil {
				return
			}
			echoed.Add(1)
			_, _ = server.WriteTo(packet[:n], from)
		}
	}()
	tap := new(wiretap)
	conn, err := tap.dial(t.Context(), "udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const packets = 20
	for i := range packets {
		packet := []byte{byte(i), 1, 2}
		if _, err := conn.Write(packet); err != nil {
			t.Fatal(err)
		}
		clear(packet) // a writer may go on using it
		if _, err := conn.Read(packet); err != nil || packet[0] != byte(i) {
			t.Fatalf("%v: %v", packet, err)
		}
	}
	if _, err := bareExchanges(tap.sent, 3); err != nil {
		t.Error(err)
	}
	if got, want := int(echoed.Load()), 2*packets; got != want || len(tap.sent) != packets {
		t.Errorf("%d packets came, want %d; %d were kept, want %d", got, want, len(tap.sent), packets)
	}
	silent := []sentQuery{{"127.0.0.1:9", []byte("to a port where nobody is")}}
	if _, err := bareExchanges(append(silent, tap.sent...), 1); err == nil {
		t.Error("a packet without a reply is no error")
	}
}
