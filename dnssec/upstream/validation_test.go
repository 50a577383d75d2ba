package upstream_test

import (
	"errors"
	"net"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// Servers decide whether there is a verdict, never which one it is.
func TestVerdictsThroughServers(t *testing.T) {
	t.Parallel()
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := closed.LocalAddr().String()
	closed.Close()

	internet, good := listen(nil)
	t.Cleanup(internet.Close)
	// Servers of the same DNS, as seen through others: they forward to the good one.
	forward := func(change func(dns.Question, *dns.Msg)) string {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		client := &upstream.Client{Address: good}
		server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
			reply, err := client.Exchange(t.Context(), &upstream.Query{Msg: query})
			if err != nil {
				return
			}
			reply.Msg.Id = query.Id
			change(query.Question[0], reply.Msg)
			w.WriteMsg(reply.Msg)
		})}
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		go server.ActivateAndServe() // ends with the test
		<-started
		t.Cleanup(func() { server.Shutdown() })
		return conn.LocalAddr().String()
	}
	stub := forward(strip)
	sloppy := forward(func(q dns.Question, reply *dns.Msg) { // drops the signatures of some replies
		if q.Qtype != dns.TypeMX {
			strip(q, reply)
		}
	})
	failing := forward(func(_ dns.Question, reply *dns.Msg) { // as Docker 24 does
		if reply.Rcode == dns.RcodeNameError {
			reply.Rcode, reply.Answer, reply.Ns = dns.RcodeServerFailure, nil, nil
		}
	})

	for _, tt := range []struct {
		name      string
		addresses []string
		capable   bool
	}{
		{"a good server", []string{good}, true},
		{"dead, stripping, good", []string{dead, stub, good}, true},
		{"half stripping, good", []string{sloppy, good}, true},
		{"failing for denials, good", []string{failing, good}, true},
		{"stripping", []string{stub}, false},
		{"half stripping", []string{sloppy}, false},
		{"dead and stripping", []string{dead, stub}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, want := range map[string]dnssec.Status{
				"signed.example": dnssec.Secure, "unsigned.example": dnssec.Insecure, "broken.example": dnssec.Bogus, "nobody.example": dnssec.Secure,
			} {
				servers, err := upstream.Servers(tt.addresses...)
				if err != nil {
					t.Fatal(err)
				}
				resolver := &dnssec.Resolver{Exchanger: servers, Anchors: internet.Anchors()}
				answer, err := resolver.Lookup(t.Context(), name, dns.TypeMX)
				if answer == nil {
					t.Fatalf("%s: %v", name, err)
				}
				_, incapable := errors.AsType[*upstream.CapabilityError](err)
				if !tt.capable {
					want = dnssec.Indeterminate
				}
				if answer.Status != want || incapable == tt.capable {
					t.Errorf("%s: got %s, want %s: %v", name, answer.Status, want, err)
				}
			}
		})
	}
}
