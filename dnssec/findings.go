package dnssec

import "github.com/danesmtp/danesmtp/dnssec/internal/validate"

// A finding is a question and the verdict on it.
type finding struct {
	question validate.Question
	verdict  *validate.Verdict
}

// findings has one for each question. They are few.
type findings []finding

// get returns the verdict on a question, and nil if there is no verdict yet.
func (all findings) get(q validate.Question) *validate.Verdict {
	for _, f := range all {
		if f.question == q {
			return f.verdict
		}
	}
	return nil
}

// set keeps the verdict on a question, in place of the one before.
func (all *findings) set(q validate.Question, v *validate.Verdict) {
	for i, f := range *all {
		if f.question == q {
			(*all)[i].verdict = v
			return
		}
	}
	*all = append(*all, finding{q, v})
}
