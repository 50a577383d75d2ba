package queue

import (
	"cmp"
	"context"
	"net/netip"
	"sync"

	"github.com/danesmtp/danesmtp/dane/survey"
	"github.com/danesmtp/danesmtp/dnssec/upstream"
)

// A DNSLimit is the part that a worker has of the limit on queries to one DNS server: each worker of a vantage point asks
// for the domains that it has, and all of them together should be no more to a server than one machine.
type DNSLimit struct {
	whole  survey.Limits
	during sync.Mutex
	among  int // workers
	part   *survey.Survey
}

// NewDNSLimit begins with all of it.
func NewDNSLimit(limits survey.Limits) *DNSLimit {
	l := &DNSLimit{whole: limits}
	l.divide(1)
	return l
}

// Admit is for upstream.Recursor.Admit, as Survey.AdmitDNS is.
func (l *DNSLimit) Admit(ctx context.Context, server netip.Addr) (done func(*upstream.Reply, error), err error) {
	l.during.Lock()
	part := l.part
	l.during.Unlock()
	return part.AdmitDNS(ctx, server)
}

// workers returns among how many it is divided.
func (l *DNSLimit) workers() int {
	l.during.Lock()
	defer l.during.Unlock()
	return l.among
}

// divide has it divided among so many workers. Queries that have begun are counted no more, and servers that are left
// alone may be asked once more.
func (l *DNSLimit) divide(workers int) {
	workers = max(1, workers)
	l.during.Lock()
	defer l.during.Unlock()
	if workers == l.among {
		return
	}
	defaults, limit := survey.DefaultLimits().DNS, l.whole.DNS
	limit.Connections = cmp.Or(limit.Connections, defaults.Connections)
	limit.PerSecond = cmp.Or(limit.PerSecond, defaults.PerSecond)
	if limit.Connections > 0 {
		limit.Connections = max(1, limit.Connections/workers)
	}
	if limit.PerSecond > 0 {
		limit.PerSecond /= float64(workers)
	}
	l.among, l.part = workers, bareSurvey()
	l.part.Limits.DNS, l.part.Limits.Pause = limit, l.whole.Pause
}
