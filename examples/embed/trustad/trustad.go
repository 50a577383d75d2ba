// Package trustad makes a Verifier that believes a validating resolver on the same machine.
package trustad

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// NewVerifier returns a Verifier that believes the AD bit of the resolver at an address, such as
// "127.0.0.1:53".
func NewVerifier(resolver string) (*dane.Verifier, error) {
	addr, err := netip.ParseAddrPort(resolver)
	if err != nil {
		return nil, err
	}
	if !addr.Addr().IsLoopback() {
		return nil, fmt.Errorf("resolver %s is not on this machine: anybody on the way can set the AD bit", addr)
	}
	return &dane.Verifier{Resolver: dnssec.TrustAD{Exchanger: exchanger(resolver)}}, nil
}

// An exchanger asks the resolver at its address by miekg/dns.
type exchanger string

// Exchange asks over UDP, and over TCP what does not fit.
func (e exchanger) Exchange(ctx context.Context, q *upstream.Query) (*upstream.Reply, error) {
	msg := q.Msg.Copy()
	msg.Id = dns.Id()
	for _, network := range []string{"udp", "tcp"} {
		client := &dns.Client{Net: network}
		reply, elapsed, err := client.ExchangeContext(ctx, msg, string(e))
		if deadline, ok := ctx.Deadline(); err != nil && ok && time.Until(deadline) <= 0 {
			err = context.DeadlineExceeded // of which the socket may know before the context
		}
		if err != nil {
			return nil, cmp.Or(ctx.Err(), err)
		}
		if !reply.Truncated {
			return &upstream.Reply{Msg: reply, Server: string(e), Network: network, Elapsed: elapsed}, nil
		}
	}
	return nil, fmt.Errorf("resolver %s: the reply is truncated over TCP, too", string(e))
}
