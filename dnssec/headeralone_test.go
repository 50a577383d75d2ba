package dnssec_test

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/internal/frame"
)

// Name servers that answer EDNS by a header alone (DVE-2020-0001), and those who send such
// headers in their place, have questions asked without EDNS, to which there are no
// signatures and no proofs. No signed zone looks unsigned for that, whosever servers do it,
// and an unsigned one is resolved.
func TestServersThatAnswerEDNSByAHeaderAlone(t *testing.T) {
	t.Parallel()
	world := dnssectest.New(t,
		dnssectest.Zone{Name: "test.", Records: "ns A 192.0.2.1\n@ NS ns"},
		dnssectest.Zone{Name: "signed.test.", Records: "@ NS ns\nns A 192.0.2.2\n@ MX 10 mail"},
		dnssectest.Zone{Name: "unsigned.test.", Unsigned: true, Records: "@ NS ns\nns A 192.0.2.3\n@ MX 10 mail"},
	)
	for _, tt := range []struct {
		name             string
		servers          []string
		signed, unsigned dnssec.Status
	}{
		{"nobody", nil, dnssec.Secure, dnssec.Insecure},
		{"those of an unsigned zone", []string{"192.0.2.3"}, dnssec.Secure, dnssec.Insecure},
		{"those of a signed zone", []string{"192.0.2.2"}, dnssec.Bogus, dnssec.Insecure},
		{"those above", []string{"192.0.2.1"}, dnssec.Bogus, dnssec.Bogus},
		{"all but the root", []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, dnssec.Bogus, dnssec.Bogus},
	} {
		t.Run(tt.name, func(t *testing.T) {
			recursor := world.Recursor()
			recursor.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := world.Dial(ctx, network, address)
				for _, host := range tt.servers {
					if err == nil && netip.MustParseAddrPort(address).Addr() == netip.MustParseAddr(host) {
						return answerEDNSByHeaders(network, conn), nil
					}
				}
				return conn, err
			}
			resolver := &dnssec.Resolver{Exchanger: recursor, Anchors: world.Anchors()}
			for question, want := range map[string]dnssec.Status{"signed.test. MX": tt.signed, "unsigned.test. MX": tt.unsigned} {
				answer, err := lookupBy(t.Context(), resolver, question)
				if answer == nil || answer.Status != want || (err == nil) != (want >= dnssec.Insecure) {
					t.Errorf("%s: got %+v, %v; want %s", question, answer, err, want)
				}
			}
		})
	}
}

// answerEDNSByHeaders returns a connection to a server that answers whatever has an OPT
// record by FORMERR, and nothing else in the message.
func answerEDNSByHeaders(network string, server net.Conn) net.Conn {
	client, ours := net.Pipe()
	go func() { // ends when the client closes
		defer ours.Close()
		defer server.Close()
		for {
			packet, err := frame.Read(network, ours)
			if err != nil {
				return
			}
			query := new(dns.Msg)
			if query.Unpack(packet) != nil {
				return
			}
			if query.IsEdns0() != nil {
				header := &dns.Msg{MsgHdr: dns.MsgHdr{Id: query.Id, Response: true, Rcode: dns.RcodeFormatError}}
				if packet, err = header.Pack(); err != nil {
					return
				}
			} else if frame.Write(network, server, packet) != nil {
				return
			} else if packet, err = frame.Read(network, server); err != nil {
				return
			}
			if frame.Write(network, ours, packet) != nil {
				return
			}
		}
	}()
	return client
}
