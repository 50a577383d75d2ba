package dnssec

import (
	"context"
	"time"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
)

// askDelegation asks for the DS records of a zone that has no anchor. They say nothing
// about a zone below a delegation that is proven insecure (RFC 4035 §5.2), whose servers
// may fail, or not answer at all, for as long as they like: so what is known of the
// delegations above decides first, and a failure has them asked from the anchor down.
func (val *validator) askDelegation(ctx context.Context, zone canonical.Name) *verdict {
	q := question{zone, dns.TypeDS}
	top, ok := val.anchorOf(q)
	if !ok {
		return val.ask(ctx, q)
	}
	if v := val.knownInsecure(ctx, top, q); v != nil {
		return v
	}
	v := val.ask(ctx, q)
	if v.status != Indeterminate {
		return v
	}
	if above := val.broken(ctx, top, q.enclosed()); above != nil && above.status == Insecure {
		return val.insecure(above.reason, above.expires, above)
	}
	return v
}

// knownInsecure returns the verdict on a delegation between the anchor and the DS records
// asked for, if there is one that is known to be insecure before those are; otherwise nil.
func (val *validator) knownInsecure(ctx context.Context, top canonical.Name, q question) *verdict {
	if val.recall(ctx, q, q) != nil {
		return nil
	}
	lowest := q.enclosed()
	for labels := top.Labels() + 1; labels <= lowest.Labels(); labels++ {
		cut := lowest.Ancestor(labels)
		if v := val.recall(ctx, question{cut, dns.TypeDS}, q); v == nil || v.failed() {
			continue
		}
		if _, v := val.trust(ctx, cut); v.status == Insecure {
			return v
		}
	}
	return nil
}

// broken follows the zone cuts from a trust anchor down to a name, and returns the first
// verdict on one that is not Secure: beyond it nothing can be proven. Where all are Secure,
// it returns nil.
func (val *validator) broken(ctx context.Context, top, lowest canonical.Name) *verdict {
	for labels := top.Labels() + 1; labels <= lowest.Labels(); labels++ {
		cut := lowest.Ancestor(labels)
		v := val.ask(ctx, question{cut, dns.TypeDS})
		if v.status == Secure && v.shape == nameError {
			break // RFC 8020 §2: there is nothing below
		}
		if v.status == Secure && (v.shape == data || v.delegation) {
			v = val.zoneKeys(ctx, cut)
		}
		if v.status != Secure {
			return v
		}
	}
	return nil
}

// unlessInsecure gives the verdict on data that proves nothing by itself: it is
// insecure where some zone cut above it is proven to be, otherwise bogus for the
// reason given, in spite of the keys that were tried, if any. Signatures in the data
// have no say in this.
func (val *validator) unlessInsecure(ctx context.Context, q question, expires time.Time, problem Reason, tried *verdict) *verdict {
	top, ok := val.anchorOf(q)
	if !ok {
		reason, until := val.unanchored(q)
		return val.insecure(reason, earlier(expires, until), nil)
	}
	switch v := val.broken(ctx, top, q.enclosed()); {
	case v == nil:
	case v.status == Insecure:
		return val.insecure(v.reason, earlier(expires, v.expires), v)
	case v.status == Indeterminate:
		return failure(v)
	default:
		if problem.Code == EDERRSIGsMissing || problem.Code == EDENSECMissing {
			problem = v.reason // the deeper cause
		}
		return val.bogusOn(v.on, problem)
	}
	if problem.Zone == "" {
		problem.Zone = top.String()
	}
	return val.bogusOn(tried, problem)
}
