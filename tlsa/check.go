package tlsa

import (
	"bytes"
	"crypto/x509"
	"slices"
)

// A Report is what Check has to say to those who publish the records. The zero
// Report is one about no records.
type Report struct {
	// Verdicts has each record judged alone, in their order. Other than for Judge, a
	// stronger digest suppresses nothing: not all senders know all digests.
	Verdicts []Verdict
	Scheme   Scheme    // how the set survives the next change of the key
	Findings []Finding // mistakes and risks: of single records in their order, then of the set
}

// A Scheme is a way for a record set to remain right while keys change (RFC 7671
// §8). The zero Scheme is none.
type Scheme uint8

const (
	// NoScheme: delivery fails as soon as the server has another key, until the
	// records are changed and the old ones have left all caches.
	NoScheme Scheme = iota
	// CurrentAndNext: a record of the server's key, and with the same parameters one
	// of another, which is to be the next. It must have been in DNS for two TTLs
	// before that key is installed (RFC 7671 §8.1).
	CurrentAndNext
	// KeyAndIssuer: a record of the server's key and one of its trust anchor. Of the
	// two only one may change at a time (RFC 7671 §8.1).
	KeyAndIssuer
	// IssuerOnly: a record of the trust anchor. The server may change its key as it
	// likes, as long as it stays with the anchor.
	IssuerOnly
)

var schemes = [...]string{
	NoScheme:       "none",
	CurrentAndNext: "current and next key",
	KeyAndIssuer:   "key and issuer",
	IssuerOnly:     "issuer only",
}

// String returns the scheme in a few words.
func (s Scheme) String() string {
	if int(s) < len(schemes) {
		return schemes[s]
	}
	return "unknown scheme"
}

// parameters are what records of one combination have in common.
type parameters struct {
	Usage
	Selector
	Matching
}

// Check judges the records of a Verifier from the side of those who publish them,
// against the chain that their server presents. For each record it says whether that
// matches and, if not, whether it looks like one of the usual mistakes; for the set,
// how it survives a change of the key. Names, Time, Profile, Roots and DigestOrder
// are those of the Verifier.
//
// Only usable records count, and one that is there twice counts once.
//
// The work is bounded as Judge's is. Not seen from here are records for a server
// without STARTTLS (RFC 7672 §2.2), and those shared with other services.
func (v *Verifier) Check(chain []*x509.Certificate) Report {
	c := checker{Verifier: v, chain: chain[:min(len(chain), maxChain)], Report: Report{Verdicts: v.judge(chain, false)}}
	c.forms = forms(c.chain)
	for i := range v.Records {
		c.record(i)
	}
	c.set()
	return c.Report
}

type checker struct {
	*Verifier
	chain []*x509.Certificate
	forms map[string][]form
	Report

	next     []int        // records that may be of a next key: usable, distinct, no known mistake
	matching []int        // distinct records that match
	seen     []parameters // of usable records, each once, in their order
	limited  bool         // not all records were judged
}

func (c *checker) find(p Problem, record, certificate int) {
	c.Findings = append(c.Findings, Finding{p, record, certificate})
}

// record looks at one record.
func (c *checker) record(i int) {
	r := &c.Records[i]
	if slices.ContainsFunc(c.Records[:i], r.Equal) {
		c.find(ProblemDuplicate, i, -1)
		return
	}
	e, _ := c.Verdicts[i].Err.(*Error)
	switch {
	case e == nil:
		c.matching = append(c.matching, i)
	case e.Reason == ReasonLimit:
		c.limited = true
	case e.Reason == ReasonUnusable:
		problem, place := ProblemPKIX, -1
		if r.defect(PKIX) != "" {
			if problem, place = c.mistake(r); problem == 0 {
				problem = ProblemUnusable
			}
		}
		c.find(problem, i, place)
		return
	default:
		if p, place := c.mistake(r); p != 0 {
			c.find(p, i, place)
		} else if e.Reason == ReasonMismatch {
			c.next = append(c.next, i)
		}
	}
	if p := c.parameters(i); !slices.Contains(c.seen, p) {
		c.seen = append(c.seen, p)
	}
	if r.Matching == Full {
		c.find(ProblemFull, i, -1)
	}
	// With the anchor in the record it works, but not for all senders.
	if e == nil && r.Usage == DANETA && !c.presented(r) {
		c.find(ProblemAnchorAbsent, i, -1)
	}
}

func (c *checker) parameters(i int) parameters {
	r := &c.Records[i]
	return parameters{r.Usage, r.Selector, r.Matching}
}

// presented reports whether the chain has the trust anchor of a record.
func (c *checker) presented(r *Record) bool {
	return len(c.chain) > 0 && slices.ContainsFunc(c.chain[1:], func(cert *x509.Certificate) bool {
		return (&candidate{cert: cert}).matches(r)
	})
}

// set looks at all records together.
func (c *checker) set() {
	none := len(c.matching) == 0
	if none && !c.limited && len(c.seen) > 0 {
		c.find(ProblemNoMatch, -1, -1)
	}
	for _, p := range c.seen {
		if !c.limited && !c.satisfied(p) {
			if !none { // RFC 7671 §8.4
				c.find(ProblemCombination, c.first(p), -1)
			}
			if i := c.absentAnchor(p); i >= 0 {
				c.find(ProblemAnchorAbsent, i, -1)
			}
		}
		if p.Matching == SHA512 && !slices.Contains(c.seen, parameters{p.Usage, p.Selector, SHA256}) {
			c.find(ProblemNoSHA256, c.first(p), -1)
		}
	}
	if c.Scheme = c.scheme(); c.Scheme == NoScheme && !none && !c.limited {
		c.find(ProblemRollover, c.matching[0], -1)
	}
}

// absentAnchor returns a record that may be of an anchor that the server leaves out,
// since nothing that it sends is self-signed; or -1.
func (c *checker) absentAnchor(p parameters) int {
	if p.Usage != DANETA || slices.ContainsFunc(c.chain, func(cert *x509.Certificate) bool {
		return cert != nil && bytes.Equal(cert.RawSubject, cert.RawIssuer)
	}) {
		return -1
	}
	for _, i := range c.next {
		if c.parameters(i) == p {
			return i
		}
	}
	return -1
}

// first returns the first record with the parameters that is usable.
func (c *checker) first(p parameters) int {
	return slices.IndexFunc(c.Records, func(r Record) bool {
		return parameters{r.Usage, r.Selector, r.Matching} == p && r.defect(c.Profile) == ""
	})
}

// satisfied reports whether a record with the parameters matches.
func (c *checker) satisfied(p parameters) bool {
	return slices.ContainsFunc(c.matching, func(i int) bool { return c.parameters(i) == p })
}

func (c *checker) scheme() Scheme {
	var entity, next, issuer bool
	s := c.selection()
	for _, i := range c.matching {
		switch c.Records[i].Usage {
		case PKIXTA, DANETA:
			issuer = true
		case PKIXEE, DANEEE:
			entity = true
			// A next key is none if a stronger digest, of the current key, suppresses it.
			next = next || c.counts(&c.Records[i], &s) && slices.ContainsFunc(c.next, func(n int) bool {
				return c.parameters(n) == c.parameters(i)
			})
		}
	}
	switch {
	case entity && issuer:
		return KeyAndIssuer
	case issuer:
		return IssuerOnly
	case next:
		return CurrentAndNext
	}
	return NoScheme
}
