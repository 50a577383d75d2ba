package dane

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa"
)

// lookupTLSA looks for the host's TLSA records where its addresses allow that, and
// sets the action, the TLSA base domain and the records.
func (v *Verifier) lookupTLSA(ctx context.Context, h *Host, addresses *dnssec.Answer) error {
	bases, err := v.baseDomains(ctx, h, addresses)
	if err != nil {
		return err
	}
	for _, base := range bases {
		answer, lookup, err := v.lookup(ctx, fmt.Sprintf("_%d._tcp.%s", h.Port, base), dns.TypeTLSA)
		h.TLSA = &lookup
		h.Lookups = append(h.Lookups, lookup)
		if err != nil {
			// RFC 7672 §2.1.2: the host is as good as unreachable. An attacker who
			// suppresses the records must not get an unprotected delivery, nor one by
			// the records of another name.
			return err
		}
		records := answer.Authenticated()
		if len(records) == 0 {
			continue // RFC 7672 §2.2.3: absent or insecure, so the next candidate
		}
		h.Base = base
		return h.take(records)
	}
	return nil
}

// baseDomains returns the candidates for the TLSA base domain, best first (RFC
// 7672 §2.2.2). None means that DANE does not apply.
func (v *Verifier) baseDomains(ctx context.Context, h *Host, addresses *dnssec.Answer) ([]string, error) {
	if len(addresses.Aliases) == 0 {
		if addresses.Status == dnssec.Secure {
			return []string{h.Name}, nil
		}
		return nil, nil
	}
	if addresses.Status == dnssec.Secure {
		// Never those in between (RFC 7672 §2.2.3).
		return []string{fromDNS(addresses.Name), h.Name}, nil
	}
	// RFC 7672 §2.1.3: with insecure addresses behind an alias the status of the
	// first alias decides about the original name.
	status := addresses.Aliases[0].Status
	if status == dnssec.Indeterminate {
		// The resolver cannot tell.
		answer, lookup, err := v.lookup(ctx, h.Name, dns.TypeCNAME)
		h.Lookups = append(h.Lookups, lookup)
		if err != nil {
			return nil, err
		}
		status = answer.Status
	}
	if status == dnssec.Secure {
		return []string{h.Name}, nil
	}
	return nil, nil
}

// take keeps the records, usable ones first where there are too many, so that a
// flood of others does not turn authentication off.
func (h *Host) take(records []dns.RR) error {
	var usable, unusable []tlsa.Record
	for _, rr := range records {
		record, ok := rr.(*dns.TLSA)
		if !ok {
			continue
		}
		data, err := hex.DecodeString(record.Certificate)
		if err != nil {
			return fmt.Errorf("TLSA record of %s: %w", h.Base, err)
		}
		r := tlsa.Record{
			Usage: tlsa.Usage(record.Usage), Selector: tlsa.Selector(record.Selector),
			Matching: tlsa.Matching(record.MatchingType), Data: data,
		}
		if r.Usable(tlsa.SMTP) == nil {
			usable = append(usable, r)
		} else {
			unusable = append(unusable, r)
		}
	}
	switch {
	case len(usable) > 0:
		h.Action, h.PKIX = MustAuthenticate, ""
	case h.Action == MayEncrypt:
		h.Action = MustEncrypt // RFC 7672 §2.2: at least one secure record
	}
	h.Records = append(usable, unusable...)
	if len(h.Records) > maxRecords {
		h.Omitted += len(h.Records) - maxRecords
		h.Records = h.Records[:maxRecords]
	}
	return nil
}
