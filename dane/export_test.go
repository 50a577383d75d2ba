package dane

// The tables of decisions for the tests, which are in another package for the sake of
// danetest.

type (
	Decision = decision
	Step     = step
)

const (
	StepSecure   = stepSecure
	StepInsecure = stepInsecure
	StepBogus    = stepBogus
	StepAbsent   = stepAbsent
	StepUnusable = stepUnusable
	StepMismatch = stepMismatch
)

func Decisions(level DANELevel) []Decision { return decisions(level) }

func (r *Result) Decision() (Decision, bool) { return r.decision() }
