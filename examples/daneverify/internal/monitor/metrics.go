package monitor

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// maxFindings bounds the time series of one domain: so many kinds of findings at so many hosts
// are told apart.
const maxFindings = 64

// addDomain adds what a check found. Each domain has all series at any time, so that a query
// needs no thought of those that are missing; only what there is none of is left out.
func (e *exposition) addDomain(o *Observation) {
	domain := []string{"domain", o.Domain}
	with := func(labels ...string) []string { return append(domain[:2:2], labels...) }
	one := func(name, help string, value float64, labels ...string) {
		e.add("dane_domain_"+name, gauge, help, value, with(labels...)...)
	}
	for state := diagnosis.StateUnknown; state <= diagnosis.StateBroken; state++ {
		one("state", "1 for the state of the domain with all its hosts and addresses, 0 for the others.", truth(o.State() == state), "state", state.String())
	}
	for severity := diagnosis.Note; severity <= diagnosis.Broken; severity++ {
		n := 0
		for i := range o.Report.Findings {
			if o.Report.Findings[i].Severity == severity {
				n++
			}
		}
		one("findings", "Findings about the domain, by severity.", float64(n), "severity", severity.String())
	}
	for i := range o.Report.Findings[:min(len(o.Report.Findings), maxFindings)] {
		f := &o.Report.Findings[i]
		one("finding_info", "A finding: what it is, and who must act.", 1,
			"code", string(f.Code), "severity", f.Severity.String(), "actor", f.Actor.String(), "host", f.Host)
	}
	one("check_timestamp_seconds", "When the check began.", seconds64(o.Started))
	one("check_duration_seconds", "How long the check took.", o.Elapsed.Seconds())
	if o.Result != nil {
		e.addResult(o.Result, one)
	}
}

func (e *exposition) addResult(r *dane.Result, one func(name, help string, value float64, labels ...string)) {
	for outcome := dane.OutcomeFailure; outcome <= dane.OutcomeSuccess; outcome++ {
		one("outcome", "1 for what a sender gets, 0 for the others. It may be a success although the state is broken.",
			truth(r.Outcome == outcome), "outcome", outcome.String())
	}
	c := countsOf(r)
	one("lookups", "Questions that were asked.", float64(c.lookups))
	one("hosts", "Mail servers that were looked up.", float64(c.hosts))
	one("skipped_hosts", "Mail servers that must not be delivered to.", float64(c.skipped))
	one("attempts", "Connections to addresses of mail servers.", float64(c.attempts))
	one("failed_attempts", "Connections that could not have a message.", float64(c.failed))
	one("authenticated_attempts", "Connections to mail servers that matched their TLSA records.", float64(c.authenticated))
	for _, end := range certificateExpiries(r) {
		one("certificate_expiry_timestamp_seconds", "When the first certificate of a mail server ends. Senders heed it only by a record of usage DANE-TA.",
			seconds64(end.end), "host", end.what, "usage", end.usage)
	}
	for _, end := range signatureExpiries(r) {
		one("signature_expiry_timestamp_seconds", "When the first DNSSEC signature of a zone ends, of those that the verdict rests on.",
			seconds64(end.end), "zone", end.what)
	}
}

// addTrust adds how the trust anchors are.
func (e *exposition) addTrust(t Trust) {
	e.add("dane_trust_anchors_ok", gauge, "1 if the trust anchors can be used and kept up to date, and do not end soon.", truth(len(t.Warnings) == 0))
	for _, zone := range t.Zones {
		if !zone.LastValidated.IsZero() {
			e.add("dane_trust_anchors_validated_timestamp_seconds", gauge, "When the keys of a zone with tracked trust anchors were last validated.",
				seconds64(zone.LastValidated), "zone", zoneName(zone.Name))
		}
	}
}

// addCounters adds what a process has done, under the names that examples/prometheus has.
func (e *exposition) addCounters(c *dane.Counters) {
	for _, m := range []struct {
		name, help, outcome string
		value               *atomic.Int64
	}{
		{"dane_lookups_total", "Questions that were asked.", "", &c.Lookups},
		{"dane_failed_lookups_total", "Lookups that failed: bogus, SERVFAIL or no answer.", "", &c.FailedLookups},
		{"dane_hosts_total", "Mail servers that were looked up.", "", &c.Hosts},
		{"dane_skipped_hosts_total", "Mail servers that must not be delivered to.", "", &c.Skipped},
		{"dane_authenticate_hosts_total", "Mail servers that must match their TLSA records.", "", &c.Authenticate},
		{"dane_attempts_total", "Connections to mail servers.", "", &c.Attempts},
		{"dane_failed_attempts_total", "Connections that could not have a message.", "", &c.FailedAttempts},
		{"dane_authenticated_attempts_total", "Connections to mail servers that matched their TLSA records.", "", &c.AuthenticatedAttempts},
		{"dane_results_total", "Results of Verify, by outcome.", dane.OutcomeSuccess.String(), &c.Successes},
		{"dane_results_total", "Results of Verify, by outcome.", dane.OutcomeNone.String(), &c.WithoutDANE},
		{"dane_results_total", "Results of Verify, by outcome.", dane.OutcomeFailure.String(), &c.Failures},
	} {
		var labels []string
		if m.outcome != "" {
			labels = []string{"outcome", m.outcome}
		}
		e.add(m.name, counter, m.help, float64(m.value.Load()), labels...)
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// seconds64 is an instant in seconds since 1970, with milliseconds.
func seconds64(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }

// text returns all of it.
func (e *exposition) text() []byte {
	var b strings.Builder
	_ = e.write(&b)
	return []byte(b.String())
}
