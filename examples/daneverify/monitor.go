package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
	"github.com/danesmtp/danesmtp/examples/daneverify/internal/monitor"
	"github.com/danesmtp/danesmtp/examples/internal/cli"
	"github.com/danesmtp/danesmtp/examples/internal/daemon"
	"github.com/danesmtp/danesmtp/examples/internal/machine"
)

// monitorPort is that of the examples; that of examples/prometheus is the one before.
const monitorPort = 9766

// monitorNotes say how the command is set up for good. The units are in release/units.
const monitorNotes = `With -trust-state, a file that cannot be written is a warning, and so are trust anchors that were
not validated for long. docs/monitoring.md, in a package /usr/share/doc/danesmtp/monitoring.md, has the
configuration of Nagios, Icinga and Prometheus, rules for alerts, and what each metric means.

To set it up with systemd, from a package, which has the units. As root, write the domains into the
file /etc/default/dane-monitor, with spaces between them, and more flags of this command if you want some:

    DOMAINS="example.org example.net"
    FLAGS="-require -within 168h"

Then start one of the two. Both keep the root's keys up to date in a folder of their own, and have no
privileges. The first answers Prometheus at 127.0.0.1:9766; the second, every 15 minutes, writes
/var/lib/prometheus/node-exporter/dane.prom, which is where Debian's node_exporter looks, and does nothing
while that folder is not there:

    systemctl enable --now dane-monitor.service
    systemctl enable --now dane-metrics.timer

See that it works, the first by curl, the second by running it once. A domain that is well has a line
that begins with dane_domain_state, has its name and state="ok", and ends with 1. What went wrong is in the
journal:

    curl 'http://127.0.0.1:9766/probe?target=example.org'
    systemctl start dane-metrics.service
    grep dane_domain_state /var/lib/prometheus/node-exporter/dane.prom
    journalctl -u dane-monitor.service -u dane-metrics.service

After a change of the file, restart the first; the second reads it each time:

    systemctl restart dane-monitor.service

Prometheus asks the service as it asks blackbox_exporter:

    scrape_configs:
      - job_name: dane
        metrics_path: /probe
        scrape_interval: 4m
        scrape_timeout: 60s
        static_configs: [{targets: [example.org, example.net]}]
        relabel_configs:
          - {source_labels: [__address__], target_label: __param_target}
          - {source_labels: [__param_target], target_label: instance}
          - {target_label: __address__, replacement: "127.0.0.1:9766"}

For Nagios and Icinga there is nothing to start: their command is daneverify monitor -nagios DOMAIN…, with a -timeout
below that of their own, which is 60 seconds as a rule.`

// commandMonitor tells monitoring systems how domains are.
func commandMonitor() *cli.Command {
	return &cli.Command{
		Name: "monitor", Summary: "tell Nagios, Prometheus or a terminal how domains are, and when that changes",
		Usage: []string{"[flags] DOMAIN…", "-nagios [flags] DOMAIN…", "-prometheus FILE [flags] DOMAIN…", "-listen ADDR [flags] [DOMAIN…]"},
		About: `Judges domains as the command check does, and tells it to what watches over them. Without
-nagios, -prometheus or -listen it goes on until it is interrupted, and prints a line with the time
whenever the state of a domain changes, or what it is for.

-nagios prints the line of a plugin for Nagios, Icinga and the like, the worst domain first, with
perfdata, and ends within -timeout whatever happens.

-prometheus writes metrics for the textfile collector of node_exporter, whose files end in .prom; "-" is
standard output. A run that fails leaves metrics that say so.

-listen answers Prometheus as blackbox_exporter does: /probe?target=DOMAIN checks a domain within the time
of the scrape, /metrics counts, /-/healthy says that it is there. Whoever can reach it makes this machine
look domains up and connect to their mail servers; so ADDR must be of this machine alone, unless
-listen-any allows others, and with DOMAIN… no other one can be asked for.`,
		Notes: monitorNotes + trace,
		Examples: []cli.Example{
			{Line: "daneverify monitor example.org example.net", About: "on a terminal"},
			{Line: "daneverify monitor -nagios -require -timeout 50s example.org"},
			{Line: "daneverify monitor -prometheus /var/lib/prometheus/node-exporter/dane.prom example.org", About: "from a timer"},
			{Line: fmt.Sprintf("daneverify monitor -listen 127.0.0.1:%d example.org", monitorPort), About: "as a service"},
		},
		Exits: []cli.Exit{
			{Status: int(monitor.OK), Means: "with -nagios, every domain is OK, or NONE without -require; otherwise the metrics are written, or it was told to end"},
			{Status: int(monitor.Warning), Means: "with -nagios, one is WARNING, or the trust anchors are"},
			{Status: int(monitor.Critical), Means: "with -nagios, one is BROKEN, or NONE with -require; otherwise something was not understood, or could not be written or listened at"},
			{Status: int(monitor.Unknown), Means: "with -nagios, one is UNKNOWN, also since the time was over, or something was not understood. Of several the first in the order 2, 3, 1, 0 counts"},
		},
		Mistake: monitorMistake,
		Begin: func(f *cli.Flags) cli.Run {
			m := &monitorOptions{options: defaults()}
			m.flags(f)
			return m.run
		},
	}
}

// monitorMistake prints a mistake in the command line where Nagios reads it.
func monitorMistake(s cli.Streams, args []string, err error) (status int, told bool) {
	for _, arg := range args {
		if name, value, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "="); (name == "-nagios" || name == "nagios") && value != "false" && arg != name {
			return int(monitor.NagiosUnknown(s.Out, err.Error())), true
		}
	}
	return exitUsage, false
}

// monitorOptions are the flags of the command monitor.
type monitorOptions struct {
	*options
	nagios, require, listenAny bool
	prometheus, listen         string
	interval, within           time.Duration
}

func (m *monitorOptions) flags(f *cli.Flags) {
	f.Group("How it is told")
	f.BoolVar(&m.nagios, "nagios", false, "print the line of a Nagios plugin, and exit with its status")
	f.StringVar(&m.prometheus, "prometheus", "", "write metrics to `FILE` for node_exporter's textfile collector; - is standard output")
	f.StringVar(&m.listen, "listen", "", "answer the scrapes of Prometheus at `ADDR`, an IP address and a port")
	f.BoolVar(&m.listenAny, "listen-any", false, "ADDR may be one that others can reach")
	f.DurationVar(&m.interval, "interval", 0, "from one round to the next: a `DURATION` (default: 15m; with -prometheus one round)")
	f.Group("What is judged")
	f.BoolVar(&m.require, "require", false, "a domain without DANE is as bad as a broken one")
	f.DurationVar(&m.within, "within", diagnosis.DefaultWithin, "warn of what ends within a `DURATION`; 0 looks for nothing")
	m.compareFlag(f)
	m.ignoreFlag(f)
	f.BoolVar(&m.demo, "demo", false, "use the Internet that is built in, to try it out")
	f.BoolVar(&m.verbose, "v", false, "with -listen, log every probe")
	m.dnsFlags(f)
	m.smtpFlags(f)
	f.Group("Many domains, and time")
	f.IntVar(&m.concurrency, "concurrency", monitor.DefaultProbes, "check `N` domains at a time")
	f.DurationVar(&m.timeout, "timeout", 0, "for one domain, with -nagios for all: a `DURATION` (default: 2m; with -nagios and -listen 50s)")
}

// wrong returns what is wrong with the flags and domains, after it has given the domains one form.
func (m *monitorOptions) wrong(domains []string) error {
	told := 0
	for _, is := range []bool{m.nagios, m.prometheus != "", m.listen != ""} {
		if is {
			told++
		}
	}
	switch {
	case told > 1:
		return errors.New("-nagios, -prometheus and -listen are three ways to tell it: give one of them")
	case m.listenAny && m.listen == "":
		return errors.New("-listen-any is for -listen")
	case m.interval < 0:
		return fmt.Errorf("-interval %s: want a positive duration", m.interval)
	case m.interval > 0 && (m.nagios || m.listen != ""):
		return errors.New("-interval is for rounds, of which there are none with -nagios and -listen")
	case m.within < 0:
		return fmt.Errorf("-within %s: want a duration that is not negative", m.within)
	case m.timeout < 0:
		return fmt.Errorf("-timeout %s: want a positive duration", m.timeout)
	case len(domains) == 0 && m.listen == "":
		return errors.New("no domain is given; -help has examples")
	}
	for _, text := range domains {
		domain, err := monitor.ParseDomain(text)
		if err != nil {
			return err
		}
		if !slices.Contains(m.domains, domain) {
			m.domains = append(m.domains, domain)
		}
	}
	if m.timeout == 0 {
		m.timeout = defaultTimeout
		if m.nagios || m.listen != "" {
			m.timeout = monitor.DefaultTimeout
		}
	}
	if err := m.wrongListen(); err != nil {
		return err
	}
	others := *m.options
	others.domains = []string{"example.org"} // the others may come by scrapes
	return others.wrong()
}

func (m *monitorOptions) wrongListen() error {
	if m.listen == "" {
		return nil
	}
	err := daemon.CheckLocal(m.listen, monitorPort)
	switch {
	case errors.Is(err, daemon.ErrNotLocal) && m.listenAny:
		return nil
	case errors.Is(err, daemon.ErrNotLocal):
		return fmt.Errorf("-listen %w, and have this machine connect to mail servers; -listen-any allows that, and domains on the command line limit what for", err)
	case err != nil:
		return fmt.Errorf("-listen %w", err)
	}
	return nil
}

// run does what the flags ask for.
func (m *monitorOptions) run(ctx context.Context, s cli.Streams, args []string) (int, error) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM) // as systemd ends a service
	defer stop()
	if err := m.wrong(args); err != nil {
		return exitUsage, m.notBegun(err)
	}
	m.concurrency = machine.Fit("daneverify", m.concurrency, descriptorsKept, s.Err)
	v, end, err := m.sender(s)
	if err != nil {
		return exitUsage, m.notBegun(err)
	}
	defer end()
	return m.tell(ctx, s, v)
}

// notBegun returns an error after which nothing is checked. Metrics that say so replace those
// of a run that was better.
func (m *monitorOptions) notBegun(err error) error {
	if file := m.prometheus; file != "" && file != "-" && len(m.domains) > 0 {
		return errors.Join(err, m.write(nil, monitor.FailedMetrics(m.domains, err.Error())))
	}
	return err
}

// looksLikeTextfile reports whether node_exporter reads a file of that name.
func looksLikeTextfile(path string) bool {
	return path == "-" || filepath.Ext(path) == ".prom" || path == os.DevNull
}
