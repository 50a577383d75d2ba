package diagnosis

import (
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
	if mistake, ok := mistakes[found.Problem]; ok && found.Record >= 0 && found.Record < len(h.Records) {
		record := h.Records[found.Record]
		f.Code, f.Severity = mistake.code, Warning
		f.Text = which + " " + mistake.text + ". Another record matches."
		f.Fix = "Publish it as it should be, or do without it, and remove the wrong one."
		f.Remove = []string{owned(h, record)}
		if right := intended(record, chainOf(a, found.Chain), found.Certificate); !slices.ContainsFunc(h.Records, right.Equal) {
			f.Publish = []string{owned(h, right)}
		}
		d.find(f)
		return
	}
	switch found.Problem {
	case tlsa.ProblemRollover:
		f.Code = CodeNoNextKey
		f.Text = "The TLSA records of " + h.Name + " are of the key that its server has now, and of nothing that is to come: when the key changes, senders do not deliver until they see new records."
		f.Fix = "Publish a second record with the digest of the next key, two TTLs before the server gets it (RFC 7671), or one of its CA (2 1 1)."
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
		if found.Problem == tlsa.ProblemNoSHA256 {
			f.Text = which + " has SHA-512 alone, which not all senders know."
			f.Fix = "Publish the SHA-256 digest beside it."
			f.Publish = []string{rightRecord(h, chainOf(a, found.Chain))}
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
