package main

import (
	"context"

	"github.com/danesmtp/danesmtp/dane"
)

// traced returns a context with the hooks of all deliveries: what happens is logged, and counted.
func (m *mailer) traced(ctx context.Context) context.Context {
	return dane.WithTrace(dane.WithTrace(ctx, dane.LogTrace(m.log)), m.counters.Trace())
}

// logCounters logs the counters since the start, on one line.
func (m *mailer) logCounters() {
	c, r := &m.counters, &m.reporter.Counters
	m.log.Info("counters",
		"delivered", m.delivered.Load(), "deferred", m.deferred.Load(), "bounced", m.bounced.Load(),
		"lookups", c.Lookups.Load(), "failed_lookups", c.FailedLookups.Load(),
		"hosts", c.Hosts.Load(), "skipped_hosts", c.Skipped.Load(),
		"connections", c.Attempts.Load(), "failed_connections", c.FailedAttempts.Load(), "authenticated", c.AuthenticatedAttempts.Load(),
		"tls_reports", r.Sent.Load(), "lost_tls_reports", r.Lost.Load(),
	)
}
