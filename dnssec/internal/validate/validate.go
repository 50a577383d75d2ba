// Package validate says what a DNS reply proves (RFC 4035 §5), and why not more.
//
// It never sends a query, opens a connection, or reads a clock, and it keeps no verdicts: that is
// the business of package dnssec. It believes nothing of a reply but what signatures prove, from
// a trust anchor down. What a verdict rests on, the keys of a zone and the DS records above it,
// it gets through [Validator.Ask], which may be the network, a cache, or in a test a map.
//
// # How a reply is judged
//
// [Validator.Judge] is the entrance. It sorts the records into RRsets (rrset.go) and takes the
// first that answers the question: the RRset asked for (signature.go), an alias (alias.go), or
// else the proof that there is none (denial.go). Each needs the keys of the zone that signed it
// (keys.go), which a trust anchor (anchors.go) or a DS record vouches for. Data without a good
// signature is Bogus, unless a zone cut above it is proven to be insecure (zonecut.go). Of
// several faults the one that came nearest to a proof is the [Reason] (fault.go).
//
// Work is paid before it is done (budget.go, limits.go). A signature that was found good is not
// checked again (sigcache.go), and what denied one name may deny others (nseccache.go,
// aggressive.go); both caches belong to the caller.
package validate

import (
	"context"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// A Validator says what replies prove. It sees one instant, one set of anchors, and one
// budget. It is used by one goroutine at a time.
type Validator struct {
	Now           time.Time        // when signatures must be valid
	Skew          time.Duration    // by which Now may be wrong
	Anchors       *Anchors         // where validation starts
	Negative      []NegativeAnchor // zones that are not validated
	Algorithms    rrsig.Algorithms // what a chain of trust may rest on
	MaxIterations uint16           // of NSEC3 records that prove something; 0 means 150
	Budget        *Budget          // what may still be done
	Signatures    *SignatureCache  // what was verified before; nil if that is not remembered
	Denials       *NSECCache       // for Deny; nil if denials are not used for other names

	// Ask gives the verdict on another question: DS records and keys on the way to an
	// anchor. It is the only door to the network. For a question that leads back to itself
	// it gives Circle.
	Ask func(context.Context, Question) *Verdict

	// Recall returns what is known of a question without asking, nil for nothing. If the
	// question is on its way, it waits, but no longer than for the answer to the one beside
	// it, which is needed in any case. A nil Recall knows nothing.
	Recall func(ctx context.Context, q, beside Question) *Verdict

	// Observe is shown the keys of a trust anchor's zone before they are judged, unless it is
	// nil.
	Observe func(context.Context, *RRset)
}

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
	answers, authority := Collect(msg)
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
			v.Shape, v.Records = Data, set.Records
			return v
		case set.Type == dns.TypeCNAME:
			return val.judgeCNAME(ctx, set, authority)
		}
	}
	if q.Type == dns.TypeDNSKEY {
		if _, v := val.entryPoints(ctx, q.Name); v.Status == Secure {
			return val.bogus(keyless(q.Name)) // RFC 4035 §5.2
		}
	}
	return val.judgeDenial(ctx, q, msg.Rcode, authority)
}

// Refuses reports whether a reply says nothing about the name: only two rcodes do.
func Refuses(msg *dns.Msg) bool {
	return msg.Rcode != dns.RcodeSuccess && msg.Rcode != dns.RcodeNameError
}

// Refusal is the verdict on a reply that is no answer, SERVFAIL above all: it
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

// recall is Recall.
func (val *Validator) recall(ctx context.Context, q, beside Question) *Verdict {
	if val.Recall == nil {
		return nil
	}
	return val.Recall(ctx, q, beside)
}

// insecure returns a verdict that rests on the one that proves as much.
func insecure(reason Reason, expires time.Time, on *Verdict) *Verdict {
	return &Verdict{Status: Insecure, Reason: reason, Expires: expires, RestsOn: on}
}

// Circle is the verdict on a question that is asked again to prove the answer to it. Whatever
// rests on it fails: a zone whose replies lead back to the question proves nothing.
func (val *Validator) Circle(q Question) *Verdict {
	return val.bogus(q.Reason(CodeBogus, "the chain of trust goes in a circle: to prove these records, they would have to be proven already"))
}

// bogus returns a failed verdict, remembered for a short time.
func (val *Validator) bogus(reason Reason) *Verdict {
	return &Verdict{Status: Bogus, Reason: reason, Made: val.Now, Expires: val.Now.Add(bogusTTL)}
}

// bogusOn returns one that fails in spite of what another verdict, which may be nil, proves.
func (val *Validator) bogusOn(on *Verdict, reason Reason) *Verdict {
	v := val.bogus(reason)
	v.RestsOn = on.unlessAnchor()
	return v
}
