package report

import (
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// shownDays is how many days a page looks ahead, and keptDays how many beyond the row.
	shownDays = 30
	keptDays  = 60
	// maxDays bounds the days that are counted: a survey may take long, and clocks jump.
	maxDays = 4096

	day = 24 * time.Hour
)

// ends count what ends when. The zero ends are ready to use.
type ends struct {
	days         map[int64]dayEnds
	signatures   soonest
	certificates soonest
}

// dayEnds are the domains of which something ends first on a day.
type dayEnds struct {
	Signatures int
	// Certificates of hosts with a TLSA record of a usage for which dates count, and Idle those
	// of the others.
	Certificates, Idle int
}

func dayOf(at time.Time) int64 {
	seconds := at.Unix()
	days := seconds / int64(day/time.Second)
	if seconds%int64(day/time.Second) < 0 {
		days--
	}
	return days
}

// add adds a row to those of a survey, the last of which is of an instant so far.
func (n *ends) add(e *entry, last time.Time) {
	var signature, certificate, idle time.Time
	from := dayOf(last)
	for zone, until := range e.signatures() {
		if e.soon(until) {
			n.signatures.add(zone, until, from)
			signature = earlier(signature, until)
		}
	}
	known := make(map[end]bool) // a host has a certificate at each address, which mostly is the same
	for _, h := range e.Hosts {
		counts := h.datesCount()
		for _, p := range h.Probes {
			if len(p.Certificates) == 0 || !e.soon(p.Certificates[0].NotAfter) {
				continue
			}
			until := p.Certificates[0].NotAfter
			if !counts {
				idle = earlier(idle, until)
				continue
			}
			certificate = earlier(certificate, until)
			if one := (end{h.Host, until.Unix()}); !known[one] {
				known[one] = true
				n.certificates.add(h.Host, until, from)
			}
		}
	}
	n.count(signature, dayEnds{Signatures: 1})
	n.count(certificate, dayEnds{Certificates: 1})
	n.count(idle, dayEnds{Idle: 1})
}

// soon reports whether something ends after the row was made, and not long after it.
func (e *entry) soon(until time.Time) bool {
	return !e.At.IsZero() && !until.Before(e.At) && until.Sub(e.At) <= keptDays*day
}

func (n *ends) count(until time.Time, add dayEnds) {
	if until.IsZero() {
		return
	}
	if n.days == nil {
		n.days = make(map[int64]dayEnds)
	}
	at := dayOf(until)
	now, known := n.days[at]
	if !known && len(n.days) >= maxDays {
		return
	}
	now.Signatures += add.Signatures
	now.Certificates += add.Certificates
	now.Idle += add.Idle
	n.days[at] = now
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// signatures are the first ends of those that the zones of the domain and of its hosts have
// made: not those of the root and of top-level domains, which do not depend on the domain.
func (e *entry) signatures() map[string]time.Time {
	ends := make(map[string]time.Time)
	for i := range e.Lookups {
		last := e.Lookups[i].last()
		if last == nil || dns.CountLabel(last.Zone) < 2 {
			continue
		}
		for _, l := range e.Lookups[i].Chain {
			if l.Zone == last.Zone && !l.Expiration.IsZero() {
				ends[l.Zone] = earlier(ends[l.Zone], l.Expiration)
			}
		}
	}
	return ends
}

// datesCount reports whether a certificate that has ended stops mail: with usage 3 none does
// (RFC 7672 §3.1.1).
func (h *host) datesCount() bool {
	return h.Action == mustAuthenticate && slices.ContainsFunc(h.TLSA, func(record string) bool {
		parameters, ok := parametersOf(record)
		return ok && strings.HasPrefix(parameters, "2 ")
	})
}
