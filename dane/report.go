package dane

import (
	"slices"
	"strings"

	"github.com/danesmtp/danesmtp/tlsa"
)

// A ReportPolicy is the policy part of an SMTP TLS report for a host (RFC 8460 §4.4).
type ReportPolicy struct {
	// Type is "tlsa" or "no-policy-found".
	Type string `json:"policy-type"`
	// Strings are the TLSA records, unusable ones included.
	Strings []string `json:"policy-string,omitempty"`
	// Domain is the TLSA base domain, or without DANE the destination (RFC 8460 §1.1): that
	// of the mail, or the host that it is routed to.
	Domain string `json:"policy-domain"`
	// ResultType is TLSAInvalid if no record is usable: one failure to report of each
	// session, although it may be used to deliver (RFC 7672 §2.2).
	ResultType ResultType `json:"failure,omitempty"`
}

// ReportPolicy returns the policy that applies to the host.
func (h *Host) ReportPolicy() ReportPolicy {
	if h.TLSA == nil || h.TLSA.Err == nil && len(h.Records) == 0 {
		p := ReportPolicy{Type: "no-policy-found", Domain: h.Domain}
		if h.Routed {
			p.Domain = h.Name // RFC 8460 §1.1: the domain of the recipient had no say
		}
		return p
	}
	_, base, _ := strings.Cut(h.TLSA.Name, "._tcp.")
	p := ReportPolicy{Type: "tlsa", Domain: base}
	for _, r := range h.Records {
		p.Strings = append(p.Strings, r.String())
	}
	if len(h.Records) > 0 && !slices.ContainsFunc(h.Records, usable) {
		p.ResultType = TLSAInvalid
	}
	return p
}

func usable(r tlsa.Record) bool { return r.Usable(tlsa.SMTP) == nil }
