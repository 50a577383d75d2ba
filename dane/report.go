package dane

import (
	"slices"
	"strings"
)

// A ResultType is a result type of an SMTP TLS report (RFC 8460 §4.3).
type ResultType string

// The result types that a delivery by DANE can have.
const (
	STARTTLSNotSupported    ResultType = "starttls-not-supported"    // RFC 8460 §4.3.1
	CertificateHostMismatch ResultType = "certificate-host-mismatch" // RFC 8460 §4.3.1
	CertificateExpired      ResultType = "certificate-expired"       // RFC 8460 §4.3.1
	CertificateNotTrusted   ResultType = "certificate-not-trusted"   // RFC 8460 §4.3.1
	ValidationFailure       ResultType = "validation-failure"        // RFC 8460 §4.3.1
	TLSAInvalid             ResultType = "tlsa-invalid"              // RFC 8460 §4.3.2.1
	DNSSECInvalid           ResultType = "dnssec-invalid"            // RFC 8460 §4.3.2.1
	DANERequired            ResultType = "dane-required"             // RFC 8460 §4.3.2.1
)

// A ReportPolicy is the policy part of an SMTP TLS report for a host (RFC 8460 §4.4).
type ReportPolicy struct {
	// Type is "tlsa", "no-policy-found", or "sts" after Host.RequirePKIX.
	Type string `json:"policy-type"`
	// Strings are the TLSA records, unusable ones included. The lines of an MTA-STS policy are
	// for the caller to set.
	Strings []string `json:"policy-string,omitempty"`
	// Domain is the TLSA base domain, or without DANE the destination (RFC 8460 §1.1): that
	// of the mail, or the host that it is routed to.
	Domain string `json:"policy-domain"`
	// ResultType is TLSAInvalid if no record is usable: one failure to report of each
	// session, although it may be used to deliver (RFC 7672 §2.2).
	ResultType ResultType `json:"failure,omitempty"`
	// MXHosts are the patterns for MX hosts of an MTA-STS policy. This module does not look
	// those up; a sender that does sets Type, Strings (the lines of the policy) and MXHosts.
	MXHosts []string `json:"-"`
}

// Policy types of RFC 8460 §4.4.
const (
	policyTLSA    = "tlsa"
	policySTS     = "sts"
	noPolicyFound = "no-policy-found"
)

// ReportPolicy returns the policy that applies to the host.
func (h *Host) ReportPolicy() ReportPolicy {
	if h.TLSA == nil || h.TLSA.Err == nil && len(h.Records) == 0 {
		p := ReportPolicy{Type: noPolicyFound, Domain: h.Domain}
		if h.enforced {
			p.Type = policySTS
		}
		if h.Routed {
			p.Domain = h.Name // RFC 8460 §1.1: the domain of the recipient had no say
		}
		return p
	}
	_, base, _ := strings.Cut(h.TLSA.Name, "._tcp.")
	p := ReportPolicy{Type: policyTLSA, Domain: base}
	for _, r := range h.Records {
		p.Strings = append(p.Strings, r.String())
	}
	if len(h.Records) > 0 && !slices.ContainsFunc(h.Records, usable) {
		p.ResultType = TLSAInvalid
	}
	return p
}
