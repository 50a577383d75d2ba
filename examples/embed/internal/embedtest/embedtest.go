// Package embedtest has a small Internet as a mail server sees it by a resolver of its own, for
// the tests of the packages beside it.
package embedtest

import (
	"context"
	"net"
	"testing"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/dnssectest"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// Outcomes checks, in subtests, that every domain of an Internet has the outcome that it is made
// for, if one asks the DNS by v.
func Outcomes(t *testing.T, internet *danetest.Internet, v *dane.Verifier) {
	t.Helper()
	v.Dial = internet.Dial
	checker := &dane.Checker{Verifier: v}
	for _, d := range internet.Domains {
		t.Run(d.Name, func(t *testing.T) {
			result, err := checker.Verify(t.Context(), d.Name)
			if err != nil {
				t.Fatal(err)
			}
			if result.Outcome != d.Outcome {
				t.Errorf("outcome %s, want %s (%s)\n%s", result.Outcome, d.Outcome, d.About, result)
			}
		})
	}
}

// Validating serves a DNS on the loopback address like a resolver that validates: it sets the AD
// bit, and what it cannot prove is SERVFAIL. It returns its address.
func Validating(t *testing.T, world *dnssectest.Internet) string {
	t.Helper()
	const anyPort = "127.0.0.1:0"
	packets, err := net.ListenPacket("udp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	resolver := world.Resolver()
	started := make(chan struct{})
	server := &dns.Server{PacketConn: packets, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		if reply := validate(t.Context(), world, resolver, query); reply != nil {
			w.WriteMsg(reply) // a client that has gone is no concern of the server
		}
	})}
	go server.ActivateAndServe() // ends with the test
	<-started
	t.Cleanup(func() { server.Shutdown() })
	return packets.LocalAddr().String()
}

func validate(ctx context.Context, world *dnssectest.Internet, resolver *dnssec.Resolver, query *dns.Msg) *dns.Msg {
	question := query.Question[0]
	answer, err := resolver.Lookup(ctx, question.Name, question.Qtype)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return new(dns.Msg).SetRcode(query, dns.RcodeServerFailure)
	}
	reply, err := world.Exchange(ctx, &upstream.Query{Msg: query})
	if err != nil {
		return nil
	}
	reply.Msg.AuthenticatedData = answer.Status == dnssec.Secure
	return reply.Msg
}
