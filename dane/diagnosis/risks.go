package diagnosis

import (
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/tlsa"
)

// risks says what is wrong with records beside those that match.
func (d *diagnosis) risks(h *dane.HostResult) {
	d.mayMove(h)
	for i := range h.Attempts {
		a := &h.Attempts[i]
		if a.Report == nil || !a.Authenticated {
			continue
		}
		d.weakKey(h, a)
		for _, found := range a.Report.Findings {
			d.risk(h, a, found)
		}
	}
}

func (d *diagnosis) risk(h *dane.HostResult, a *dane.Attempt, found tlsa.Finding) {
	f := Finding{Host: h.Name, Addresses: addrs(a), Evidence: append([]string{found.String()}, recordEvidence(a.Report)...)}
	which := "A TLSA record of " + h.Name
	if found.Record >= 0 && found.Record < len(h.Records) {
		which = "The TLSA record " + short(h.Records[found.Record]) + " of " + h.Name
	}
	chain := chainOf(a, found.Chain)
	if len(chain) == 0 {
		return // a result that was read back lacks the certificates, and nothing can be said of them
	}
	if _, ok := mistakes[found.Problem]; ok && found.Record >= 0 && found.Record < len(h.Records) {
		d.mistakenBeside(h, chain, found, &f)
		return
	}
	switch found.Problem {
	case tlsa.ProblemRollover:
		f.Code = CodeNoNextKey
		f.Text = "The TLSA records of " + h.Name + " are of the key that its server has now, and of nothing that is to come: when the key changes, senders do not deliver until they see new records."
		f.Fix = "Make the next key already now, and publish its record two TTLs before the server gets it (RFC 7671); or publish a record of the CA (2 1 1) beside it. With files of both certificates daneverify tlsa plan has the steps and their times. " +
			"Where renewals keep the key, as certbot does with --reuse-key, nothing is due before it changes: daneverify check -ignore " + string(CodeNoNextKey) + " leaves this out."
	case tlsa.ProblemUnusable, tlsa.ProblemPKIX:
		f.Code = CodeUselessRecord
		f.Text = which + " " + found.Problem.String() + ". Another record matches."
		f.Fix = "Remove it."
		if found.Record >= 0 && found.Record < len(h.Records) {
			f.Remove = []string{owned(h, h.Records[found.Record])}
		}
	case tlsa.ProblemAnchorAbsent, tlsa.ProblemAnchorUnknown, tlsa.ProblemAnchorExpired, tlsa.ProblemAnchorNotYetValid:
		f.Code = CodeAnchorAtRisk
		f.Text = which + " " + found.Problem.String() + "."
		f.Fix = "Let the server send a chain up to an anchor that is valid, or publish a record of what it sends; remove records of issuers that are gone."
	case tlsa.ProblemCombination, tlsa.ProblemNoSHA256:
		f.Code = CodeTLSAIncomplete
		f.Text = which + " has parameters for which no record matches, while those with others do: senders that know only these do not deliver (RFC 7671)."
		f.Fix = "For each usage, selector and matching type in use publish a record that matches, SHA-256 above all; remove the others."
		if stale, right := staleRecord(h, found.Record, chain); right != "" {
			f.Publish, f.Remove = []string{right}, []string{stale}
			f.Fix = "Remove the record if it is of a key that is gone. If it is of one that is to come, publish a record with the same numbers of the key in use beside it until then."
		}
		if found.Problem == tlsa.ProblemNoSHA256 {
			f.Text = which + " has SHA-512 alone, which not all senders know."
			f.Fix = "Publish the SHA-256 digest beside it."
			f.Publish = []string{rightRecord(h, chain)}
		}
	case tlsa.ProblemLimit:
		f.Code = CodeTLSALimit
		f.Text = h.Name + " has more TLSA records than can be judged."
		f.Fix = "Remove those that match nothing."
	case tlsa.ProblemFull, tlsa.ProblemDuplicate:
		f.Code = CodeTLSAWasteful
		f.Text = which + " " + found.Problem.String() + "."
		f.Fix = "Nothing is broken. A digest (SHA-256), once, does the same."
	default:
		return // ProblemNoMatch, which is no risk but a mismatch
	}
	d.find(f)
}

// mistakenBeside is about a record that is written wrongly, beside one that is not.
func (d *diagnosis) mistakenBeside(h *dane.HostResult, chain []*x509.Certificate, found tlsa.Finding, f *Finding) {
	record := h.Records[found.Record]
	right := intended(record, chain, found.Certificate)
	f.Code, f.Severity = mistakes[found.Problem].code, Warning
	f.Text = "The TLSA record " + short(record) + " of " + h.Name + " " + mistakeIn(record, right, found.Problem) + ". Another record matches."
	f.Fix = "Publish it as it should be, or do without it, and remove the wrong one."
	f.Remove = []string{owned(h, record)}
	if !slices.ContainsFunc(h.Records, right.Equal) {
		f.Publish = []string{owned(h, right)}
	}
	d.find(*f)
}

// staleRecord is one that matches nothing, and what it would be if it were of the key or
// certificate in use; nothing unless it is of the server's own.
func staleRecord(h *dane.HostResult, at int, chain []*x509.Certificate) (stale, right string) {
	if at < 0 || at >= len(h.Records) || h.Records[at].Usage != tlsa.DANEEE {
		return "", ""
	}
	record := h.Records[at]
	own, err := tlsa.New(record.Usage, record.Selector, record.Matching, chain[0])
	if err != nil {
		return "", ""
	}
	return owned(h, record), owned(h, own)
}

// weakKey warns of keys that OpenSSL refuses at the security level that is usual.
func (d *diagnosis) weakKey(h *dane.HostResult, a *dane.Attempt) {
	for _, chain := range chainsOf(a) {
		if len(chain) == 0 {
			continue
		}
		key, ok := chain[0].PublicKey.(*rsa.PublicKey)
		if !ok || key.N.BitLen() >= 2048 {
			continue
		}
		d.find(Finding{Code: CodeWeakKey, Host: h.Name, Addresses: addrs(a), Evidence: certificateEvidence(chain[:1]),
			Text: fmt.Sprintf("The key of %s is of RSA with %d bits: senders with OpenSSL at security level 2, as many distributions set it, refuse it.", h.Name, key.N.BitLen()),
			Fix:  "Make a key of ECDSA P-256, or of RSA with 2,048 bits. Publish its record, wait for two TTLs, and then install it with its certificate."})
	}
}
