package upstream

import (
	"net"
	"testing"

	"github.com/miekg/dns"
)

// comparingCase is a server that looks names up as they are written, as mock resolvers do
// that have a map of names: what is written otherwise does not exist, for certain.
func comparingCase(name string) func(net.Addr, *dns.Msg) [][]byte {
	return func(_ net.Addr, query *dns.Msg) [][]byte {
		reply := new(dns.Msg)
		reply.SetReply(query)
		reply.AuthenticatedData = true
		if query.Question[0].Name == name {
			reply.Answer = []dns.RR{rr(name + " 60 A 192.0.2.1")}
		} else {
			reply.Rcode = dns.RcodeNameError
		}
		return [][]byte{pack("udp", query, reply)}
	}
}

func TestNamesKeepTheirCase(t *testing.T) {
	t.Parallel()
	const name = "a-Name-with-so-many-letters-that-chance-does-not-write-it-so.signed.test."
	for _, tt := range []struct {
		name          string
		client, query bool
		want          int
	}{
		{"by default the case is random", false, false, dns.RcodeNameError},
		{"a Client keeps it for all queries", true, false, dns.RcodeSuccess},
		{"a query keeps it for itself", false, true, dns.RcodeSuccess},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			client := &Client{Address: serveUDP(t, comparingCase(name)), KeepCase: tt.client}
			for _, through := range []Exchanger{client, &Pool{Exchangers: []Exchanger{client}}, &Recorder{Exchanger: client}} {
				reply, err := through.Exchange(t.Context(), &Query{Msg: plain(name, dns.TypeA), KeepCase: tt.query})
				if err != nil {
					t.Fatal(err)
				}
				if reply.Msg.Rcode != tt.want || reply.Msg.Question[0].Name != name {
					t.Errorf("%T: %v, want %s", through, reply.Msg, rcodeText(tt.want))
				}
			}
		})
	}
}
