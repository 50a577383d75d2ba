package main

import (
	"context"
	"strings"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// maxAliases bounds the aliases that are followed without validation.
const maxAliases = 8

// unchecked returns what the DNS says to a question, whether it is true or not: for those who
// set CD. It is the one answer that does not come from a validated lookup, and never has AD.
func (r *responder) unchecked(ctx context.Context, q dns.Question) (rcode int, records []dns.RR, ok bool) {
	name := q.Name
	for range maxAliases + 1 {
		msg := new(dns.Msg).SetQuestion(name, q.Qtype)
		msg.SetEdns0(ednsSize, true)
		msg.CheckingDisabled = true
		reply, err := r.exchanger.Exchange(ctx, &upstream.Query{Msg: msg})
		if err != nil || reply.Msg.Rcode != dns.RcodeSuccess && reply.Msg.Rcode != dns.RcodeNameError {
			return 0, nil, false
		}
		next := ""
		for range maxAliases { // a forwarder has them all in one reply
			found := owned(reply.Msg.Answer, name, q.Qtype)
			if len(found) > 0 {
				return reply.Msg.Rcode, append(records, found...), true
			}
			aliases := owned(reply.Msg.Answer, name, dns.TypeCNAME)
			if len(aliases) == 0 {
				break
			}
			records = append(records, aliases[0])
			next = aliases[0].(*dns.CNAME).Target
			name = next
		}
		if next == "" {
			return reply.Msg.Rcode, records, true
		}
	}
	return 0, nil, false
}

// owned returns the records of a name and type. What claims to be a CNAME, and cannot be read
// as one, is left out.
func owned(all []dns.RR, name string, qtype uint16) (some []dns.RR) {
	for _, rr := range all {
		h := rr.Header()
		if h.Rrtype != qtype || h.Class != dns.ClassINET || !strings.EqualFold(h.Name, name) {
			continue
		}
		if _, isAlias := rr.(*dns.CNAME); qtype == dns.TypeCNAME && !isAlias {
			continue
		}
		some = append(some, rr)
	}
	return some
}
