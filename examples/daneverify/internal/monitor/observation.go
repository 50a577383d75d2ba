package monitor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// A Check finds out about one domain: what there is, and what is wrong with it. It should end
// with its context. A nil Result is taken as nothing that is known.
type Check func(ctx context.Context, domain string) (*dane.Result, diagnosis.Report)

// An Observation is what a Check found.
type Observation struct {
	Domain  string
	Report  diagnosis.Report
	Result  *dane.Result // nil if the check did not end in time
	Started time.Time
	Elapsed time.Duration
	// Cut says that the time was over, or the program, before all was known. What was not
	// known by then makes the state unknown, and never broken.
	Cut bool
}

// State is that of the domain.
func (o *Observation) State() diagnosis.State { return o.Report.State }

// stillborn is what is known of a domain whose check did not end.
func stillborn(domain string, started time.Time, why string) Observation {
	return Observation{Domain: domain, Started: started, Elapsed: time.Since(started), Cut: true, Report: unknownReport(why)}
}

// CodeNotInTime is the code of a finding that is the monitor's own: it is about the check, and
// not about the domain.
const CodeNotInTime diagnosis.Code = "not-in-time"

func unknownReport(why string) diagnosis.Report {
	return diagnosis.Report{State: diagnosis.StateUnknown, Findings: []diagnosis.Finding{{
		Code: CodeNotInTime, Severity: diagnosis.Unknown, Actor: diagnosis.Sender, Text: why,
		Fix: "Give the check more time by -timeout, or look why it takes so long: daneverify check -v.", Link: "docs/monitoring.md#unknown",
	}}}
}

// observe checks a domain. A check that does not heed its context is waited for a little, and
// then left behind.
func observe(ctx context.Context, check Check, domain string) Observation {
	started := time.Now()
	if ctx.Err() != nil {
		return stillborn(domain, started, "There was no time left to begin the check of "+domain+".")
	}
	ended := make(chan Observation, 1)
	go func() { ended <- checked(ctx, check, domain) }()
	select {
	case o := <-ended:
		return o
	case <-ctx.Done():
	}
	select {
	case o := <-ended:
		return o
	case <-time.After(grace):
		return stillborn(domain, started, fmt.Sprintf("The check of %s has not ended within %s.", domain, shownDuration(time.Since(started))))
	}
}

// grace is how long a check may take to notice that its context has ended.
const grace = 500 * time.Millisecond

// checked runs a check to its end.
func checked(ctx context.Context, check Check, domain string) Observation {
	o := Observation{Domain: domain, Started: time.Now()}
	o.Result, o.Report = check(ctx, domain)
	o.Elapsed = time.Since(o.Started)
	switch {
	case o.Result == nil:
		return stillborn(domain, o.Started, "The check of "+domain+" brought nothing.")
	case errors.Is(ctx.Err(), context.Canceled):
		return stillborn(domain, o.Started, "The check of "+domain+" was interrupted.")
	}
	o.forgiveLateness(ctx)
	return o
}

// forgiveLateness makes unknown what is only broken because the time for the whole check was
// over.
func (o *Observation) forgiveLateness(ctx context.Context) {
	deadline, limited := ctx.Deadline()
	if !limited {
		return
	}
	if o.Report, o.Cut = ForgiveLateness(o.Result, o.Report, deadline.Sub(o.Started), o.Elapsed); !o.Cut {
		return
	}
	why := unknownReport(fmt.Sprintf("Not all was found out about %s within %s.", o.Domain, shownDuration(o.Elapsed)))
	o.Report.Findings = append(o.Report.Findings, why.Findings...)
	SortFindings(o.Report.Findings)
}
