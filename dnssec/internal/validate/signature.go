package validate

import (
	"cmp"
	"context"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/rrsig"
)

// judgeSet validates an RRset (RFC 4035 §5.3). Its verdict has no shape yet.
// authority holds the proof that an answer from a wildcard needs.
func (val *Validator) judgeSet(ctx context.Context, set *RRset, authority []*RRset) *Verdict {
	if set.Type == dns.TypeDNSKEY {
		return val.judgeKeys(ctx, set)
	}
	var problem *fault
	var tried *Verdict
	var room [maxSigners]canonical.Name
	for _, zone := range val.signersAmong(room[:0], set.Question, set.Sigs) {
		keys := val.signerKeys(ctx, set.Question, zone)
		if keys.Status != Secure {
			if keys.Status == Insecure {
				return insecure(keys.Reason, earlier(val.expiry(set.Records, nil), keys.Expires), keys)
			}
			if keys.Status == Indeterminate {
				return failure(keys)
			}
			problem = problem.or(because(keys.Why(), errSigner))
			continue
		}
		sig, failed, err := val.verify(set, zone, keys.Keys())
		if err != nil {
			return OverBudget(set.Question, err)
		}
		if sig == nil {
			problem = problem.or(failed)
			tried = cmp.Or(tried, keys)
			continue
		}
		v := provenBy(signed(set, sig, keys.Keys()), earlier(val.expiry(set.Records, sig), keys.Expires), keys)
		if labels, expanded := rrsig.ExpandedFrom(set.Name, sig.Labels); expanded {
			return val.judgeExpansion(ctx, set.Question, zone, labels, keys, authority, v)
		}
		return v
	}
	reason := set.Reason(CodeRRSIGsMissing, "no signature by an enclosing zone")
	if problem != nil {
		reason = problem.reason
	}
	return val.unlessInsecure(ctx, set.Question, val.expiry(set.Records, nil), reason, tried)
}
