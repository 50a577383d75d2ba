package upstream

import (
	"bytes"
	"net"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// An empty datagram is one more packet that is no reply, and not the end of anything.
func TestEmptyDatagramIsIgnored(t *testing.T) {
	t.Parallel()
	address := serveUDP(t, func(_ net.Addr, query *dns.Msg) [][]byte {
		return append([][]byte{{}}, good("udp", query)...)
	})
	if _, err := (&Client{Address: address}).Exchange(t.Context(), &Query{Msg: question("signed.test.", dns.TypeA)}); err != nil {
		t.Error(err)
	}
}

// The buffer of a packet is used again.
func TestReplyOutlivesItsPacket(t *testing.T) {
	t.Parallel()
	query, err := newMessage(question("signed.test.", dns.TypeA))
	if err != nil {
		t.Fatal(err)
	}
	sent := new(dns.Msg)
	if err := sent.Unpack(query.wire); err != nil {
		t.Fatal(err)
	}
	packet := good("udp", sent)[0]
	reply, err := query.accept(packet, query.size)
	if err != nil {
		t.Fatal(err)
	}
	before := reply.String()
	for i := range packet {
		packet[i] = 0xff
	}
	if diff := cmp.Diff(before, reply.String()); diff != "" {
		t.Error(diff)
	}
}

// What is appended to a query in wire form is what dns.Msg would write.
func TestAppendedCookie(t *testing.T) {
	t.Parallel()
	for name, cookie := range map[string]string{"of the client": jar, "of both": jar + jar + jar} {
		m, err := newMessage(question("signed.test.", dns.TypeA))
		if err != nil {
			t.Fatal(err)
		}
		want, err := assemble(m.msg, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie})
		if err != nil {
			t.Fatal(err)
		}
		got := new(message)
		if !got.appendCookie(m, cookie) || !bytes.Equal(got.wire[2:], want.wire[2:]) || !bytes.Equal(got.question, want.question) ||
			!bytes.Equal(got.name, want.name) || got.size != want.size || got.cookie != cookie {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	with := question("signed.test.", dns.TypeA)
	with.IsEdns0().Option = append(with.IsEdns0().Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
	m, err := newMessage(with)
	if err != nil {
		t.Fatal(err)
	}
	if got := new(message); got.appendCookie(m, jar) {
		t.Errorf("a query with another option: got %x", got.wire)
	}
	if got, err := m.withCookie(jar); err != nil || len(got.wire) != len(m.wire)+4+len(jar)/2 {
		t.Errorf("a query with another option: got %+v, %v", got, err)
	}
}

// BenchmarkReply is what it takes to check and parse a reply.
func BenchmarkReply(b *testing.B) {
	query, err := newMessage(question("signed.test.", dns.TypeA))
	if err != nil {
		b.Fatal(err)
	}
	query.randomizeCase(slices.Clone(query.name))
	sent := new(dns.Msg)
	if err := sent.Unpack(query.wire); err != nil {
		b.Fatal(err)
	}
	whole := good("udp", sent)[0]
	packet := make([]byte, len(whole))
	b.ReportAllocs()
	for b.Loop() {
		copy(packet, whole)
		if _, err := query.accept(packet, query.size); err != nil {
			b.Fatal(err)
		}
	}
}
