package main

import (
	"bytes"
	"fmt"

	"github.com/danesmtp/danesmtp/tlsa"
)

// A warning is something that works, and that the specifications advise against.
type warning struct {
	Code string `json:"code"` // does not change
	Text string `json:"text"`
}

// warnings says what RFC 7671 §5 and §8 advise against, in the order of importance.
func (m *makeCommand) warnings(sources []source, records []madeRecord) []warning {
	var all []warning
	add := func(code, format string, args ...any) {
		all = append(all, warning{code, fmt.Sprintf(format, args...)})
	}
	r := records[0]
	switch r.Usage {
	case tlsa.PKIXTA, tlsa.PKIXEE:
		add("pkix-usage", "usage %d means nothing to senders of mail, who then do as if there were no such record (RFC 7672 §3.1.3): use %d", r.Usage, r.Usage+2)
	case tlsa.DANETA:
		add("anchor-sent", "with usage 2 the server has to send the CA's certificate with its own, even a root (RFC 7671 §5.2.2), and senders look at names and dates")
	}
	if r.Selector == tlsa.Cert && (r.Usage == tlsa.DANEEE || r.Usage == tlsa.PKIXEE) {
		add("whole-certificate", "selector 0 is of the whole certificate, so that each renewal needs another record, even with the same key: use selector 1 (RFC 7671 §5.1)")
	}
	switch r.Matching {
	case tlsa.Full:
		add("full", "matching type 0 puts the whole certificate or key into DNS, which is long, and lost on some paths: use 1 (RFC 7671 §10.1.1)")
	case tlsa.SHA512:
		add("no-sha256", "not all senders know SHA2-512; publish the record of matching type 1 beside it (RFC 7672 §3.1, RFC 7671 §9)")
	}
	for _, s := range sources {
		all = append(all, m.certificateWarnings(s)...)
	}
	if len(records) > 1 || r.Usage != tlsa.DANEEE && r.Usage != tlsa.PKIXEE {
		return all
	}
	if sources[0].chain == nil { // a key or a signing request, most likely of the next one
		add("no-next-key", "this is the record of one key alone: if it is the next one, publish it beside the record of the current key, which stays until the server has the next one (RFC 7671 §8.1)")
	} else {
		add("no-next-key", "with the record of one key alone, the next change of it stops mail unless the next key's record is there before, for two TTLs: give that with another -key, -csr or -cert, or keep the key at renewals (RFC 7671 §8.1)")
	}
	return all
}

// certificateWarnings says what senders would not like of a certificate.
func (m *makeCommand) certificateWarnings(s source) []warning {
	if len(s.chain) == 0 {
		return nil
	}
	var all []warning
	leaf, now := s.chain[0], m.now()
	strict := m.record.Usage != tlsa.DANEEE
	if names := namesOf(leaf.DNSNames, leaf.Subject); !names.include(m.service.host) && !(strict && leaf.IsCA) {
		if strict {
			all = append(all, warning{"name", fmt.Sprintf("the certificate %s is for %s, not for %s: senders do not accept it for this usage unless the mail domain is among its names (RFC 7672 §3.2.2)", subject(leaf), names, m.service.host)})
		} else {
			all = append(all, warning{"name", fmt.Sprintf("the certificate %s is for %s, not for %s: usage 3 does not mind (RFC 7671 §5.1), but is it the right file?", subject(leaf), names, m.service.host)})
		}
	}
	for _, cert := range s.chain {
		if !strict || now.Before(cert.NotAfter) && now.After(cert.NotBefore) {
			continue
		}
		all = append(all, warning{"dates", fmt.Sprintf("the certificate %s is valid from %s to %s, not now: senders do not accept it for this usage",
			subject(cert), cert.NotBefore.UTC().Format("2006-01-02"), cert.NotAfter.UTC().Format("2006-01-02"))})
	}
	for i, cert := range s.chain[1:] {
		if strict && !bytes.Equal(cert.RawSubject, s.chain[i].RawIssuer) {
			all = append(all, warning{"order", fmt.Sprintf("certificate %d (%s) did not issue the one before it: some clients do not accept chains that are not in order", i+2, subject(cert))})
		}
	}
	return all
}
