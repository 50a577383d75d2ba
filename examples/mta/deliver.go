package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/tlsrpt"
)

// deliveryTimeout bounds one attempt at a domain: all its hosts, and the message.
const deliveryTimeout = 30 * time.Minute

// A mailer delivers messages.
type mailer struct {
	verifier *dane.Verifier
	reporter *tlsrpt.Reporter
	hello    string
	log      *slog.Logger
	maintain func(context.Context) // keeps trust anchors up to date; may be nil

	reports                      sync.WaitGroup // those that are being handed over
	counters                     dane.Counters
	delivered, deferred, bounced atomic.Int64 // recipients
}

// A result is what became of a recipient.
type result struct {
	to      string
	host    string       // that was tried last; empty if there was none
	sent    bool         // the host has the message
	err     error        // why not
	failure dane.Failure // what err means
}

func (r *result) word() string {
	switch {
	case r.sent:
		return "delivered"
	case r.failure.Permanent:
		return "bounced"
	}
	return "deferred"
}

// deliver tries the hosts of a domain in order, until each of the recipients is delivered to,
// or refused for good. Those in between are tried at the next host, and what is left in the end
// later (RFC 5321 §5.1, RFC 7672 §2.1.1). What is said of TLS to a reporter does not keep the
// results back; the caller waits for m.reports in the end.
func (m *mailer) deliver(ctx context.Context, msg *message, recipients []string) []result {
	ctx, seen := m.reporter.Begin(ctx)
	attempt, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	results := make([]result, len(recipients))
	for i, to := range recipients {
		results[i].to = to
	}
	m.tryHosts(attempt, msg, results)
	for i := range results {
		m.settle(&results[i])
	}
	m.reports.Go(func() {
		if err := seen.Send(ctx); err != nil {
			m.log.Warn("no TLS report", "err", err)
		}
	})
	return results
}

func (m *mailer) tryHosts(ctx context.Context, msg *message, results []result) {
	pending := make([]*result, len(results))
	for i := range results {
		pending[i] = &results[i]
	}
	_, domain := split(results[0].to)
	d, err := m.verifier.LookupMX(ctx, domain)
	if err != nil { // RFC 7672 §2.1.2: no fallback to the domain's address
		for _, r := range pending {
			r.err = err
		}
		return
	}
	for _, mx := range d.MX {
		for _, r := range pending {
			r.host = mx.Host
		}
		conn, err := m.verifier.Connect(ctx, m.verifier.LookupHost(ctx, d, mx))
		if err != nil {
			for _, r := range pending {
				r.err = errors.Join(r.err, err)
			}
			continue
		}
		errs := m.send(conn, msg, pending, d.Name)
		pending = slices.DeleteFunc(slices.Clone(pending), func(r *result) bool {
			err := conn.MessageError(errs[r])
			switch {
			case err == nil:
				r.sent, r.err = true, nil
			case dane.Classify(err).Permanent:
				r.err = err // the host knows best
			default:
				r.err = errors.Join(r.err, err)
				return false
			}
			return true
		})
		if len(pending) == 0 || ctx.Err() != nil {
			return
		}
	}
}

// settle says, counts and logs what a result means.
func (m *mailer) settle(r *result) {
	if r.sent {
		m.delivered.Add(1)
		m.log.Info("delivered", "to", r.to, "mx", r.host)
		return
	}
	r.failure = dane.Classify(r.err)
	if r.failure.Permanent {
		m.bounced.Add(1)
	} else {
		m.deferred.Add(1)
	}
	m.log.Warn(r.word(), "to", r.to, "mx", r.host, "code", r.failure.Code, "err", r.failure.Text)
}
