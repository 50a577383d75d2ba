package tlsa

import "slices"

// A selection says which records count: the usable ones, and of their digests
// only the strongest.
type selection struct {
	usable    [DANEEE + 1]bool               // is there a usable record with the usage?
	strongest [DANEEE + 1][SPKI + 1]Matching // by usage and selector; Full if there is no digest
}

func (v *Verifier) selection() selection {
	var s selection
	for i := range v.Records {
		r := &v.Records[i]
		if r.defect(v.Application) != "" {
			continue // before agility: a broken record must not suppress a good one
		}
		s.usable[r.Usage] = true
		// RFC 7671 §9: Full takes no part in it.
		strongest := &s.strongest[r.Usage][r.Selector]
		if r.Matching != Full && (*strongest == Full || v.rank(r.Matching) < v.rank(*strongest)) {
			*strongest = r.Matching
		}
	}
	return s
}

// rank orders digests, strongest first.
func (v *Verifier) rank(m Matching) int {
	if i := slices.Index(v.DigestOrder, m); i >= 0 {
		return i
	}
	if m == SHA512 {
		return len(v.DigestOrder)
	}
	return len(v.DigestOrder) + 1
}

// suppresses reports whether a stronger digest counts instead of a usable record.
func (s *selection) suppresses(r *Record) bool {
	return r.Matching != Full && r.Matching != s.strongest[r.Usage][r.Selector]
}
