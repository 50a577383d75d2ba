package dane

import (
	"context"
	"sync/atomic"
)

// A Trace is hooks that tell what a [Verifier] does, as in net/http/httptrace; [WithTrace]
// sets them, [LogTrace] has those for log/slog, and [Counters.Trace] those for metrics. Any
// may be nil. They are called by the goroutine that called the Verifier, one after
// another, in the order of the hosts and of their addresses, whoever answers first;
// what comes before must be known for that. Several calls with the same
// Trace may run concurrently. What they get must not be changed.
type Trace struct {
	// Lookup is called for each question, once those of the domain or host are done.
	Lookup func(Lookup)
	// Domain is called when LookupMX is done; the Domain is nil if what was given is not a
	// domain name.
	Domain func(*Domain, error)
	// Host is called when LookupHost is done.
	Host func(*Host)
	// Attempt is called for each connection: when Connect is done with an address, for those
	// of Verify that are in the Result, and by Host.Record.
	Attempt func(*Host, Attempt)
	// Result is called when Verify is done.
	Result func(*Result)
}

type traceKey struct{}

// WithTrace returns a context with hooks. Those that ctx has already are called
// first.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	before := contextTrace(ctx)
	return context.WithValue(ctx, traceKey{}, append(before[:len(before):len(before)], t))
}

type traces []*Trace

func contextTrace(ctx context.Context) traces {
	t, _ := ctx.Value(traceKey{}).(traces)
	return t
}

func (ts traces) lookups(lookups ...Lookup) {
	for _, t := range ts {
		for _, l := range lookups {
			if t.Lookup != nil {
				t.Lookup(l)
			}
		}
	}
}

func (ts traces) domain(d *Domain, err error) {
	for _, t := range ts {
		if t.Domain != nil {
			t.Domain(d, err)
		}
	}
}

func (ts traces) host(h *Host) {
	ts.lookups(h.Lookups...)
	for _, t := range ts {
		if t.Host != nil {
			t.Host(h)
		}
	}
}

func (ts traces) attempt(h *Host, a Attempt) {
	for _, t := range ts {
		if t.Attempt != nil {
			t.Attempt(h, a)
		}
	}
}

func (ts traces) result(r *Result) {
	for _, t := range ts {
		if t.Result != nil {
			t.Result(r)
		}
	}
}

// Counters count what happens, for a program's metrics. The zero Counters are ready
// to use; they must not be copied.
type Counters struct {
	Lookups, FailedLookups atomic.Int64
	// Hosts by what to do with them; Skipped ones must not be delivered to.
	Hosts, Skipped, Authenticate atomic.Int64
	// Attempts are connections to addresses of hosts: all, those that failed, and those in
	// which the host was authenticated by DANE.
	Attempts, FailedAttempts, AuthenticatedAttempts atomic.Int64
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
		Attempt: func(_ *Host, a Attempt) {
			c.Attempts.Add(1)
			switch {
			case a.Err != nil:
				c.FailedAttempts.Add(1)
			case a.Authenticated:
				c.AuthenticatedAttempts.Add(1)
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
