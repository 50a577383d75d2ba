package dane

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/miekg/dns"

	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/tlsa"
)

// A search is what came of the search for a host's TLSA records.
type search struct {
	lookups []Lookup // CNAME and TLSA, in order
	base    string   // the TLSA base domain, where there are records
	records []dns.RR // of a secure answer
	err     error    // a lookup failed
}

// searchTLSA looks for the TLSA records of a host where its addresses allow that.
func (v *Verifier) searchTLSA(ctx context.Context, h *Host, addresses *dnssec.Answer) *search {
	found := new(search)
	for _, base := range v.baseDomains(ctx, found, h.Name, addresses) {
		answer, lookup, err := v.lookup(ctx, fmt.Sprintf("_%d._tcp.%s", h.Port, base), dns.TypeTLSA)
		found.lookups = append(found.lookups, lookup)
		if err != nil {
			// RFC 7672 §2.1.2: the host is as good as unreachable. An attacker who
			// suppresses the records must not get an unprotected delivery, nor one by
			// the records of another name.
			found.err = err
			break
		}
		if found.records = answer.Authenticated(); len(found.records) > 0 {
			found.base = base
			break
		}
		// RFC 7672 §2.2.3: absent or insecure, so the next candidate
	}
	return found
}

// takeSearch sets the action, the TLSA base domain and the records.
func (h *Host) takeSearch(found *search) error {
	h.Lookups = append(h.Lookups, found.lookups...)
	for i, l := range found.lookups {
		if l.Type == dns.TypeTLSA {
			h.TLSA = &found.lookups[i]
		}
	}
	if found.err != nil || len(found.records) == 0 {
		return found.err
	}
	h.Base = found.base
	return h.take(found.records)
}

// baseDomains returns the candidates for the TLSA base domain, best first (RFC
// 7672 §2.2.2). None means that DANE does not apply.
func (v *Verifier) baseDomains(ctx context.Context, found *search, host string, addresses *dnssec.Answer) []string {
	switch {
	case addresses.Status == dnssec.Secure && len(addresses.Aliases) == 0:
		return []string{host}
	case addresses.Status == dnssec.Secure:
		// Never those in between (RFC 7672 §2.2.3).
		return []string{fromDNS(addresses.Name), host}
	case len(addresses.Aliases) == 0:
		return nil
	}
	// RFC 7672 §2.1.3: with insecure addresses behind an alias the status of the
	// first alias decides about the original name.
	status := addresses.Aliases[0].Status
	if status == dnssec.Indeterminate {
		// The resolver cannot tell.
		answer, lookup, err := v.lookup(ctx, host, dns.TypeCNAME)
		found.lookups = append(found.lookups, lookup)
		if found.err = err; err != nil {
			return nil
		}
		status = answer.Status
	}
	if status == dnssec.Secure {
		return []string{host}
	}
	return nil
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
