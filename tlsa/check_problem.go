package tlsa

import "fmt"

// A Problem is a mistake or a risk in a set of records.
type Problem uint8

const (
	// ProblemUnusable: the record means nothing to senders; Verdict.Err says why.
	ProblemUnusable Problem = iota + 1
	// ProblemPKIX: usage 0 or 1 for SMTP, where senders have no use for it (RFC 7672
	// §3.1.3); 2 or 3 is what was meant.
	ProblemPKIX
	// ProblemDuplicate: the record is there already. It helps no rollover.
	ProblemDuplicate
	// ProblemUsage: the data is of the server's own certificate, and the usage for a CA,
	// or the other way round.
	ProblemUsage
	// ProblemSelector: the data is of the whole certificate, and the selector for keys, or
	// the other way round.
	ProblemSelector
	// ProblemMatching: the data is there in another form than the matching type says.
	ProblemMatching
	// ProblemPEM: the digest is of PEM text, not of DER.
	ProblemPEM
	// ProblemEmpty: the digest is of nothing, and matches nobody. Tools make it that
	// could not read the key.
	ProblemEmpty
	// ProblemFull: the data is there in full, which is long for DNS (RFC 7671 §10.1).
	ProblemFull
	// ProblemAnchorAbsent: the server does not send its trust anchor, and must, even a
	// self-signed root (RFC 7671 §5.2.2, RFC 7672 §3.1.2). Of a digest it is a guess,
	// made if nothing matches, and nothing that the server sends is self-signed.
	ProblemAnchorAbsent
	// ProblemAnchorUnknown: the trust anchor is none of the server's, which other
	// records match. After a change of the issuer the record is to be removed; otherwise
	// the server has to send the anchor.
	ProblemAnchorUnknown
	// ProblemAnchorExpired: the trust anchor has expired. Senders accept it where
	// another CA has signed it, but not all do.
	ProblemAnchorExpired
	// ProblemAnchorNotYetValid: the same of one that is not valid yet.
	ProblemAnchorNotYetValid
	// ProblemLimit: the record was not judged, since others had cost enough work.
	// Senders have limits, too.
	ProblemLimit
	// ProblemNoMatch: no record matches, so senders that use DANE do not deliver.
	ProblemNoMatch
	// ProblemCombination: other records match, but none with these parameters. Senders
	// that know no others do not deliver (RFC 7671 §8.4); and before records with new
	// parameters replace others, they must be complete.
	ProblemCombination
	// ProblemNoSHA256: a SHA-512 digest without the SHA-256 digest beside it, the one
	// that all senders know (RFC 6698 §6, RFC 7672 §3.1).
	ProblemNoSHA256
	// ProblemRollover: the records have the current key alone, so the next change of it
	// interrupts delivery (RFC 7671 §8.1). See Scheme.
	ProblemRollover
)

var problems = [...]string{
	ProblemUnusable:          "is not usable",
	ProblemPKIX:              "has a PKIX usage, which means nothing for SMTP",
	ProblemDuplicate:         "is there twice",
	ProblemUsage:             "has the wrong usage",
	ProblemSelector:          "has the wrong selector",
	ProblemMatching:          "has the wrong matching type",
	ProblemPEM:               "is the digest of PEM text, not of DER",
	ProblemEmpty:             "is the digest of nothing: the tool that made it could not read the key",
	ProblemFull:              "is long; a digest would do",
	ProblemAnchorAbsent:      "has a trust anchor that the server does not send",
	ProblemAnchorUnknown:     "has a trust anchor that is none of the server's: remove the record if the issuer has changed, otherwise send the anchor",
	ProblemAnchorExpired:     "has a trust anchor that has expired",
	ProblemAnchorNotYetValid: "has a trust anchor that is not valid yet",
	ProblemLimit:             "was not judged, since others cost too much",
	ProblemNoMatch:           "none matches",
	ProblemCombination:       "no record with these parameters matches",
	ProblemNoSHA256:          "SHA-512 without SHA-256",
	ProblemRollover:          "no record for the next key",
}

// String returns the problem in a few words.
func (p Problem) String() string {
	if int(p) < len(problems) && problems[p] != "" {
		return problems[p]
	}
	return "unknown problem"
}

// A Finding is a problem with a record or with the set.
type Finding struct {
	Problem     Problem
	Record      int // its index, or that of the first one concerned; -1 if it is about all
	Certificate int // that it is about, often since the record has its data: its place in the chain; -1 if there is none
	Chain       int // of those given to Check, the one that it is about; 0 if it is about none of several
}

// String returns the problem in a few words. The record, the certificate and the
// chain are counted from 0, as in the fields.
func (f Finding) String() string {
	s := f.Problem.String()
	if f.Record >= 0 {
		s = fmt.Sprintf("record %d: %s", f.Record, s)
	}
	if f.Certificate >= 0 {
		s += fmt.Sprintf(" (data of certificate %d)", f.Certificate)
	}
	if f.Chain > 0 {
		s = fmt.Sprintf("chain %d: %s", f.Chain, s)
	}
	return s
}
