package main

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/danesmtp/danesmtp/dane"
)

// register exports the counters. A mail server needs this function, and nothing else
// of this program.
func register(registry prometheus.Registerer, c *dane.Counters) error {
	for _, m := range []struct {
		name, help string
		labels     prometheus.Labels
		value      *atomic.Int64
	}{
		{"dane_lookups_total", "Questions that were asked.", nil, &c.Lookups},
		{"dane_failed_lookups_total", "Lookups that failed: bogus, SERVFAIL or no answer.", nil, &c.FailedLookups},
		{"dane_hosts_total", "Mail servers that were looked up.", nil, &c.Hosts},
		{"dane_skipped_hosts_total", "Mail servers that must not be delivered to.", nil, &c.Skipped},
		{"dane_authenticate_hosts_total", "Mail servers that must match their TLSA records.", nil, &c.Authenticate},
		{"dane_attempts_total", "Connections to mail servers.", nil, &c.Attempts},
		{"dane_failed_attempts_total", "Connections that could not have a message.", nil, &c.FailedAttempts},
		{"dane_authenticated_attempts_total", "Connections to mail servers that matched their TLSA records.", nil, &c.AuthenticatedAttempts},
		{"dane_results_total", "Results of Verify, by outcome.", prometheus.Labels{"outcome": dane.OutcomeSuccess.String()}, &c.Successes},
		{"dane_results_total", "Results of Verify, by outcome.", prometheus.Labels{"outcome": dane.OutcomeNone.String()}, &c.WithoutDANE},
		{"dane_results_total", "Results of Verify, by outcome.", prometheus.Labels{"outcome": dane.OutcomeFailure.String()}, &c.Failures},
	} {
		metric := prometheus.NewCounterFunc(prometheus.CounterOpts{Name: m.name, Help: m.help, ConstLabels: m.labels},
			func() float64 { return float64(m.value.Load()) })
		if err := registry.Register(metric); err != nil {
			return err
		}
	}
	return nil
}
