package validate

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
func (val *Validator) askDelegation(ctx context.Context, zone canonical.Name) *Verdict {
	q := Question{zone, dns.TypeDS}
	top, ok := val.AnchorOf(q)
	if !ok {
		return val.Source.Ask(ctx, q)
	}
	if v := val.knownInsecure(ctx, top, q); v != nil {
		return v
	}
	v := val.Source.Ask(ctx, q)
	if v.Status != Indeterminate {
		return v
	}
	if above := val.firstBreak(ctx, top, q.Enclosed()); above != nil && above.Status == Insecure {
		return insecure(above.Reason, above.Expires, above)
	}
	return v
}

// knownInsecure returns the verdict on a delegation between the anchor and the DS records
// asked for, if there is one that is known to be insecure before those are; otherwise nil.
func (val *Validator) knownInsecure(ctx context.Context, top canonical.Name, q Question) *Verdict {
	if val.Source.Recall(ctx, q, q) != nil {
		return nil
	}
	lowest := q.Enclosed()
	for labels := top.Labels() + 1; labels <= lowest.Labels(); labels++ {
		cut := lowest.Ancestor(labels)
		v := val.Source.Recall(ctx, Question{cut, dns.TypeDS}, q)
		if v == nil || v.Failed() || v.Why().Code == CodeNSEC3IterationsTooBig { // which leaves open what is there
			continue
		}
		if _, v := val.entryPoints(ctx, cut); v.Status == Insecure {
			return v
		}
	}
	return nil
}

// firstBreak follows the zone cuts from a trust anchor down to a name, and returns the first
// verdict on one that is not Secure: beyond it nothing can be proven. If all are Secure, it
// returns nil.
func (val *Validator) firstBreak(ctx context.Context, top, lowest canonical.Name) *Verdict {
	for labels := top.Labels() + 1; labels <= lowest.Labels(); labels++ {
		cut := lowest.Ancestor(labels)
		v := val.Source.Ask(ctx, Question{cut, dns.TypeDS})
		if v.Status == Secure && v.Shape == NameError {
			break // RFC 8020 §2: there is nothing below
		}
		if v.Status == Secure && (v.Shape == Data || v.unsigned) {
			v = val.zoneKeys(ctx, cut)
		}
		if v.Status != Secure {
			return v
		}
	}
	return nil
}

// unlessInsecure gives the verdict on data that proves nothing by itself: it is
// insecure where some zone cut above it is proven to be, otherwise bogus for the
// reason given, in spite of the keys that were tried, if any. Signatures in the data
// have no say in this.
func (val *Validator) unlessInsecure(ctx context.Context, q Question, expires time.Time, problem Reason, tried *Verdict) *Verdict {
	top, ok := val.AnchorOf(q)
	if !ok {
		reason, until := val.unanchored(q)
		return insecure(&reason, earlier(expires, until), nil)
	}
	switch v := val.firstBreak(ctx, top, q.Enclosed()); {
	case v == nil:
	case v.Status == Insecure:
		return insecure(v.Reason, earlier(expires, v.Expires), v)
	case v.Status == Indeterminate:
		return failure(v)
	default:
		// The deeper cause, unless that is the question itself: one for DS records that is
		// answered by an alias is about no zone cut.
		if (problem.Code == CodeRRSIGsMissing || problem.Code == CodeNSECMissing) && !v.circle {
			problem = v.Why()
		}
		return val.bogusOn(v.RestsOn, problem)
	}
	if problem.Zone == "" {
		problem.Zone = top.String()
	}
	return val.bogusOn(tried, problem)
}
