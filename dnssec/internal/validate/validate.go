// Package validate says what a DNS reply proves (RFC 4035 §5), and why not more.
//
// It never sends a query, opens a connection, or reads a clock, and it keeps no verdicts: that is
// the business of package dnssec. It believes nothing of a reply but what signatures prove, from
// a trust anchor down. What a verdict rests on, the keys of a zone and the DS records above it,
// it gets through a [Source], which may be the network, a cache, or in a test a map.
//
// # How a reply is judged
//
// [Validator.Judge] is the entrance. It sorts the records into RRsets (rrset.go) and takes the
// first that answers the question: the RRset asked for (signature.go), an alias (alias.go), or
// else the proof of non-existence (denial.go), for which package denial has the closest
// enclosers and wildcards. Each needs the keys of the zone that signed it (signer.go, keys.go),
// which a trust anchor or a DS record vouches for, and a signature by one of them (verify.go).
// Data without a good signature is Bogus, unless a zone cut above it is proven to be insecure
// (zonecut.go) or no trust anchor applies to it (scope.go). Of several faults the one that came
// nearest to a proof is the [Reason] (fault.go).
//
// Work is paid before it is done (budget.go, limits.go). A signature that was found good is not
// checked again (sigcache.go), and what denied one name may deny others (nseccache.go, span.go,
// aggressive.go); both caches belong to the caller.
package validate

import (
	"context"
	"fmt"

	"github.com/miekg/dns"
)

// Judge says what a reply proves that a server gave. Only the first step of an alias chain is
// taken from it; the records behind it are asked for by themselves.
func (val *Validator) Judge(ctx context.Context, q Question, msg *dns.Msg, server string) *Verdict {
	v := val.judge(ctx, q, msg)
	if v.Server == "" || v.Status != Indeterminate {
		v.Server = server
	}
	v.Made = val.Now
	return v
}

// judge is Judge, whoever gave the reply.
func (val *Validator) judge(ctx context.Context, q Question, msg *dns.Msg) *Verdict {
	if Refuses(msg) {
		return Refusal(q, msg)
	}
	answers, authority := Collect(q.Name, msg)
	for _, set := range answers {
		if set.Type == dns.TypeDNAME && len(set.Records) > 0 && q.Name != set.Name && q.Name.Below(set.Name) && val.sameAnchor(q, set.Name) {
			return val.judgeDNAME(ctx, q, set, Find(answers, Question{q.Name, dns.TypeCNAME}))
		}
	}
	for _, set := range answers {
		switch { // where there is other data beside a CNAME (RFC 2181 §10.1), the first counts
		case set.Name != q.Name || len(set.Records) == 0:
		case set.Type == q.Type:
			v := val.judgeSet(ctx, set, authority)
			v.Shape, v.Records = Data, set.keep()
			if v.Status == Bogus && madeUp(set, msg) {
				if denied := val.judgeDenial(ctx, q, dns.RcodeSuccess, authority); denied.Status == Secure {
					return denied
				}
			}
			return v
		case set.Type == dns.TypeCNAME:
			return val.judgeCNAME(ctx, set, authority)
		}
	}
	if q.Type == dns.TypeDNSKEY {
		if _, v := val.entryPoints(ctx, q.Name); v.Status == Secure {
			return val.bogusOn(v, keyless(q.Name)) // RFC 4035 §5.2
		}
	}
	return val.judgeDenial(ctx, q, msg.Rcode, authority)
}

// Refuses reports whether a reply says nothing about the name: only two rcodes do.
func Refuses(msg *dns.Msg) bool {
	return msg.Rcode != dns.RcodeSuccess && msg.Rcode != dns.RcodeNameError
}

// Refusal is the verdict on a reply that refuses to answer, by SERVFAIL above all: it
// says nothing about the zone, signed or not (RFC 7672 §2.1.1).
func Refusal(q Question, msg *dns.Msg) *Verdict {
	code := dns.RcodeToString[msg.Rcode]
	if code == "" {
		code = fmt.Sprintf("rcode %d", msg.Rcode)
	}
	reason := q.Reason(CodeNoReachableAuthority, "server answered "+code)
	if q.Type == dns.TypeDNSKEY {
		reason.Code = CodeDNSKEYMissing // RFC 8914 §4.10: asked for where there must be one
	}
	if opt := msg.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			// RFC 8914 §6: diagnostic only, since the server is not believed.
			if extended, ok := option.(*dns.EDNS0_EDE); ok {
				reason.Text += fmt.Sprintf(", which it explains as %s", Code(extended.InfoCode))
				break
			}
		}
	}
	return Undecided(reason, nil)
}
