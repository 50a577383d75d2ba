package validate

import (
	"context"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// judgeCNAME validates an alias.
func (val *Validator) judgeCNAME(ctx context.Context, set *RRset, authority []*RRset) *Verdict {
	if len(set.Records) != 1 {
		return val.bogus(set.Reason(CodeBogus, "more than one CNAME record"))
	}
	record, ok := set.Records[0].(*dns.CNAME)
	if !ok {
		return val.bogus(set.Reason(CodeBogus, "no CNAME record"))
	}
	target, err := canonical.ParseName(record.Target)
	if err != nil {
		return val.bogus(set.Reason(CodeBogus, err.Error()))
	}
	v := val.judgeSet(ctx, set, authority)
	v.Shape, v.Records, v.Read = Aliased, set.keep(), &Read{Target: target}
	return v
}

// judgeDNAME validates a DNAME above the name and synthesizes the alias from it. The
// CNAME that the server made is unsigned, and must be the same; it may be missing, and is nil
// then (RFC 6672 §3.1, §5.3.1).
func (val *Validator) judgeDNAME(ctx context.Context, q Question, set, made *RRset) *Verdict {
	record, ok := set.Records[0].(*dns.DNAME)
	if !ok || len(set.Records) != 1 {
		return val.bogus(set.Reason(CodeBogus, "the reply has more than one DNAME record, or none"))
	}
	target, err := canonical.ParseName(record.Target)
	if err == nil {
		target, err = q.Name.Substitute(set.Name, target)
	}
	if err != nil {
		return val.bogus(set.Reason(CodeBogus, "the name behind the DNAME is too long"))
	}
	if made != nil && !aliasesTo(made, target) {
		return val.bogus(made.Reason(CodeBogus, "the CNAME record is not the one that follows from the DNAME record"))
	}
	v := val.judgeSet(ctx, set, nil)
	v.Shape, v.Records, v.Read = Aliased, set.keep(), &Read{Target: target}
	if q.Type == dns.TypeCNAME {
		v.Shape = Data
		v.Records = []dns.RR{&dns.CNAME{
			Hdr:    dns.RR_Header{Name: q.Name.String(), Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: record.Hdr.Ttl},
			Target: target.String(),
		}}
	}
	return v
}

// aliasesTo reports whether the CNAME records all lead to the target.
func aliasesTo(set *RRset, target canonical.Name) bool {
	for _, rr := range set.Records {
		record, ok := rr.(*dns.CNAME)
		if !ok {
			return false
		}
		if name, err := canonical.ParseName(record.Target); err != nil || name != target {
			return false
		}
	}
	return true
}
