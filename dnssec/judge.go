package dnssec

import (
	"context"
	"fmt"

	"github.com/miekg/dns"
)

// judge says what a reply proves. Only the first step of an alias chain is taken
// from it; the records behind it are asked for by themselves.
func (val *validator) judge(ctx context.Context, q question, msg *dns.Msg) *verdict {
	if refuses(msg) {
		return refusal(q, msg)
	}
	answers, authority := collect(msg)
	for _, set := range answers {
		if set.qtype == dns.TypeDNAME && len(set.records) > 0 && q.name != set.name && q.name.Below(set.name) && val.sameAnchor(q, set.name) {
			return val.judgeDNAME(ctx, q, set, find(answers, question{q.name, dns.TypeCNAME}))
		}
	}
	for _, set := range answers {
		switch { // where there is other data beside a CNAME (RFC 2181 §10.1), the first counts
		case set.name != q.name || len(set.records) == 0:
		case set.qtype == q.qtype:
			v := val.judgeSet(ctx, set, authority)
			v.shape, v.records = data, set.records
			return v
		case set.qtype == dns.TypeCNAME:
			return val.judgeCNAME(ctx, set, authority)
		}
	}
	if q.qtype == dns.TypeDNSKEY {
		if _, v := val.trust(ctx, q.name); v.status == Secure {
			return val.bogus(keyless(q.name)) // RFC 4035 §5.2
		}
	}
	return val.judgeDenial(ctx, q, msg.Rcode, authority)
}

// refuses reports whether a reply says nothing about the name: only two rcodes do.
func refuses(msg *dns.Msg) bool {
	return msg.Rcode != dns.RcodeSuccess && msg.Rcode != dns.RcodeNameError
}

// refusal is the verdict on a reply that is no answer, SERVFAIL above all: it
// says nothing about the zone, signed or not (RFC 7672 §2.1.1).
func refusal(q question, msg *dns.Msg) *verdict {
	code := dns.RcodeToString[msg.Rcode]
	if code == "" {
		code = fmt.Sprintf("rcode %d", msg.Rcode)
	}
	reason := q.reason(EDENoReachableAuthority, "server answered "+code)
	if q.qtype == dns.TypeDNSKEY {
		reason.Code = EDEDNSKEYMissing // RFC 8914 §4.10: asked for where there must be one
	}
	if opt := msg.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			// RFC 8914 §6: diagnostic only, since the server is not believed.
			if extended, ok := option.(*dns.EDNS0_EDE); ok {
				reason.Text += fmt.Sprintf(", which it explains as %s", EDE(extended.InfoCode))
				break
			}
		}
	}
	return undecided(reason, nil)
}
