package tlsrpt

import (
	"context"
	"sync"

	"github.com/danesmtp/danesmtp/dane"
)

// A Delivery gathers what is seen in one delivery attempt. It is safe for concurrent use.
type Delivery struct {
	reporter *Reporter

	mu         sync.Mutex
	reports    []dane.Report
	lines, mxs []string // of the MTA-STS policy
}

// Begin returns a context for one delivery attempt: for LookupMX, LookupHost, Connect and
// Host.Record. What they see with it is gathered, by hooks beside those that ctx has already,
// until Delivery.Send.
func (r *Reporter) Begin(ctx context.Context) (context.Context, *Delivery) {
	d := &Delivery{reporter: r}
	return dane.WithTrace(ctx, &dane.Trace{
		Domain: func(domain *dane.Domain, err error) {
			if err != nil {
				d.Add(domain.Report(err))
			}
		},
		Host: func(h *dane.Host) {
			if h.Action == dane.Skip {
				d.Add(h.Report(dane.Attempt{}))
			}
		},
		Attempt: func(h *dane.Host, a dane.Attempt) { d.Add(h.Report(a)) },
	}), d
}

// MTASTS completes the reports of hosts that dane.Host.RequirePKIX has raised: by the lines
// of the domain's MTA-STS policy, and the patterns of its lines "mx".
func (d *Delivery) MTASTS(lines []string, mx ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines, d.mxs = lines, mx
}

// Add is for what no hook sees: the error of dane.NewDomain, a host that RequirePKIX skips, and
// an MTA-STS policy that could not be fetched.
func (d *Delivery) Add(reports ...dane.Report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, report := range reports {
		if !counts(report) {
			continue
		}
		if len(d.reports) >= maxReports {
			d.reporter.Counters.Lost.Add(1)
			continue
		}
		d.reports = append(d.reports, report)
	}
}

// Send hands over what was gathered, as Reporter.Send does, and forgets it: the next attempt may
// go on with the same Delivery.
func (d *Delivery) Send(ctx context.Context) error {
	d.mu.Lock()
	reports := d.reports
	d.reports = nil
	for i := range reports {
		if p := &reports[i].Policy; p.Type == "sts" && p.Strings == nil && p.MXHosts == nil {
			p.Strings, p.MXHosts = d.lines, d.mxs
		}
	}
	d.mu.Unlock()
	return d.reporter.Send(ctx, reports...)
}
