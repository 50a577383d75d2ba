package report

import (
	"cmp"
	"maps"
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
	// maxEnds is how many of the next ends are listed, of each kind.
	maxEnds = 200

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

func (n *ends) add(e *entry) {
	var signature, certificate, idle time.Time
	for zone, until := range e.signatures() {
		n.signatures.add(zone, until)
		signature = earlier(signature, until)
	}
	for _, h := range e.Hosts {
		counts := h.datesCount()
		for _, p := range h.Probes {
			if len(p.Certificates) == 0 || p.Certificates[0].NotAfter.IsZero() {
				continue
			}
			until := p.Certificates[0].NotAfter
			if !counts {
				idle = earlier(idle, until)
				continue
			}
			n.certificates.add(h.Host, until)
			certificate = earlier(certificate, until)
		}
	}
	n.count(e, signature, dayEnds{Signatures: 1})
	n.count(e, certificate, dayEnds{Certificates: 1})
	n.count(e, idle, dayEnds{Idle: 1})
}

func (n *ends) count(e *entry, until time.Time, add dayEnds) {
	if until.IsZero() || until.Sub(e.At) > keptDays*day || until.Before(e.At.Add(-day)) {
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

// soonest keeps the things that end next. The zero soonest is ready to use.
type soonest struct {
	ends map[end]int // how many domains each concerns
	// until is when the last one ends, once there are more than are kept: what ends then, or later,
	// is not among them.
	until time.Time
}

type end struct {
	name string
	at   int64 // seconds
}

func (s *soonest) add(name string, at time.Time) {
	if !s.until.IsZero() && !at.Before(s.until) {
		return
	}
	if s.ends == nil {
		s.ends = make(map[end]int)
	}
	s.ends[end{clip(name), at.Unix()}]++
	if len(s.ends) <= 2*maxEnds {
		return
	}
	all := s.sorted()
	// What ends at the same instant as the first one that goes, goes, too: it would be counted in part.
	s.until = time.Unix(all[maxEnds].at, 0)
	for _, one := range all {
		if one.at >= all[maxEnds].at {
			delete(s.ends, one)
		}
	}
}

// sorted returns the ends, the next one first.
func (s *soonest) sorted() []end {
	return slices.SortedFunc(maps.Keys(s.ends), func(a, b end) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.name, b.name))
	})
}

// between returns at most limit of what ends from one instant to another.
func (s *soonest) between(from, until time.Time, limit int) (shown []end) {
	for _, one := range s.sorted() {
		if one.at >= from.Unix() && one.at <= until.Unix() && len(shown) < limit {
			shown = append(shown, one)
		}
	}
	return shown
}
