package dnssec

import (
	"errors"
	"slices"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec/internal/canonical"
	"github.com/danesmtp/danesmtp/dnssec/internal/denial"
)

// denied gives the verdict on a question whose denial is proven by what proved others (RFC
// 8198 §5), nil where none is. DS records and keys are always asked for, since the chain of
// trust rests on them. Such a denial costs a query from the budget, although none is sent.
func (val *validator) denied(q question) *verdict {
	if val.denials == nil || q.qtype == dns.TypeDS || q.qtype == dns.TypeDNSKEY {
		return nil
	}
	top, ok := val.anchorOf(q)
	if !ok {
		return nil
	}
	z := val.denials.closest(q.name, top, val.trusted.generation)
	if z == nil || q.name.Labels() > z.zone.Labels()+maxSpanLabels {
		return nil
	}
	if len(z.nsec3) > 0 && val.budget.spendHashes(2*maxSpanLabels+2, maxSpanIterations) != nil {
		return nil
	}
	about := z.about(q.name, val.now)
	if len(about) == 0 {
		return nil
	}
	keys := z.keys.Value()
	if keys == nil {
		return nil // they are forgotten
	}
	shape, used, err := val.deniedBy(z.zone, about, q)
	if err != nil || val.budget.spendQuery() != nil {
		return nil
	}
	v := &verdict{status: Secure, shape: shape, on: keys, made: val.now, expires: val.now.Add(maxDenialTTL)}
	for _, s := range about {
		if slices.Contains(used, s.set.records[0]) {
			v.proof = append(v.proof, s.set)
			v.server, v.expires = s.server, earlier(v.expires, s.expires)
		}
	}
	return v
}

// deniedBy tries the spans, and returns the shape that is proven and the records that prove it.
func (val *validator) deniedBy(zone canonical.Name, about []*span, q question) (shape, []dns.RR, error) {
	var nsec, all []dns.RR
	for _, s := range about {
		record := s.set.records[0]
		if all = append(all, record); record.Header().Rrtype == dns.TypeNSEC {
			nsec = append(nsec, record)
		}
	}
	records, shape := denial.New(zone, all, val.hashCost()), nameError
	proof, err := records.NameError(q.name)
	if errors.Is(err, denial.ErrUnproven) {
		// The types in an NSEC3 record are not taken for another question than they were
		// sent for: nothing shows whether the list is complete.
		records, shape = denial.New(zone, nsec, val.hashCost()), noData
		proof, err = records.NoData(q.name, q.qtype)
	}
	if err == nil && (proof.OptOut || proof.IterationsExceeded) {
		err = denial.ErrUnproven
	}
	return shape, records.Used(), err
}
