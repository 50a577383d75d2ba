package validate

import (
	"errors"
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/denial"
)

// Deny gives the verdict on a question whose denial is proven by what proved others (RFC
// 8198 §5), and nil for any other question. DS records and keys are always asked for, since the
// chain of trust rests on them. Such a denial costs a query from the budget, although no query is
// sent.
func (val *Validator) Deny(q Question) *Verdict {
	if val.Denials == nil || q.Type == dns.TypeDS || q.Type == dns.TypeDNSKEY {
		return nil
	}
	top, ok := val.AnchorOf(q)
	if !ok {
		return nil
	}
	z := val.Denials.closest(q.Name, top, val.Anchors.Generation)
	if z == nil || q.Name.Labels() > z.zone.Labels()+maxSpanLabels {
		return nil
	}
	if len(z.nsec3) > 0 && val.Budget.spendHashes(2*maxSpanLabels+2, maxSpanIterations) != nil {
		return nil
	}
	about := z.about(q.Name, val.Now)
	if len(about) == 0 {
		return nil
	}
	keys := z.keys.Value()
	if keys == nil {
		return nil // they are forgotten
	}
	shape, used, err := val.denyBy(z.zone, about, q)
	if err != nil || val.Budget.SpendQuery() != nil {
		return nil
	}
	v := &Verdict{Status: Secure, Shape: shape, RestsOn: keys, Made: val.Now, Expires: val.Now.Add(MaxDenialTTL)}
	for _, s := range about {
		if slices.Contains(used, s.set.Records[0]) {
			v.Proof = append(v.Proof, s.set)
			v.Server, v.Expires = s.server, earlier(v.Expires, s.expires)
		}
	}
	return v
}

// denyBy tries the spans, and returns the shape that is proven and the records that prove it.
func (val *Validator) denyBy(zone canonical.Name, about []*span, q Question) (Shape, []dns.RR, error) {
	var nsec, all []dns.RR
	for _, s := range about {
		record := s.set.Records[0]
		if all = append(all, record); record.Header().Rrtype == dns.TypeNSEC {
			nsec = append(nsec, record)
		}
	}
	records, shape := denial.New(zone, all, val.hashCost()), NameError
	proof, err := records.NameError(q.Name)
	if errors.Is(err, denial.ErrUnproven) {
		// The types in an NSEC3 record are not taken for another question than they were
		// sent for: nothing shows whether the list is complete.
		records, shape = denial.New(zone, nsec, val.hashCost()), NoData
		proof, err = records.NoData(q.Name, q.Type)
	}
	if err == nil && (proof.OptOut || proof.IterationsExceeded) {
		err = denial.ErrUnproven
	}
	return shape, records.Used(), err
}
