package dnssec

import (
	"context"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// judge says what a reply proves. Only the first step of an alias chain is taken
// from it; the records behind it are asked for by themselves.
func (l *lookup) judge(ctx context.Context, q question, msg *dns.Msg) *verdict {
	if refuses(msg) {
		return refusal(q, msg)
	}
	answers, authority := collect(msg)
	for _, set := range answers {
		if set.qtype == dns.TypeDNAME && len(set.records) > 0 && q.name != set.name && q.name.Below(set.name) && l.sameAnchor(q, set.name) {
			return l.judgeDNAME(ctx, q, set, find(answers, question{q.name, dns.TypeCNAME}))
		}
	}
	for _, set := range answers {
		switch { // where there is other data beside a CNAME (RFC 2181 §10.1), the first counts
		case set.name != q.name || len(set.records) == 0:
		case set.qtype == q.qtype:
			v := l.judgeSet(ctx, set, authority)
			v.shape, v.records = data, set.records
			return v
		case set.qtype == dns.TypeCNAME:
			return l.judgeCNAME(ctx, set, authority)
		}
	}
	if q.qtype == dns.TypeDNSKEY {
		if _, v := l.trust(ctx, q.name); v.status == Secure {
			return l.bogus(keyless(q.name)) // RFC 4035 §5.2
		}
	}
	return l.judgeDenial(ctx, q, msg.Rcode, authority)
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
	v := indeterminate(q, nil)
	v.reason.Code, v.reason.Text = EDENoReachableAuthority, "server answered "+code
	if q.qtype == dns.TypeDNSKEY {
		v.reason.Code = EDEDNSKEYMissing // RFC 8914 §4.10: asked for where there must be one
	}
	if opt := msg.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			// RFC 8914 §6: diagnostic only, since the server is not believed.
			if extended, ok := option.(*dns.EDNS0_EDE); ok {
				v.reason.Text += fmt.Sprintf(", which it explains as %s", EDE(extended.InfoCode))
				break
			}
		}
	}
	return v
}

// insecure returns a verdict that rests on the one that proves as much.
func (l *lookup) insecure(reason Reason, expires time.Time, on *verdict) *verdict {
	return &verdict{status: Insecure, reason: reason, expires: expires, on: on}
}

// bogus returns a failed verdict, remembered for a short time.
func (l *lookup) bogus(reason Reason) *verdict {
	return &verdict{status: Bogus, reason: reason, made: l.now, expires: l.now.Add(bogusTTL)}
}

// bogusOn returns one that fails in spite of what another proves, nil for nothing.
func (l *lookup) bogusOn(on *verdict, reason Reason) *verdict {
	v := l.bogus(reason)
	v.on = on.unlessAnchor()
	return v
}
