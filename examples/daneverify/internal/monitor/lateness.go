package monitor

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/danesmtp/danesmtp/dane"
	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// ForgiveLateness makes unknown what is only broken because the time for the whole check, the
// limit, was over, and reports whether there was such a thing: the time that a connection or a
// query may take by itself is shorter. The report is not changed, but returned anew.
func ForgiveLateness(r *dane.Result, report diagnosis.Report, limit, elapsed time.Duration) (diagnosis.Report, bool) {
	// Lookups that were made ahead end some time before the deadline.
	if elapsed < limit-limit/2 {
		return report, false
	}
	late := latenessOf(r)
	findings := slices.Clone(report.Findings)
	cut := false
	for i := range findings {
		if f := &findings[i]; f.Severity == diagnosis.Broken && late.explains(f) {
			f.Severity, cut = diagnosis.Unknown, true
		}
	}
	if !cut {
		return report, false
	}
	SortFindings(findings)
	state := diagnosis.StateUnknown
	if findings[0].Severity == diagnosis.Broken {
		state = diagnosis.StateBroken
	}
	return diagnosis.Report{State: state, Findings: findings}, true
}

// SortFindings puts the gravest first.
func SortFindings(findings []diagnosis.Finding) {
	slices.SortStableFunc(findings, func(a, b diagnosis.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
}

// A lateness is what a result lacks because its context ended.
type lateness struct {
	domain   bool
	hosts    map[string]bool
	attempts map[string]map[netip.Addr]bool // of each host
}

func latenessOf(r *dane.Result) lateness {
	late := lateness{hosts: make(map[string]bool), attempts: make(map[string]map[netip.Addr]bool)}
	if r.Domain != nil {
		late.domain = isLate(r.Domain.Lookup.Err)
	}
	for i := range r.Hosts {
		h := &r.Hosts[i]
		late.hosts[h.Name] = isLate(h.Err) || slices.ContainsFunc(h.Lookups, func(l dane.Lookup) bool { return isLate(l.Err) })
		late.attempts[h.Name] = make(map[netip.Addr]bool)
		for _, a := range h.Attempts {
			late.attempts[h.Name][a.Addr.Addr()] = isLate(a.Err)
		}
	}
	return late
}

// isLate reports whether it was the caller's time that was over: times of their own that
// connections have end with os.ErrDeadlineExceeded.
func isLate(err error) bool { return errors.Is(err, context.DeadlineExceeded) }

func (l lateness) explains(f *diagnosis.Finding) bool {
	if f.Host == "" {
		return l.domain
	}
	if len(f.Addresses) == 0 {
		return l.hosts[f.Host]
	}
	return !slices.ContainsFunc(f.Addresses, func(addr netip.Addr) bool { return !l.attempts[f.Host][addr] })
}
