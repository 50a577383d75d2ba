package tlsa

import "crypto/x509"

// A Verdict is what a chain makes of one record: see [Verifier.Judge].
type Verdict struct {
	Record Record
	Match  Match // how it is satisfied, if Err is nil
	Err    error // an *Error that says why it is not
}

// Judge judges each record for itself, in their order, for a report: which match,
// and what is wrong with the others. A record that does not count for [Verifier.Verify],
// since it is not usable or another has a stronger digest, is not satisfied. One is
// satisfied exactly if Verify accepts the chain.
//
// A record costs no more than a comparison, unless the chain has its trust anchor or
// the record brings it along. What the limits of that work have cut off has
// [ReasonLimit].
func (v *Verifier) Judge(chain []*x509.Certificate) []Verdict {
	s := v.selection()
	return v.evaluate(chain, &s, true).verdicts()
}

func (e *evaluation) verdicts() []Verdict {
	verdicts := make([]Verdict, len(e.Records))
	for i := range e.Records {
		r := &e.Records[i]
		verdict := &verdicts[i]
		verdict.Record = *r
		switch err := r.Usable(e.Application); {
		case err != nil:
			verdict.Err = err
		case !e.counts[i]:
			verdict.Err = newError(ReasonWeakerDigest, nil).about(*r, -1)
		case len(e.chain) == 0:
			verdict.Err = newError(ReasonNoCertificate, nil)
		default:
			match, err := e.judge(i)
			if err == nil {
				verdict.Match = match
			} else {
				verdict.Err = err
			}
		}
	}
	return verdicts
}

// judge returns what the chain makes of one record that counts.
func (e *evaluation) judge(i int) (Match, *Error) {
	r := &e.Records[i]
	entity := -1
	if (r.Usage == DANEEE || r.Usage == PKIXEE) && e.matches(e.chain[0], r.Usage, i) {
		entity = i
	}
	switch {
	case r.Usage == DANETA:
		return e.anchored(i)
	case r.Usage == PKIXTA, r.Usage == PKIXEE && entity >= 0:
		return e.verifyPKIX(entity, i)
	case entity >= 0:
		return Match{Record: *r, Index: i}, nil
	}
	return Match{}, newError(ReasonMismatch, nil)
}
