package tlsa

import "crypto/x509"

// A Verdict is what a chain makes of one record.
type Verdict struct {
	Record Record
	Match  Match // how it is satisfied, if Err is nil
	Err    error // an *Error that says why it is not
}

// maxJudged bounds how many records may cost a path of certificates each.
const maxJudged = 16

// Judge judges each record for itself, in their order, for a report: which match,
// and what is wrong with the others. A record that does not count for Verify, since
// it is not usable or another has a stronger digest, is not satisfied. Of the
// records that need a path to a trust anchor, 16 are judged.
//
// Verify, not Judge, says whether the server is authenticated.
func (v *Verifier) Judge(chain []*x509.Certificate) []Verdict { return v.judge(chain, true) }

// judge is Judge, or without digest agility what each record would be alone.
func (v *Verifier) judge(chain []*x509.Certificate, agility bool) []Verdict {
	s := v.selection()
	verdicts := make([]Verdict, len(v.Records))
	paths := 0
	for i := range v.Records {
		r := &v.Records[i]
		verdict := &verdicts[i]
		verdict.Record = *r
		if verdict.Err = r.Usable(v.Profile); verdict.Err != nil {
			continue
		}
		if r.Usage != DANEEE {
			paths++
		}
		switch {
		case agility && !v.counts(r, &s):
			verdict.Err = newError(ReasonWeakerDigest, nil).about(*r, -1)
		case r.Usage != DANEEE && paths > maxJudged:
			verdict.Err = newError(ReasonLimit, nil).about(*r, -1)
		default:
			alone := *v
			alone.Records = v.Records[i : i+1 : i+1]
			if verdict.Match, verdict.Err = alone.Verify(chain); verdict.Err == nil {
				verdict.Match.Index = i
			}
		}
	}
	return verdicts
}
