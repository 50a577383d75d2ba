package tlsa

import (
	"bytes"
	"crypto/x509"
	"slices"
)

// A Report is what [Verifier.Check] has to say to those who publish the records. The zero
// Report is one about no records.
type Report struct {
	// Verdicts has each record judged alone, in their order, by the first chain that
	// satisfies it; otherwise by the one that comes nearest. Unlike with Verifier.Judge, a
	// stronger digest suppresses nothing: not all senders know all digests.
	Verdicts  []Verdict
	Unmatched []int     // usable records without a known mistake that are of no chain: of what is to come, or is gone
	Scheme    Scheme    // how the set survives the next change of a key; of several chains the weakest, in the order of the constants
	Findings  []Finding // mistakes and risks: of single records in their order, then of the set, chain by chain
}

// Check compares the records with what the server presents. For each record it says
// whether that matches and, if not, whether it looks like one of the usual mistakes;
// for the set, how it survives a change of the key. Names, Time, Application, Roots and
// DigestOrder are those of the Verifier.
//
// A server that has several certificates, such as one with an RSA and one with an
// ECDSA key, presents the chain that suits the sender. Give them all: each must be
// matched, and survive a change, for itself. From one chain alone it cannot be seen
// whether another record is of the next key or of another certificate that the server
// has now.
//
// Only usable records count, and one that is there twice counts once.
//
// The work is bounded as that of [Verifier.Judge] is, for each chain. Not seen from here are records
// for a server without STARTTLS (RFC 7672 §2.2), and those shared with other services.
func (v *Verifier) Check(chains ...[]*x509.Certificate) Report {
	if len(chains) == 0 {
		chains = append(chains, nil)
	}
	c := checker{Verifier: v, known: map[string]bool{}}
	s := v.selection()
	for _, chain := range chains {
		e := v.evaluate(chain, &s, false)
		c.chains = append(c.chains, checked{evaluation: e, verdicts: e.verdicts(), forms: forms(e.chain)})
	}
	for i := range v.Records {
		c.record(i)
	}
	for place := range c.chains {
		c.set(place)
	}
	c.weakest()
	c.changes()
	return c.Report
}

type checker struct {
	*Verifier
	chains []checked
	known  map[string]bool // records, by their RDATA
	Report

	seen    []parameters // of usable records, each once, in their order
	firsts  []int        // the first record with each of them
	limited bool         // not all records were judged
}

// checked is one chain, and what it makes of the records.
type checked struct {
	*evaluation
	verdicts []Verdict
	forms    map[string][]form
	matching []int // distinct records that match
}

func (c *checker) find(f Finding) { c.Findings = append(c.Findings, f) }

func (c *checker) about(p Problem, record int) {
	c.find(Finding{Problem: p, Record: record, Certificate: -1})
}

// record looks at one record.
func (c *checker) record(i int) {
	r := &c.Records[i]
	verdict, place := c.verdict(i)
	c.Verdicts = append(c.Verdicts, verdict)
	rdata := string(r.AppendRData(nil))
	if c.known[rdata] {
		c.about(ProblemDuplicate, i)
		return
	}
	c.known[rdata] = true
	e, _ := verdict.Err.(*Error)
	switch {
	case e == nil:
		for place := range c.chains {
			if c.chains[place].verdicts[i].Err == nil {
				c.chains[place].matching = append(c.chains[place].matching, i)
			}
		}
	case e.Reason == ReasonLimit:
		c.limited = true
		c.about(ProblemLimit, i)
	case e.Reason == ReasonUnusable:
		finding := Finding{Problem: ProblemPKIX, Record: i, Certificate: -1}
		if r.defect(PKIX) != "" {
			if finding = c.mistake(i); finding.Problem == 0 {
				finding.Problem = ProblemUnusable
			}
		}
		c.find(finding)
		return
	default:
		if f := c.mistake(i); f.Problem != 0 {
			c.find(f)
		} else if e.Reason == ReasonMismatch {
			c.Unmatched = append(c.Unmatched, i)
		}
	}
	if p := c.parameters(i); !slices.Contains(c.seen, p) {
		c.seen, c.firsts = append(c.seen, p), append(c.firsts, i)
	}
	if r.Matching == Full {
		c.about(ProblemFull, i)
	}
	if e == nil && r.Usage == DANETA {
		c.anchor(i, place)
	}
}

// verdict returns that of the first chain that satisfies a record, or of the one that
// comes nearest, and the place of the chain.
func (c *checker) verdict(i int) (Verdict, int) {
	best, at := c.chains[0].verdicts[i], 0
	for place := range c.chains {
		verdict := c.chains[place].verdicts[i]
		if best.Err == nil {
			break
		}
		if verdict.Err == nil || verdict.Err.(*Error).Reason > best.Err.(*Error).Reason {
			best, at = verdict, place
		}
	}
	return best, at
}

func (c *checker) parameters(i int) parameters { return c.Records[i].parameters() }

// anchor looks at the trust anchor of a record that a chain satisfies.
func (c *checker) anchor(i, chain int) {
	e := c.chains[chain]
	a := e.used(i)
	if a == nil {
		return
	}
	f := Finding{Record: i, Certificate: -1, Chain: chain}
	if a.shown != nil {
		// What is presented is an anchor as it stands; a copy in a record is not.
		f.Certificate = slices.IndexFunc(e.chain, func(cert *x509.Certificate) bool {
			return cert != nil && bytes.Equal(cert.Raw, a.shown.Raw)
		})
		dates := f
		switch dateReason(a.shown, e.now) {
		case ReasonExpired:
			dates.Problem = ProblemAnchorExpired
			c.find(dates)
		case ReasonNotYetValid:
			dates.Problem = ProblemAnchorNotYetValid
			c.find(dates)
		}
	}
	// With the anchor in the record it works, but not for all senders.
	if f.Certificate < 0 {
		f.Problem = ProblemAnchorAbsent
		c.find(f)
	}
}

// set looks at what all records together are for one chain.
func (c *checker) set(place int) {
	if c.limited || len(c.seen) == 0 {
		return
	}
	chain := &c.chains[place]
	unmatched := len(chain.matching) == 0
	if unmatched {
		c.find(Finding{Problem: ProblemNoMatch, Record: -1, Certificate: -1, Chain: place})
	}
	for n, p := range c.seen {
		if slices.ContainsFunc(chain.matching, func(i int) bool { return c.parameters(i) == p }) {
			continue
		}
		if !unmatched { // RFC 7671 §8.4
			c.find(Finding{Problem: ProblemCombination, Record: c.firsts[n], Certificate: -1, Chain: place})
		}
		if p.Usage != DANETA {
			continue
		}
		i := slices.IndexFunc(c.Unmatched, func(i int) bool { return c.parameters(i) == p })
		switch {
		case i < 0:
		case !unmatched:
			c.find(Finding{Problem: ProblemAnchorUnknown, Record: c.Unmatched[i], Certificate: -1, Chain: place})
		case !chain.hasRoot():
			c.find(Finding{Problem: ProblemAnchorAbsent, Record: c.Unmatched[i], Certificate: -1, Chain: place})
		}
	}
}

// hasRoot reports whether the server sends something that is self-signed, and so
// leaves nothing out.
func (c *checked) hasRoot() bool {
	return slices.ContainsFunc(c.chain, func(cert *x509.Certificate) bool {
		return cert != nil && bytes.Equal(cert.RawSubject, cert.RawIssuer)
	})
}

// weakest looks for strong digests without the one that all senders know.
func (c *checker) weakest() {
	for n, p := range c.seen {
		if p.Matching == SHA512 && !slices.Contains(c.seen, parameters{p.Usage, p.Selector, SHA256}) {
			c.about(ProblemNoSHA256, c.firsts[n])
		}
	}
}
