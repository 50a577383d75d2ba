package dnssec

import (
	"context"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// judgeCNAME validates an alias.
func (val *validator) judgeCNAME(ctx context.Context, set *rrset, authority []*rrset) *verdict {
	if len(set.records) != 1 {
		return val.bogus(set.reason(EDEBogus, "more than one CNAME record"))
	}
	record, ok := set.records[0].(*dns.CNAME)
	if !ok {
		return val.bogus(set.reason(EDEBogus, "no CNAME record"))
	}
	target, err := canonical.ParseName(record.Target)
	if err != nil {
		return val.bogus(set.reason(EDEBogus, err.Error()))
	}
	v := val.judgeSet(ctx, set, authority)
	v.shape, v.records, v.target = alias, set.records, target
	return v
}

// judgeDNAME validates a DNAME above the name and synthesizes the alias from it. The
// CNAME that the server made, nil if there is none, is unsigned, and must be the same
// (RFC 6672 §3.1, §5.3.1).
func (val *validator) judgeDNAME(ctx context.Context, q question, set, made *rrset) *verdict {
	record, ok := set.records[0].(*dns.DNAME)
	if !ok || len(set.records) != 1 {
		return val.bogus(set.reason(EDEBogus, "the reply has more than one DNAME record, or none"))
	}
	target, err := canonical.ParseName(record.Target)
	if err == nil {
		target, err = q.name.Substitute(set.name, target)
	}
	if err != nil {
		return val.bogus(set.reason(EDEBogus, "the name behind the DNAME is too long"))
	}
	if made != nil && !aliasesTo(made, target) {
		return val.bogus(made.reason(EDEBogus, "the CNAME record is not the one that follows from the DNAME record"))
	}
	v := val.judgeSet(ctx, set, nil)
	v.shape, v.records, v.target = alias, set.records, target
	if q.qtype == dns.TypeCNAME {
		v.shape = data
		v.records = []dns.RR{&dns.CNAME{
			Hdr:    dns.RR_Header{Name: q.name.String(), Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: record.Hdr.Ttl},
			Target: target.String(),
		}}
	}
	return v
}

// aliasesTo reports whether the CNAME records all lead to the target.
func aliasesTo(set *rrset, target canonical.Name) bool {
	for _, rr := range set.records {
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
