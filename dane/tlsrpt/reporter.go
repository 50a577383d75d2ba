package tlsrpt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/danesmtp/danesmtp/dane"
)

// defaultTimeout bounds the lookups of one Send: as long as a stub resolver waits for a server.
const defaultTimeout = 5 * time.Second

// A Reporter sends to the collector of tlsrpt-reporter. The zero Reporter sends nothing, and
// looks nothing up. A Reporter must not be copied or changed while it is in use, and is safe
// for concurrent use.
type Reporter struct {
	// Socket is the path of the collector's socket. If empty, nothing is sent.
	Socket string
	// Verifier looks up TLSRPT records: that of the deliveries, since its Resolver has the
	// answers in its cache. Nil means the zero Verifier.
	Verifier *dane.Verifier
	// Timeout bounds the lookups of one Send. 0 means five seconds.
	Timeout time.Duration
	// Counters say what became of the reports.
	Counters Counters
}

// Counters count, for a program's metrics.
type Counters struct {
	Sent          atomic.Int64 // datagrams that the socket has taken
	Lost          atomic.Int64 // datagrams that it has not, and reports beyond the limit of a delivery
	Unwanted      atomic.Int64 // deliveries to domains without a TLSRPT record
	FailedLookups atomic.Int64 // deliveries to domains whose record could not be looked up
}

// Send hands over the reports of one delivery attempt: those of its connections, skipped hosts
// and failed lookups, in the order in which they came. Of those, failures of TLS and
// encrypted connections count; the others, such as a host that is down, are left out.
// [Reporter.Begin] gathers them by itself.
//
// It is to be called when the delivery is over. It takes no longer than Timeout; the context
// ends it when it is cancelled, but not by its deadline, which as a rule is that of the delivery
// and may have passed. The error says what was lost. It is for logs, and nothing is to be tried
// again.
func (r *Reporter) Send(ctx context.Context, reports ...dane.Report) error {
	if r.Socket == "" {
		return nil
	}
	ctx, cancel := r.limit(ctx)
	defer cancel()
	var errs []error
	if excess := len(reports) - maxReports; excess > 0 {
		reports = reports[:maxReports]
		r.Counters.Lost.Add(int64(excess))
		errs = append(errs, fmt.Errorf("tlsrpt: %d reports of one delivery are too many", excess+maxReports))
	}
	reports = slices.DeleteFunc(slices.Clone(reports), func(report dane.Report) bool { return !counts(report) })
	for len(reports) > 0 {
		domain := reports[0].Domain
		var own, others []dane.Report // a route may lead to hosts of several domains
		for _, report := range reports {
			if report.Domain == domain {
				own = append(own, report)
			} else {
				others = append(others, report)
			}
		}
		errs = append(errs, r.sendDomain(ctx, domain, own))
		reports = others
	}
	return errors.Join(errs...)
}

// sendDomain sends to those who get the reports of one domain.
func (r *Reporter) sendDomain(ctx context.Context, domain string, reports []dane.Report) error {
	verifier := r.Verifier
	if verifier == nil {
		verifier = new(dane.Verifier)
	}
	record, err := verifier.LookupTLSRPT(ctx, domain)
	switch {
	case err != nil:
		r.Counters.FailedLookups.Add(1)
		return fmt.Errorf("tlsrpt: no report: %w", err)
	case record == "":
		r.Counters.Unwanted.Add(1)
		return nil
	}
	var errs []error
	for _, payload := range datagrams(domain, record, reports) {
		if err := write(r.Socket, payload); err != nil {
			r.Counters.Lost.Add(1)
			errs = append(errs, fmt.Errorf("tlsrpt: report for %s is lost: %w", domain, err))
			continue
		}
		r.Counters.Sent.Add(1)
	}
	return errors.Join(errs...)
}

// limit returns a context that ends after the timeout, or when ctx is cancelled.
func (r *Reporter) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			cancel()
		}
	})
	return own, func() { stop(); cancel() }
}
