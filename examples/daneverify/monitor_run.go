package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/danetest"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/dnssec"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/monitor"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/examples/internal/daemon"
)

// minProbeTimeout is what one SMTP connection has at least, where there is little time for the
// domain: servers that keep spammers waiting do so for some seconds, and for up to 20 as a rule.
const minProbeTimeout = 20 * time.Second

// tell checks the domains and tells it in one of the ways.
func (m *monitorOptions) tell(ctx context.Context, s cli.Streams, v *dane.Verifier) (int, error) {
	trust := m.trustNow
	switch {
	case m.nagios:
		n := monitor.Nagios{Check: m.check(v), Domains: m.domains, Require: m.require, Within: m.within, Timeout: m.timeout, Concurrency: m.concurrency, Trust: trust}
		return int(n.Run(ctx, s.Out)), nil
	case m.prometheus != "":
		return exitSuccess, m.writeMetrics(ctx, s, m.check(v), trust)
	}
	maintained, stop := context.WithCancel(ctx)
	defer stop()
	if resolver, ok := v.Resolver.(*dnssec.Resolver); ok {
		go maintain(maintained, resolver, s)
	}
	if m.listen != "" {
		return exitSuccess, m.serve(ctx, s, v, trust)
	}
	w := monitor.Watch{Check: m.check(v), Domains: m.domains, Interval: m.interval, Timeout: m.timeout, Concurrency: m.concurrency,
		Trust: trust, Out: s.Out, Errors: s.Err}
	daemon.Notify("READY=1")
	w.Run(ctx)
	daemon.Notify("STOPPING=1")
	return exitSuccess, nil
}

// trustNow says how the trust anchors are.
func (m *monitorOptions) trustNow(now time.Time) (t monitor.Trust) {
	for _, f := range m.trust.findings(now, cmp.Or(m.within, -1)) {
		text := f.Text
		if len(f.Evidence) > 0 {
			text = strings.TrimSuffix(text, ".") + " (" + strings.Join(f.Evidence, "; ") + ")."
		}
		t.Warnings = append(t.Warnings, text)
	}
	if m.trust.trustStateFile == nil {
		return t
	}
	points, err := m.trust.tracker.TrustPoints(now)
	if err != nil {
		t.Warnings = append(t.Warnings, err.Error())
	}
	for _, p := range points {
		t.Zones = append(t.Zones, monitor.TrustedZone{Name: p.Zone, LastValidated: p.LastSuccess})
	}
	return t
}

// sender returns the Verifier that the flags ask for, and what ends it.
func (m *monitorOptions) sender(s cli.Streams) (*dane.Verifier, func(), error) {
	if !m.demo {
		v, err := m.verifier(s.Err)
		return v, func() {}, err
	}
	internet := danetest.NewInternet()
	v, err := m.demoVerifier(internet)
	if err != nil {
		internet.Close()
		return nil, nil, err
	}
	return v, internet.Close, nil
}

// check returns what finds out about one domain, as the command check does. A connection has at
// most half of the time for the domain, so that one that hangs is known to.
func (m *monitorOptions) check(v *dane.Verifier) monitor.Check {
	options := diagnosis.Options{Within: cmp.Or(m.within, -1), Direct: m.recursive}
	return func(ctx context.Context, domain string) (*dane.Result, diagnosis.Report) {
		own := *v
		if deadline, limited := ctx.Deadline(); limited {
			own.AttemptTimeout = min(m.probeTimeout, max(minProbeTimeout, time.Until(deadline)/2))
		}
		checker := dane.Checker{Verifier: &own, AllCertificates: true}
		result, _ := checker.Verify(ctx, domain) // there is a finding of the error
		judged := options
		judged.Servers = m.comparison.ask(ctx, &own, result)
		return result, monitor.Ignore(diagnosis.Diagnose(result, judged), m.ignored)
	}
}

// maintain keeps the trust anchors up to date while nobody looks anything up.
func maintain(ctx context.Context, resolver *dnssec.Resolver, s cli.Streams) {
	err := resolver.MaintainAnchors(ctx, func(err error) { complain(s.Err, err) })
	if err != nil && ctx.Err() == nil && !errors.Is(err, dnssec.ErrNotTracked) {
		complain(s.Err, fmt.Errorf("trust anchors are not maintained: %w", err))
	}
}

// writeMetrics is -prometheus: one round, or with -interval one after the other.
func (m *monitorOptions) writeMetrics(ctx context.Context, s cli.Streams, check monitor.Check, trust monitor.TrustCheck) error {
	if !looksLikeTextfile(m.prometheus) {
		say(s.Err, "daneverify: monitor: %s: node_exporter reads only files whose names end in .prom", m.prometheus)
	}
	t := monitor.Textfile{Check: check, Domains: m.domains, Concurrency: m.concurrency, Timeout: m.timeout,
		Trust: func(now time.Time) monitor.Trust {
			found := trust(now)
			for _, warning := range found.Warnings {
				say(s.Err, "daneverify: monitor: %s", warning)
			}
			return found
		}}
	for {
		began := time.Now()
		err := m.write(s.Out, t.Metrics(ctx))
		if m.interval == 0 {
			return err
		}
		if err != nil {
			complain(s.Err, err) // the next round may be luckier
		}
		daemon.Notify("READY=1")
		select {
		case <-ctx.Done():
			return err
		case <-time.After(max(time.Second, m.interval-time.Since(began))):
		}
	}
}

func (m *monitorOptions) write(stdout io.Writer, metrics []byte) error {
	if m.prometheus == "-" {
		_, err := stdout.Write(metrics)
		return err
	}
	if err := monitor.WriteFile(m.prometheus, metrics); err != nil {
		return fmt.Errorf("-prometheus: %w", err)
	}
	return nil
}

// maxConnections bounds those of scrapers. They are kept open from scrape to scrape.
const maxConnections = 512

// serve is -listen.
func (m *monitorOptions) serve(ctx context.Context, s cli.Streams, v *dane.Verifier, trust monitor.TrustCheck) error {
	level := slog.LevelInfo
	if m.verbose {
		level = slog.LevelDebug
	}
	log := daemon.Log(s.Err, level)
	for _, warning := range trust(time.Now()).Warnings {
		log.Warn(warning)
	}
	if m.listenAny && len(m.domains) == 0 {
		log.Warn("whoever reaches this address can have any domain checked; domains on the command line would limit that", "listen", m.listen)
	}
	l, err := net.Listen("tcp", m.listen)
	if err != nil {
		return fmt.Errorf("-listen: %w", err)
	}
	counters := new(dane.Counters)
	check := m.check(v)
	server := monitor.Server{
		Check: func(ctx context.Context, domain string) (*dane.Result, diagnosis.Report) {
			return check(dane.WithTrace(ctx, counters.Trace()), domain)
		},
		Allowed: m.domains, Require: m.require, Timeout: m.timeout, Probes: m.concurrency, Trust: trust, Counters: counters, Log: log,
	}
	log.Info("ready", "listen", l.Addr().String())
	daemon.Notify("READY=1")
	err = server.Serve(ctx, &daemon.Limit{Listener: l, Connections: maxConnections})
	daemon.Notify("STOPPING=1")
	log.Info("ended")
	return err
}
