package explanation

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/internal/printable"
	"github.com/danesmtp/danesmtp/smtpprobe"
	"github.com/danesmtp/danesmtp/tlsa"
)

// attempt adds the rules of an address.
func (c *rules) attempt(h *dane.HostResult, a *dane.Attempt) {
	at := func(code RuleCode, text string, rfc ...string) *Rule {
		r := c.of(h, code, text, rfc...)
		addr := a.Addr
		r.Address = &addr
		return r
	}
	chain := a.Chain()
	if stage, ok := a.FailedAt(); ok && len(chain) == 0 {
		text := "The server is not authenticated: " + reasonFor(h, a) + "."
		if stage == smtpprobe.StageStartTLS {
			text += " It must not be sent to in clear, since it has TLSA records."
		}
		at(RuleStartTLS, text, "RFC 7672 §2.2")
		return
	}
	if s := a.Session; s != nil && s.TLS != nil {
		at(RuleStartTLS, "STARTTLS is offered, and TLS begun with "+smtpprobe.ProtocolName(s.TLS.Version)+". The server presents "+counted(len(chain), "certificate")+".", "RFC 7672 §2.2")
	}
	usable := slices.ContainsFunc(h.Records, func(r tlsa.Record) bool { return r.Usable(tlsa.SMTP) == nil })
	if usable && len(chain) > 0 {
		at(RuleMatch, "Each usable record is compared with what the server presents; one that matches is enough.", "RFC 6698 §2.1", "RFC 7672 §3.2").Records = compare(h, a, chain)
	}
	switch {
	case a.Err != nil:
		at(RuleAddress, "The message does not go there: "+reasonFor(h, a)+".")
	case a.Authenticated:
		text := "The server is authenticated, by the record " + cut(a.Match.Record.String()) + authenticatedBy(&a.Match, chain)
		if a.Match.Name != "" {
			text += ", for the name " + printable.Line(a.Match.Name)
		}
		at(RuleAddress, text+".", matchRFC(a.Match.Record.Usage))
	default:
		at(RuleAddress, "The connection is good for a message, without authentication.")
	}
}

// reasonFor is why an attempt has failed, in few words if there are any.
func reasonFor(h *dane.HostResult, a *dane.Attempt) string {
	failure := h.Classify(a.Err)
	return printable.Line(cmp.Or(failure.Reason, failure.Text))
}

func matchRFC(u tlsa.Usage) string {
	if u == tlsa.DANETA {
		return "RFC 7672 §3.1.2"
	}
	return "RFC 7672 §3.1.1"
}

// compare shows each record beside what a record of each certificate would have.
func compare(h *dane.HostResult, a *dane.Attempt, chain []*x509.Certificate) []Record {
	var records []Record
	for i, r := range h.Records {
		out := Record{Record: r.String(), Selector: r.Selector.String(), Matching: r.Matching.String(), Published: hex.EncodeToString(r.Data), RFC: matchRFC(r.Usage)}
		out.Presented = presented(r, chain, false)
		for _, other := range a.Others {
			out.Presented = append(out.Presented, presented(r, other, true)...)
		}
		switch {
		case r.Usable(tlsa.SMTP) != nil:
			out.Reason, out.Presented, out.RFC = "it cannot be used, and is not compared", nil, unusableRFC(r)
		case a.Report != nil && i < len(a.Report.Verdicts):
			out.OK, out.Reason = verdict(&a.Report.Verdicts[i], chain)
		default:
			out.Reason = "it was not judged"
		}
		records = append(records, out)
	}
	return records
}

func verdict(v *tlsa.Verdict, chain []*x509.Certificate) (ok bool, reason string) {
	if v.Err == nil {
		return true, howItMatches(&v.Match, chain)
	}
	return false, recordReason(v.Err)
}

// authenticatedBy says which of the presented certificates the record is of, or what it does without
// one: the depth of an anchor that the server leaves out is no place in what it sends.
func authenticatedBy(m *tlsa.Match, chain []*x509.Certificate) string {
	r := m.Record
	if m.Depth >= 0 && m.Depth < len(chain) && chain[m.Depth] != nil && !isBareKey(m, chain) {
		if of, err := tlsa.New(r.Usage, r.Selector, r.Matching, chain[m.Depth]); err == nil && of.Equal(r) {
			return fmt.Sprintf(" and certificate %d", m.Depth)
		}
	}
	return ": " + howItMatches(m, chain)
}

func howItMatches(m *tlsa.Match, chain []*x509.Certificate) string {
	where := "the server's own certificate"
	if m.Depth > 0 {
		where = "the issuer " + counted(m.Depth, "step") + " above " + where
	}
	if isBareKey(m, chain) {
		return "its key has signed " + where
	}
	return "it matches " + where
}

// isBareKey reports whether a record has matched by the signature of its key, of which the server
// sends no certificate (RFC 7671 §5.2.3); the depth of the match is then that of what was signed.
func isBareKey(m *tlsa.Match, chain []*x509.Certificate) bool {
	r := m.Record
	if r.Usage != tlsa.DANETA || r.Selector != tlsa.SPKI || r.Matching != tlsa.Full {
		return false
	}
	return m.Depth == 0 || !slices.ContainsFunc(chain, func(cert *x509.Certificate) bool {
		return cert != nil && bytes.Equal(cert.RawSubjectPublicKeyInfo, r.Data)
	})
}

// recordReason is why a record cannot be used, or is not satisfied, without what it is.
func recordReason(err error) string {
	e, ok := errors.AsType[*tlsa.Error](err)
	if !ok {
		return errorText(err)
	}
	reason := e.Reason.String()
	if e.Err != nil {
		reason += ": " + e.Err.Error()
	}
	return printable.Line(reason)
}

// presented returns what the record would be of the certificates that it may be of: the
// server's own for usage 3, its issuers for usage 2.
func presented(r tlsa.Record, chain []*x509.Certificate, other bool) (all []Presented) {
	const most = 8 // as many as JSON shows of a chain
	for i, cert := range chain[:min(len(chain), most)] {
		if cert == nil || (i == 0) != (r.Usage == tlsa.DANEEE) {
			continue
		}
		right, err := tlsa.New(r.Usage, r.Selector, r.Matching, cert)
		if err != nil {
			continue
		}
		all = append(all, Presented{
			Place: i, Other: other, Subject: subject(cert), Issuer: printable.Line(cert.Issuer.String()),
			Data: hex.EncodeToString(right.Data), Equal: bytes.Equal(right.Data, r.Data),
		})
	}
	return all
}

// subject is whom a certificate is of: what it says, or the first of its names.
func subject(cert *x509.Certificate) string {
	if text := cert.Subject.String(); text != "" || len(cert.DNSNames) == 0 {
		return printable.Line(text)
	}
	return printable.Line(cert.DNSNames[0])
}

// cut leaves of a record as much as one can tell it by.
func cut(record string) string {
	const most = 24
	if len(record) <= most {
		return record
	}
	return record[:most-2] + "..."
}
