package monitor

import (
	"strconv"
	"strings"
	"time"

	"github.com/danesmtp/danesmtp/dane/diagnosis"
)

// A perf is one measure of a plugin: 'label'=value[unit];warn;crit;min;max.
type perf struct {
	label            string
	value            float64
	unit             string // "s", or empty for a number of things
	warn, crit       string // ranges outside of which it is a warning, or critical
	minimum, maximum string
}

// String returns the form of the guidelines. Without a threshold the final semicolons are left
// out, as they may be.
func (p perf) String() string {
	label := strings.NewReplacer("'", "''", "=", "_", "|", "/").Replace(oneLine(p.label))
	text := "'" + label + "'=" + strconv.FormatFloat(p.value, 'f', -1, 64) + p.unit +
		";" + p.warn + ";" + p.crit + ";" + p.minimum + ";" + p.maximum
	return strings.TrimRight(text, ";")
}

func count(label string, n int) perf {
	return perf{label: label, value: float64(n), minimum: "0"}
}

func seconds(label string, d time.Duration) perf {
	return perf{label: label, value: d.Round(time.Millisecond).Seconds(), unit: "s", minimum: "0"}
}

// perfdata returns the measures: those of one domain, or the sums and then those of each.
func (n *Nagios) perfdata(observations []Observation, elapsed, timeout time.Duration) []perf {
	total := seconds("time", elapsed)
	total.maximum = strconv.FormatFloat(timeout.Seconds(), 'f', -1, 64)
	all := []perf{total}
	if len(observations) == 1 {
		return append(all, n.measures("", &observations[0])...)
	}
	all = append(all, count("domains", len(observations)))
	for _, state := range []diagnosis.State{diagnosis.StateOK, diagnosis.StateNone, diagnosis.StateWarning, diagnosis.StateUnknown, diagnosis.StateBroken} {
		one := count(state.String(), inState(observations, state))
		switch statusOf(state, n.Require) {
		case Warning:
			one.warn = "0"
		case Critical:
			one.crit = "0"
		}
		all = append(all, one)
	}
	for i := range observations {
		o := &observations[i]
		all = append(all, seconds(o.Domain+" time", o.Elapsed))
		all = append(all, n.measures(o.Domain+" ", o)...)
	}
	return all
}

// measures returns those of a domain. Days until something ends have the thresholds of package
// diagnosis, if its end breaks anything.
func (n *Nagios) measures(prefix string, o *Observation) (all []perf) {
	if o.Result == nil {
		return nil
	}
	c := countsOf(o.Result)
	all = append(all, count(prefix+"hosts", c.hosts), count(prefix+"addresses", c.attempts), count(prefix+"authenticated", c.authenticated))
	if ends := certificateExpiries(o.Result); len(ends) > 0 {
		first := ends[0]
		for _, e := range ends {
			if e.mustBeValid() {
				first = e
				break
			}
		}
		all = append(all, n.days(prefix+"certificate_days", o, &first, first.mustBeValid()))
	}
	if ends := signatureExpiries(o.Result); len(ends) > 0 {
		all = append(all, n.days(prefix+"signature_days", o, &ends[0], true))
	}
	return all
}

func (n *Nagios) days(label string, o *Observation, e *expiry, counts bool) perf {
	p := perf{label: label, value: rounded(days(e.end.Sub(o.Started)))}
	if counts {
		p.crit = "0:"
		if warn := days(e.warnBefore(n.Within)); warn > 0 {
			p.warn = strconv.FormatFloat(rounded(warn), 'f', -1, 64) + ":"
		}
	}
	return p
}

func days(d time.Duration) float64 { return d.Hours() / 24 }

// rounded keeps two decimals: a quarter of an hour.
func rounded(days float64) float64 {
	short, err := strconv.ParseFloat(strconv.FormatFloat(days, 'f', 2, 64), 64)
	if err != nil {
		return days
	}
	return short
}
