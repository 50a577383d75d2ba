package dane

import "sync/atomic"

// Counters count what happens, for a program's metrics. The zero Counters are ready
// to use; they must not be copied.
type Counters struct {
	Lookups, FailedLookups atomic.Int64
	// Hosts by what to do with them; Skipped ones must not be delivered to.
	Hosts, Skipped, Authenticate atomic.Int64
	// Results of Verify by outcome: success, none, failure.
	Successes, WithoutDANE, Failures atomic.Int64
}

// Trace returns hooks that feed the counters.
func (c *Counters) Trace() *Trace {
	return &Trace{
		Lookup: func(l Lookup) {
			c.Lookups.Add(1)
			if l.Err != nil {
				c.FailedLookups.Add(1)
			}
		},
		Host: func(h *Host) {
			c.Hosts.Add(1)
			switch {
			case h.Action == Skip:
				c.Skipped.Add(1)
			case h.byDANE():
				c.Authenticate.Add(1)
			}
		},
		Result: func(r *Result) {
			switch r.Outcome {
			case OutcomeSuccess:
				c.Successes.Add(1)
			case OutcomeNone:
				c.WithoutDANE.Add(1)
			default:
				c.Failures.Add(1)
			}
		},
	}
}
